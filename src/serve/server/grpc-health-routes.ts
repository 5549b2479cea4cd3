/**
 * The health service of gRPC, with true state: of the server (no name), of its services, and of each model by its name.
 * Source: grpc/grpc doc/health-checking.md.
 */
import { SkyliftError, isSkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { ProtoReader } from '../../core/proto-reader.ts';
import { ProtoWriter } from '../../core/proto-writer.ts';
import { grpcRoute, replyMessage } from '../protocols/grpc-call.ts';
import type { HttpCall, Route } from '../protocols/http-call.ts';
import { isServed } from '../protocols/is-served.ts';
import { requireVisible } from '../protocols/visible-models.ts';
import { LATEST } from '../runtime/requests.ts';
import type { Runtime } from '../runtime/requests.ts';
import type { HealthState } from './health-routes.ts';

const SERVING = 1;
const NOT_SERVING = 2;

/** As the original names its services, and by their full names. */
const SERVICES: ReadonlySet<string> = new Set([
  '',
  'ModelService',
  'PredictionService',
  'tensorflow.serving.ModelService',
  'tensorflow.serving.PredictionService',
  'inference.GRPCInferenceService',
]);

/** `grpc.health.v1.Health`. */
export function grpcHealthRoutes(state: HealthState, runtime: Runtime, limits: Limits): readonly Route[] {
  return [
    grpcRoute(
      {
        protocol: 'skylift',
        permission: 'public',
        plane: 'health',
        path: '/grpc.health.v1.Health/Check',
        summary: 'State of the server, of a service or of a model.',
        handle: (call) => check(call, state, runtime),
      },
      limits,
    ),
  ];
}

function check(call: HttpCall, state: HealthState, runtime: Runtime): void {
  const reader = new ProtoReader(call.body);
  let service = '';
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) service = reader.string();
  const isServing = SERVICES.has(service) ? state.isReady().ready : isModelServed(call, runtime, service);
  replyMessage(call, new ProtoWriter().integer(1, isServing ? SERVING : NOT_SERVING));
}

/** Where keys are asked for, strangers learn nothing of models. */
function isModelServed({ principal }: HttpCall, runtime: Runtime, model: string): boolean {
  try {
    requireVisible(principal, model);
    return isServed(runtime, { model, version: LATEST });
  } catch (error) {
    if (!isSkyliftError(error)) throw error;
    throw new SkyliftError('SKY_MODEL_NOT_FOUND', 'unknown service');
  }
}
