/**
 * TensorFlow Serving's REST API as records of the route table. Sources: tensorflow_serving/g3doc/api_rest.md,
 * tensorflow_serving/model_servers/http_rest_api_handler.cc.
 */
import type { Runtime, ServableVersion } from '../../runtime/requests.ts';
import { JSON_TYPE } from '../http-call.ts';
import type { HttpCall, Route } from '../http-call.ts';
import { answering, invalidRequest, replyError } from '../failures.ts';
import { classifyOrRegress } from './classify-regress.ts';
import type { ProtocolContext } from '../context.ts';
import { metadataBody } from './metadata.ts';
import {
  ANY_PATH,
  CLASSIFY_PATH,
  LIST_PATH,
  METADATA_PATH,
  NAMELESS_PATH,
  PREDICT_PATH,
  REGRESS_PATH,
  STATUS_PATH,
  modelPath,
} from './paths.ts';
import { predict } from './predict.ts';
import { visibleModels } from '../visible-models.ts';
import { listBody, statusBody } from './status.ts';

/** The routes below `/v1`. Paths there that match none of them are for `tfservingUnmatched`. */
export function tfservingRoutes(context: ProtocolContext): readonly Route[] {
  return [...inferenceRoutes(context), ...readRoutes(context), preflightRoute()];
}

/**
 * Answers a call that no route matched if its path is below `/v1/` (in any case): 400 "Malformed request". False and
 * no answer for other paths.
 */
export function tfservingUnmatched(call: HttpCall): boolean {
  const { method, path } = call;
  if (!ANY_PATH.test(path)) return false;
  const isNameless = method === 'GET' && NAMELESS_PATH.test(path);
  const message = isNameless ? 'Missing model name in request.' : `Malformed request: ${method} ${path}`;
  replyError(call, invalidRequest(message));
  return true;
}

function inferenceRoutes(context: ProtocolContext): Route[] {
  const common = {
    protocol: 'tfserving',
    method: 'POST',
    permission: 'predict',
    plane: 'data',
    maxBodyBytes: context.limits.max_body_bytes,
  } as const;
  return [
    {
      ...common,
      pattern: '/v1/models/{model}:predict',
      match: PREDICT_PATH,
      summary: 'Runs a signature on rows (instances) or columns (inputs).',
      handle: answering((call) => predict(call, context)),
    },
    {
      ...common,
      pattern: '/v1/models/{model}:classify',
      match: CLASSIFY_PATH,
      summary: 'Runs a classify signature on tf.Example features; not served yet.',
      handle: answering((call) => classifyOrRegress(call, context, 'classify')),
    },
    {
      ...common,
      pattern: '/v1/models/{model}:regress',
      match: REGRESS_PATH,
      summary: 'Runs a regress signature on tf.Example features; not served yet.',
      handle: answering((call) => classifyOrRegress(call, context, 'regress')),
    },
  ];
}

function readRoutes(context: ProtocolContext): Route[] {
  const { runtime } = context;
  const common = {
    protocol: 'tfserving',
    method: 'GET',
    permission: 'read',
    plane: 'data',
    maxBodyBytes: 0,
  } as const;
  const reading = (body: (call: HttpCall) => string): Route['handle'] =>
    answering((call) => call.reply(200, JSON_TYPE, body(call)));
  return [
    {
      ...common,
      pattern: '/v1/models',
      match: LIST_PATH,
      summary: 'Lists the models by name.',
      handle: reading(({ principal }) => listBody(visibleModels(runtime, principal))),
    },
    {
      ...common,
      pattern: '/v1/models/{model}/metadata',
      match: METADATA_PATH,
      summary: 'Signatures of one version: names, dtypes and shapes of inputs and outputs.',
      handle: reading((call) => metadataBody(resolved(call, runtime))),
    },
    {
      ...common,
      pattern: '/v1/models/{model}',
      match: STATUS_PATH,
      summary: 'State of the versions of one model.',
      handle: reading((call) => statusBody(runtime, modelPath(call))),
    },
  ];
}

/** As in the original it answers with the CORS switch off too; the server adds the CORS headers only with it. */
function preflightRoute(): Route {
  return {
    protocol: 'tfserving',
    method: 'OPTIONS',
    pattern: '/v1/*',
    match: ANY_PATH,
    permission: 'public',
    plane: 'data',
    maxBodyBytes: 0,
    summary: 'CORS preflight.',
    handle: answering((call) => {
      if (!/https?:\/\//.test(call.headers.get('origin') ?? ''))
        throw invalidRequest('Origin header is missing in CORS preflight');
      call.reply(200, JSON_TYPE, '');
    }),
  };
}

function resolved(call: HttpCall, runtime: Runtime): ServableVersion {
  const { model, version } = modelPath(call);
  return runtime.resolve(model, version);
}
