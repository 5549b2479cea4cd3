/** GRPCInferenceService.ModelInfer and ModelStreamInfer: message -> run request -> message. */
import { SkyliftError } from '../../../../core/errors.ts';
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { Tensor } from '../../../../tensor/tensor.ts';
import type { RunResult } from '../../../runtime/requests.ts';
import type { ProtocolContext } from '../../context.ts';
import { deadlineOf } from '../../deadline.ts';
import { toldError } from '../../failures.ts';
import { replyMessage } from '../../grpc-call.ts';
import { cutMessage } from '../../grpc-status.ts';
import type { HttpCall } from '../../http-call.ts';
import { writeElements } from '../../proto/write-values.ts';
import { runCall } from '../../run-call.ts';
import type { Asked } from '../../run-call.ts';
import { CONTENT_FIELDS, DATATYPE_NAMES } from '../datatypes.ts';
import { outputTensor } from '../infer-reply.ts';
import type { ReplyOptions } from '../infer-reply.ts';
import { namedModel } from '../paths.ts';
import { readInferRequest, readTarget } from './read-infer.ts';
import type { GrpcInferRequest } from './read-infer.ts';
import { requireVisible } from '../../visible-models.ts';

/** Around the tensors, and around each of them. */
const OUTLINE_BYTES = 128;

/** Answers the call now or when the run ends. Throws what makes the request wrong. */
export function infer(call: HttpCall, context: ProtocolContext): void {
  runInfer(call, context, { answer: (reply) => replyMessage(call, reply) });
}

/** As `infer`, in Triton's form for streams: a failure is the answer to one message and does not end the stream. */
export function streamInfer(call: HttpCall, context: ProtocolContext): void {
  const answer = (reply: ProtoWriter): void => replyMessage(call, new ProtoWriter().bytes(2, reply.finish()));
  try {
    runInfer(call, context, { answer, fail: replyFailure });
  } catch (error) {
    replyFailure(call, error);
  }
}

function replyFailure(call: HttpCall, failure: unknown): void {
  const { message, status } = toldError(call, failure);
  replyMessage(call, new ProtoWriter().string(1, cutMessage(message)), status);
}

interface InferAnswers {
  readonly answer: (reply: ProtoWriter) => void;
  readonly fail?: Asked['fail'];
}

function runInfer(call: HttpCall, context: ProtocolContext, { answer, fail }: InferAnswers): void {
  const { limits, runtime } = context;
  const target = readTarget(call.body);
  const { model, version } = namedModel(target.model, target.version === '' ? undefined : target.version);
  call.note('model', model);
  requireVisible(call.principal, model);
  runtime.admit(model, version, call.principal);
  const named = runtime.resolve(model, version).signature(undefined);
  call.note('signature', named.name);
  const request = readInferRequest(call.body, named.signature, limits, call);
  const { inputs, priority, timeoutMs } = request;
  const deadlineAtMs = deadlineOf(call, context, timeoutMs);
  const asked = {
    model,
    version,
    signature: named.name,
    inputs,
    priority,
    deadlineAtMs,
    ...(fail && { fail }),
  };
  runCall(call, context, asked, (result) =>
    answer(writeInferReply(request, result, { model, isBatched: named.isBatched, limits })),
  );
}

interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Raw as the request was; halves force it, because they have no typed field. Throws SKY_REQUEST_TOO_LARGE. */
function writeInferReply(request: GrpcInferRequest, result: RunResult, options: ReplyOptions): ProtoWriter {
  const outputs = request.outputs.map((asked): NamedTensor => ({
    name: asked.name,
    tensor: outputTensor(result, asked, options),
  }));
  const expectedBytes = expectedReplyBytes(outputs);
  const { max_reply_bytes: maxBytes } = options.limits;
  if (expectedBytes > maxBytes)
    throw new SkyliftError(
      'SKY_REQUEST_TOO_LARGE',
      `the reply needs more than ${maxBytes} bytes (max_reply_bytes)`,
    );
  const isRaw = request.isRaw || outputs.some(({ tensor }) => CONTENT_FIELDS[tensor.dtype] === undefined);
  const writer = new ProtoWriter(expectedBytes);
  writer.string(1, options.model).string(2, String(result.version));
  if (request.id !== undefined) writer.string(3, request.id);
  for (const output of outputs) writer.message(5, () => writeOutput(writer, output, isRaw));
  if (isRaw) for (const { tensor } of outputs) writer.bytes(6, tensor.bytes);
  return writer;
}

function writeOutput(writer: ProtoWriter, { name, tensor }: NamedTensor, isRaw: boolean): void {
  const { dtype, dims, bytes } = tensor;
  writer.string(1, name).string(2, DATATYPE_NAMES[dtype]);
  writer.message(3, () => {
    for (const dim of dims) writer.rawInteger(dim);
  });
  const field = CONTENT_FIELDS[dtype];
  if (!isRaw && field !== undefined)
    writer.message(5, () => writeElements(writer, field, tensor), bytes.length);
}

function expectedReplyBytes(outputs: readonly NamedTensor[]): number {
  let sizeBytes = OUTLINE_BYTES;
  for (const { name, tensor } of outputs) sizeBytes += OUTLINE_BYTES + name.length + tensor.bytes.length;
  return sizeBytes;
}
