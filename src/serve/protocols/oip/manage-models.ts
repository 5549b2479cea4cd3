/** Loading and unloading of the model repository extension. A request cannot bring files or settings of its own. */
import type { ProtocolContext } from '../context.ts';
import { invalidRequest } from '../failures.ts';
import { JSON_TYPE } from '../http-call.ts';
import type { HttpCall } from '../http-call.ts';
import { modelPath } from './paths.ts';
import { RequestReader } from './request-json.ts';

/** Throws SKY_MODEL_NOT_FOUND, SKY_JSON_MALFORMED, SKY_REQUEST_INVALID, and what loading throws. */
export async function loadModel(call: HttpCall, context: ProtocolContext): Promise<void> {
  const { model } = modelPath(call);
  readParameters(call.body, context, (name) => {
    throw notAllowed(name);
  });
  await context.control.load(model);
  call.reply(200, JSON_TYPE, '');
}

/** Throws SKY_MODEL_NOT_FOUND, SKY_JSON_MALFORMED, SKY_REQUEST_INVALID. No model depends on another one here. */
export async function unloadModel(call: HttpCall, context: ProtocolContext): Promise<void> {
  const { model } = modelPath(call);
  readParameters(call.body, context, (name) => {
    if (name !== 'unload_dependents') throw notAllowed(name);
  });
  await context.control.unload(model);
  call.reply(200, JSON_TYPE, '');
}

/** Models come from where the configuration says: a caller who could send files could send any code of the engine. */
export function notAllowed(parameter: string): Error {
  return invalidRequest(`the parameter "${parameter.slice(0, 64)}" is not allowed here`);
}

/** The body is empty, or `{"parameters": {...}}`. */
function readParameters(
  body: Uint8Array,
  { limits }: ProtocolContext,
  onParameter: (name: string) => void,
): void {
  if (body.length === 0) return;
  const reader = new RequestReader(body, limits);
  reader.document('the request', (name) => {
    if (name !== 'parameters') return false;
    reader.members('"parameters"', (parameter) => {
      onParameter(parameter);
      return false; // its value is not looked at
    });
    return true;
  });
}
