/** POST predict: body -> run request -> answer in the format of the request. */
import type { Runtime } from '../../runtime/requests.ts';
import type { ProtocolContext } from '../context.ts';
import { deadlineOf } from '../deadline.ts';
import { JSON_TYPE } from '../http-call.ts';
import type { HttpCall } from '../http-call.ts';
import type { ModelPath } from '../model-path.ts';
import { runCall } from '../run-call.ts';
import { parsePredict } from './parse-predict.ts';
import type { SignatureLookup } from './parse-predict.ts';
import { modelPath } from './paths.ts';
import { writePredict } from './write-predict.ts';

/** Answers the call now or when the run ends. Throws what makes the request wrong. */
export function predict(call: HttpCall, context: ProtocolContext): void {
  const { limits, runtime } = context;
  const { model, version } = modelPath(call);
  runtime.admit(model, version, call.principal);
  const deadlineAtMs = deadlineOf(call, context);
  const allocate = (sizeBytes: number): Buffer => call.allocate(sizeBytes);
  const lookup = signatureLookup(runtime, { model, version });
  const { signature, inputs, format } = parsePredict(call.body, lookup, limits, allocate);
  call.note('signature', signature);
  runCall(call, context, { model, version, signature, inputs, deadlineAtMs }, ({ outputs }) =>
    call.reply(200, JSON_TYPE, writePredict(outputs, format, limits.max_reply_bytes)),
  );
}

/** Signatures of the model that the URL names. */
export function signatureLookup(runtime: Runtime, { model, version }: ModelPath): SignatureLookup {
  return (name) => runtime.resolve(model, version).signature(name);
}
