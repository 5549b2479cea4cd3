/**
 * The Open Inference Protocol v2 over REST as records of the route table. Source: kserve/open-inference-protocol
 * specification/protocol/inference_rest.md, and Triton's extensions. Health is the server's own affair.
 */
import type { ProtocolContext } from '../context.ts';
import { answering, answeringLater } from '../failures.ts';
import { isServed } from '../is-served.ts';
import { JSON_TYPE } from '../http-call.ts';
import type { HttpCall, Route } from '../http-call.ts';
import { configurationBody, describeModel } from './configuration.ts';
import { infer } from './infer.ts';
import { modelMetadata, serverMetadata } from './metadata.ts';
import {
  ALL_STATS_PATH,
  MODEL_CONFIG_PATH,
  MODEL_STATS_PATH,
  INDEX_PATH,
  INFER_PATH,
  MODEL_PATH,
  MODEL_READY_PATH,
  SERVER_PATH,
  modelPath,
  LOAD_PATH,
  UNLOAD_PATH,
} from './paths.ts';
import { loadModel, unloadModel } from './manage-models.ts';
import { repositoryIndex } from './repository.ts';
import { statisticsBody, statisticsFor } from './statistics.ts';

/** The routes below `/v2`, without health. */
export function oipRoutes(context: ProtocolContext): readonly Route[] {
  const { runtime, limits } = context;
  const common = { protocol: 'oip', plane: 'data' } as const;
  const reading = { ...common, method: 'GET', permission: 'read', maxBodyBytes: 0 } as const;
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
      pattern: '/v2/models/{model}/stats',
      match: MODEL_STATS_PATH,
      summary: 'What the loaded versions of a model did: requests, runs, times.',
      handle: answered((call) => statisticsBody(statisticsFor(call, runtime, modelPath(call)))),
    },
    {
      ...reading,
      pattern: '/v2/models/{model}/config',
      match: MODEL_CONFIG_PATH,
      summary: 'What a model takes and gives and how it is run, as a ModelConfig of Triton.',
      handle: answered((call) => configurationBody(describeModel(runtime, modelPath(call), limits))),
    },
    {
      ...reading,
      pattern: '/v2/models/stats',
      match: ALL_STATS_PATH,
      summary: 'What all loaded versions did.',
      handle: answered((call) => statisticsBody(statisticsFor(call, runtime, undefined))),
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
    ...repositoryRoutes(context),
  ];
}

function repositoryRoutes(context: ProtocolContext): readonly Route[] {
  const posting = { protocol: 'oip', method: 'POST', maxBodyBytes: context.limits.max_body_bytes } as const;
  const managing = { ...posting, plane: 'admin', permission: 'admin' } as const;
  return [
    {
      ...posting,
      plane: 'data',
      pattern: '/v2/repository/index',
      match: INDEX_PATH,
      permission: 'read',
      summary: 'The models and the state of their versions.',
      handle: answered((call) => repositoryIndex(call, context)),
    },
    {
      ...managing,
      pattern: '/v2/repository/models/{model}/load',
      match: LOAD_PATH,
      summary: 'Loads what the source of a model has now; answers when it is there.',
      handle: answeringLater((call) => loadModel(call, context)),
    },
    {
      ...managing,
      pattern: '/v2/repository/models/{model}/unload',
      match: UNLOAD_PATH,
      summary: 'Unloads a model; answers when its memory is given back.',
      handle: answeringLater((call) => unloadModel(call, context)),
    },
  ];
}

function answered(body: (call: HttpCall) => string): Route['handle'] {
  return answering((call) => call.reply(200, JSON_TYPE, body(call)));
}

/** 503 for a model that is known but does not answer: probes look at the status only. */
function modelReady(call: HttpCall, { runtime }: ProtocolContext): void {
  const { model, version } = modelPath(call);
  const ready = isServed(runtime, { model, version });
  call.reply(ready ? 200 : 503, JSON_TYPE, JSON.stringify({ name: model, ready }));
}
