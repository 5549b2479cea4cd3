/** POST infer: body -> run request -> answer in JSON and binary parts as asked. */
import type { ProtocolContext } from '../context.ts';
import { deadlineOf } from '../deadline.ts';
import type { HttpCall } from '../http-call.ts';
import { runCall } from '../run-call.ts';
import { splitBody } from './binary-parts.ts';
import { writeInferReply } from './infer-reply.ts';
import { readInferRequest } from './infer-request.ts';
import { modelPath } from './paths.ts';
import { readRawRequest } from './raw-request.ts';

/** Answers the call now or when the run ends. Throws what makes the request wrong. */
export function infer(call: HttpCall, context: ProtocolContext): void {
  const { limits, runtime } = context;
  const { model, version } = modelPath(call);
  const servable = runtime.resolve(model, version);
  const { name, signature } = servable.signature(undefined);
  call.note('signature', name);
  const parts = splitBody(call);
  const isRaw = parts.json.length === 0 && parts.binary.length > 0;
  const request = isRaw
    ? readRawRequest(parts.binary, servable, limits)
    : readInferRequest(parts, signature.outputs, limits);
  const { inputs, priority, timeoutMs } = request;
  const deadlineAtMs = deadlineOf(call, context, timeoutMs);
  runCall(call, context, { model, version, signature: name, inputs, priority, deadlineAtMs }, (result) => {
    const reply = writeInferReply(model, request, result, limits.max_reply_bytes);
    call.reply(200, reply.contentType, reply.body, reply.headers);
  });
}
