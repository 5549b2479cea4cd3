/** PredictRequest: model, inputs by name, asked outputs. Source: tensorflow_serving/apis/predict.proto, predict_util.cc. */
import { SkyliftError, isSkyliftError } from '../../../../core/errors.ts';
import type { Limits } from '../../../../core/limits.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import type { Signature } from '../../../../package/manifest.ts';
import type { Tensor } from '../../../../tensor/tensor.ts';
import { invalidRequest } from '../../failures.ts';
import { readTensorProto } from './read-tensor.ts';
import type { TensorMemory } from '../../proto/tensor-memory.ts';

/** Names beyond the signature's that an error lists. */
const LISTED_EXTRA = 16;

const EMPTY = Buffer.alloc(0);

/** What a PredictRequest asks of a signature. */
export interface PredictRequest {
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** In the order of the reply. */
  readonly outputs: readonly string[];
}

/**
 * Reads the inputs and the output filter for `signature`. Throws SKY_INPUT_UNKNOWN and SKY_TENSOR_INVALID in TensorFlow
 * Serving's words, SKY_REQUEST_INVALID, SKY_REQUEST_TOO_LARGE, SKY_OVERLOADED.
 */
export function readPredictRequest(
  bytes: Uint8Array,
  signature: Signature,
  limits: Limits,
  memory: TensorMemory,
): PredictRequest {
  const reader = new ProtoReader(bytes);
  const mostInputs = signature.inputs.length + LISTED_EXTRA;
  const protos = new Map<string, Uint8Array>();
  const filter = new Set<string>();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2 && protos.size < mostInputs) reader.message(() => readEntry(reader, protos));
    else if (field === 3) addOutput(filter, reader.string(), signature);
  }
  requireInputs(protos, signature);
  const inputs = new Map<string, Tensor>();
  for (const [alias, proto] of protos) inputs.set(alias, readInput(alias, proto, limits, memory));
  return { inputs, outputs: filter.size > 0 ? [...filter] : signature.outputs.map(({ name }) => name) };
}

/** An entry of a map: key = 1, value = 2. */
function readEntry(reader: ProtoReader, protos: Map<string, Uint8Array>): void {
  let key = '';
  let value: Uint8Array = EMPTY;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.bytes();
  }
  protos.set(key, value);
}

function addOutput(filter: Set<string>, alias: string, signature: Signature): void {
  if (!signature.outputs.some(({ name }) => name === alias)) {
    const known = signature.outputs.map(({ name }) => name).toSorted();
    throw invalidRequest(
      `output tensor alias not found in signature: ${alias} Outputs expected to be in the set {${known.join(',')}}.`,
    );
  }
  if (filter.has(alias)) throw invalidRequest(`duplicate output tensor alias: ${alias}`);
  filter.add(alias);
}

function requireInputs(protos: ReadonlyMap<string, unknown>, { inputs }: Signature): void {
  if (protos.size === inputs.length && inputs.every(({ name }) => protos.has(name))) return;
  const sent = [...protos.keys()].toSorted();
  const wanted = inputs.map(({ name }) => name).toSorted();
  const extra = sent.filter((alias) => !wanted.includes(alias));
  const missing = wanted.filter((alias) => !protos.has(alias));
  if (sent.length !== wanted.length)
    throw inputError(
      `input size does not match signature: ${sent.length}!=${wanted.length} len({${sent.join(',')}}) != len({${wanted.join(',')}}). ` +
        `Sent extra: {${extra.join(',')}}. Missing but required: {${missing.join(',')}}.`,
    );
  const [first] = missing;
  if (first !== undefined)
    throw inputError(
      `Signature input alias: ${first}(feed name: ${first}) not found in request and no default value provided. ` +
        `Inputs expected to be in the request {${sent.join(',')}}, or default input alias set: `,
    );
}

function inputError(message: string): SkyliftError {
  return new SkyliftError('SKY_INPUT_UNKNOWN', message);
}

function readInput(alias: string, proto: Uint8Array, limits: Limits, memory: TensorMemory): Tensor {
  try {
    return readTensorProto(proto, limits, memory);
  } catch (error) {
    if (!isSkyliftError(error)) throw error;
    const { code, details, hint, message } = error;
    throw new SkyliftError(code, `tensor parsing error: ${alias}: ${message}`, {
      details,
      hint,
      cause: error,
    });
  }
}
