/**
 * The Open Inference Protocol v2 over REST as records of the route table. Source: kserve/open-inference-protocol
 * specification/protocol/inference_rest.md, and Triton's extensions. Health is the server's own affair.
 */
import type { ProtocolContext } from '../context.ts';
import { answering } from '../failures.ts';
import { isServed } from '../is-served.ts';
import { JSON_TYPE } from '../http-call.ts';
import type { HttpCall, Route } from '../http-call.ts';
import { infer } from './infer.ts';
import { modelMetadata, serverMetadata } from './metadata.ts';
import { INDEX_PATH, INFER_PATH, MODEL_PATH, MODEL_READY_PATH, SERVER_PATH, modelPath } from './paths.ts';
import { repositoryIndex } from './repository.ts';

/** The routes below `/v2`, without health. */
export function oipRoutes(context: ProtocolContext): readonly Route[] {
  const { runtime, limits } = context;
  const common = { protocol: 'oip', plane: 'data' } as const;
  const reading = { ...common, method: 'GET', permission: 'read', maxBodyBytes: 0 } as const;
  const answered = (body: (call: HttpCall) => string): Route['handle'] =>
    answering((call) => call.reply(200, JSON_TYPE, body(call)));
  return [
    {
      ...common,
      method: 'POST',
      pattern: '/v2/models/{model}/infer',
      match: INFER_PATH,
      permission: 'predict',
      maxBodyBytes: limits.max_body_bytes,
      summary: 'Runs a model on tensors in JSON or as bytes.',
      handle: answering((call) => infer(call, context)),
    },
    {
      ...reading,
      pattern: '/v2/models/{model}/ready',
      match: MODEL_READY_PATH,
      summary: 'Whether one model answers.',
      handle: answering((call) => modelReady(call, context)),
    },
    {
      ...reading,
      pattern: '/v2/models/{model}',
      match: MODEL_PATH,
      summary: 'Inputs and outputs of a model: names, datatypes and shapes.',
      handle: answered((call) => JSON.stringify(modelMetadata(runtime, modelPath(call)))),
    },
    {
      ...reading,
      pattern: '/v2',
      match: SERVER_PATH,
      summary: 'Name, version and extensions of the server.',
      handle: answered(() => JSON.stringify(serverMetadata())),
    },
    {
      ...common,
      method: 'POST',
      pattern: '/v2/repository/index',
      match: INDEX_PATH,
      permission: 'read',
      maxBodyBytes: limits.max_body_bytes,
      summary: 'The models and the state of their versions.',
      handle: answered((call) => repositoryIndex(call, context)),
    },
  ];
}

/** 503 for a model that is known but does not answer: probes look at the status only. */
function modelReady(call: HttpCall, { runtime }: ProtocolContext): void {
  const { model, version } = modelPath(call);
  const ready = isServed(runtime, { model, version });
  call.reply(ready ? 200 : 503, JSON_TYPE, JSON.stringify({ name: model, ready }));
}
