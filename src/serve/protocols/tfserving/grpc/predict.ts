/** PredictionService.Predict: message -> run request -> message. */
import { SkyliftError, isSkyliftError } from '../../../../core/errors.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import { DEFAULT_SIGNATURE } from '../../../../package/manifest.ts';
import type { Tensor } from '../../../../tensor/tensor.ts';
import type { NamedSignature, RunResult, ServableVersion } from '../../../runtime/requests.ts';
import type { ProtocolContext } from '../../context.ts';
import { deadlineOf } from '../../deadline.ts';
import { replyMessage } from '../../grpc-call.ts';
import type { HttpCall } from '../../http-call.ts';
import { runCall } from '../../run-call.ts';
import { readFirstSpec, requireModel, writeModelSpec } from './model-spec.ts';
import type { ModelSpec } from './model-spec.ts';
import { readPredictRequest } from './read-predict.ts';
import { expectedTensorBytes, writeTensorProto } from './write-tensor.ts';

/** Around the tensors. */
const SPEC_BYTES = 128;

export interface PredictOptions {
  /** Replies carry `tensor_content` instead of the typed fields. */
  readonly tensorContent: boolean;
}

/** Answers the call now or when the run ends. Throws what makes the request wrong. */
export function predict(call: HttpCall, context: ProtocolContext, options: PredictOptions): void {
  const { runtime, limits } = context;
  const spec = requireModel(call, readFirstSpec(new ProtoReader(call.body)));
  const deadlineAtMs = deadlineOf(call, context);
  runtime.admit(spec.model, spec.version, call.principal);
  const { name, signature } = predictSignature(runtime.resolve(spec.model, spec.version), spec);
  call.note('signature', name);
  const { inputs, outputs } = readPredictRequest(call.body, signature, limits, call);
  const { model, version } = spec;
  runCall(call, context, { model, version, signature: name, inputs, deadlineAtMs }, (result) =>
    replyMessage(call, writePredict(spec, result, outputs, { ...options, maxBytes: limits.max_reply_bytes })),
  );
}

/** Throws SKY_SIGNATURE_NOT_FOUND in the words of gRPC. */
function predictSignature(servable: ServableVersion, { signature }: ModelSpec): NamedSignature {
  try {
    return servable.signature(signature);
  } catch (error) {
    if (!isSkyliftError(error) || error.code !== 'SKY_SIGNATURE_NOT_FOUND') throw error;
    const { code, details } = error;
    const message = `Serving signature key "${signature ?? DEFAULT_SIGNATURE}" not found.`;
    throw new SkyliftError(code, message, { details, cause: error });
  }
}

function writePredict(
  { model, signature = DEFAULT_SIGNATURE }: ModelSpec,
  result: RunResult,
  names: readonly string[],
  { maxBytes, tensorContent }: PredictOptions & { readonly maxBytes: number },
): ProtoWriter {
  const outputs = names.map((name) => [name, outputOf(result, name)] as const);
  let expectedBytes = SPEC_BYTES;
  for (const [name, tensor] of outputs) expectedBytes += name.length + expectedTensorBytes(tensor);
  if (expectedBytes > maxBytes)
    throw new SkyliftError(
      'SKY_REQUEST_TOO_LARGE',
      `the reply needs more than ${maxBytes} bytes (max_reply_bytes)`,
    );
  const writer = new ProtoWriter(expectedBytes);
  for (const [name, tensor] of outputs) writeEntry(writer, name, tensor, tensorContent);
  writeModelSpec(writer, 2, model, { version: result.version, signature });
  return writer;
}

function writeEntry(writer: ProtoWriter, name: string, tensor: Tensor, tensorContent: boolean): void {
  const expectedBytes = expectedTensorBytes(tensor);
  writer.message(
    1,
    () =>
      writer.string(1, name).message(2, () => writeTensorProto(writer, tensor, tensorContent), expectedBytes),
    expectedBytes + name.length,
  );
}

function outputOf({ outputs }: RunResult, name: string): Tensor {
  const output = outputs.get(name);
  if (!output) throw new SkyliftError('SKY_INTERNAL', `the run gave no output "${name}"`);
  return output;
}
