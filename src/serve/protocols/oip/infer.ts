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
  runtime.admit(model, version, call.principal);
  const named = runtime.resolve(model, version).signature(undefined);
  call.note('signature', named.name);
  const parts = splitBody(call);
  const request = parts.isRaw
    ? readRawRequest(parts.binary, named, limits)
    : readInferRequest(parts, named.signature, limits);
  const { inputs, priority, timeoutMs } = request;
  const deadlineAtMs = deadlineOf(call, context, timeoutMs);
  const asked = { model, version, signature: named.name, inputs, priority, deadlineAtMs };
  runCall(call, context, asked, (result) => {
    const reply = writeInferReply(request, result, { model, isBatched: named.isBatched, limits });
    call.reply(200, reply.contentType, reply.body, reply.headers);
  });
}
