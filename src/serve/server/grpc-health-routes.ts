/**
 * The health service of gRPC, with true state: of the server (no name), of its services, and of each model by its name.
 * Source: grpc/grpc doc/health-checking.md.
 */
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { SkyliftError, isSkyliftError } from '../../core/errors.ts';
import { ProtoReader } from '../../core/proto-reader.ts';
import { ProtoWriter } from '../../core/proto-writer.ts';
import type { ProtocolContext } from '../protocols/context.ts';
import { grpcRoute, replyMessage } from '../protocols/grpc-call.ts';
import type { HttpCall, Route } from '../protocols/http-call.ts';
import { isServed } from '../protocols/is-served.ts';
import { LATEST } from '../runtime/requests.ts';
import type { Principal, Runtime } from '../runtime/requests.ts';
import type { HealthState } from './health-routes.ts';

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** How often a watcher's state is looked at. */
const WATCH_EVERY_MS = 1000;

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
export function grpcHealthRoutes(
  state: HealthState,
  { runtime, clock, limits }: ProtocolContext,
): readonly Route[] {
  const statusOf: StatusOf = (service, principal) => {
    if (!SERVICES.has(service)) return modelStatus(runtime, service, principal);
    return state.isReady().ready ? SERVING : NOT_SERVING;
  };
  const method = (name: string, summary: string, handle: (call: HttpCall) => void): Route =>
    grpcRoute(
      {
        protocol: 'skylift',
        permission: 'public',
        plane: 'health',
        path: `/grpc.health.v1.Health/${name}`,
        summary,
        handle,
      },
      limits,
    );
  return [
    method('Check', 'State of the server, of a service or of a model.', (call) => check(call, statusOf)),
    method('Watch', 'That state, and each change of it.', (call) => watch(call, statusOf, clock)),
  ];
}

type StatusOf = (service: string, principal: Principal) => number;

function check(call: HttpCall, statusOf: StatusOf): void {
  const status = statusOf(serviceOf(call), call.principal);
  if (status === SERVICE_UNKNOWN) throw new SkyliftError('SKY_MODEL_NOT_FOUND', 'unknown service');
  replyMessage(call, statusMessage(status));
}

/** Tells the state at once and whenever it has changed, until the client goes away or the server drains. */
function watch(call: HttpCall, statusOf: StatusOf, clock: Clock): void {
  const service = serviceOf(call);
  let told: number | undefined;
  let timer: TimerHandle | undefined;
  const look = (): void => {
    const status = statusOf(service, call.principal);
    if (status !== told) call.push(statusMessage(status).finish());
    told = status;
    timer = clock.setTimer(clock.nowMs() + WATCH_EVERY_MS, look);
  };
  call.onGone(() => {
    if (timer !== undefined) clock.clear(timer);
  });
  look();
}

function serviceOf(call: HttpCall): string {
  const reader = new ProtoReader(call.body);
  let service = '';
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) service = reader.string();
  return service;
}

function statusMessage(status: number): ProtoWriter {
  return new ProtoWriter().integer(1, status);
}

/** Where keys are asked for, strangers learn nothing of models. */
function modelStatus(runtime: Runtime, model: string, principal: Principal): number {
  if (!principal.maySee(model)) return SERVICE_UNKNOWN;
  try {
    return isServed(runtime, { model, version: LATEST }) ? SERVING : NOT_SERVING;
  } catch (error) {
    if (!isSkyliftError(error)) throw error;
    return SERVICE_UNKNOWN;
  }
}
