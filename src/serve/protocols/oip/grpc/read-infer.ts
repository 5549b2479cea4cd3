/**
 * ModelInferRequest: inputs by name with typed or raw contents, asked outputs, parameters. Source:
 * kserve/open-inference-protocol specification/protocol/open_inference_grpc.proto.
 */
import { SkyliftError } from '../../../../core/errors.ts';
import type { Limits } from '../../../../core/limits.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import type { Signature } from '../../../../package/manifest.ts';
import { invalidRequest } from '../../failures.ts';
import type { TensorMemory } from '../../proto/tensor-memory.ts';
import { askedOutputs, byName, namesOf } from '../infer-request.ts';
import type { InferRequest, OutputMember } from '../infer-request.ts';
import { readOptions } from '../request-options.ts';
import { readInputTensor, rawInput, typedInput } from './read-input.ts';
import type { InputTensor } from './read-input.ts';
import { readParameter } from './read-parameter.ts';
import type { ParameterValue } from '../request-json.ts';

/** Which model a request names. */
export interface InferTarget {
  readonly model: string;
  readonly version: string;
}

export interface GrpcInferRequest extends InferRequest {
  /** The tensors came as raw bytes, and are wanted so. */
  readonly isRaw: boolean;
}

/** Fields 1 and 2; the others wait until it is known what they must be. Throws SKY_REQUEST_INVALID. */
export function readTarget(bytes: Uint8Array): InferTarget {
  const reader = new ProtoReader(bytes);
  let model = '';
  let version = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) model = reader.string();
    else if (field === 2) version = reader.string();
  }
  return { model, version };
}

/** What a request has beside its target, before the tensors are made. */
interface Parts {
  id: string;
  readonly parameters: Map<string, ParameterValue>;
  readonly inputs: InputTensor[];
  readonly outputs: OutputMember[];
  readonly raw: Uint8Array[];
}

/**
 * Reads a request for `signature`. Throws SKY_REQUEST_INVALID, SKY_INPUT_UNKNOWN, SKY_TENSOR_INVALID,
 * SKY_REQUEST_TOO_LARGE, SKY_OVERLOADED, SKY_NOT_SUPPORTED_YET.
 */
export function readInferRequest(
  bytes: Uint8Array,
  signature: Signature,
  limits: Limits,
  memory: TensorMemory,
): GrpcInferRequest {
  const { id, parameters, inputs, outputs, raw } = readParts(bytes, signature, limits);
  const isRaw = raw.length > 0;
  if (isRaw && raw.length !== inputs.length)
    throw invalidRequest(`raw_input_contents has ${raw.length} entries for ${inputs.length} inputs`);
  const tensors = inputs.map((input, index) => {
    const content = raw[index];
    const tensor =
      content === undefined ? typedInput(input, limits, memory) : rawInput(input, content, limits);
    return { name: input.name, tensor };
  });
  return {
    id: id === '' ? undefined : id,
    inputs: byName(tensors),
    outputs: askedOutputs(outputs, signature.outputs, isRaw),
    isRaw,
    ...readOptions(parameters),
  };
}

function readParts(bytes: Uint8Array, signature: Signature, limits: Limits): Parts {
  const reader = new ProtoReader(bytes);
  const parts: Parts = { id: '', parameters: new Map(), inputs: [], outputs: [], raw: [] };
  const { parameters, inputs, outputs, raw } = parts;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 3) parts.id = reader.string();
    else if (field === 4) readParameter(reader, parameters, limits);
    else if (field === 5) {
      if (inputs.length === signature.inputs.length) throw tooManyInputs(signature);
      inputs.push(readInputTensor(reader, limits));
    } else if (field === 6) {
      if (outputs.length === signature.outputs.length) throw tooManyOutputs(signature);
      outputs.push(reader.message(() => readOutput(reader, limits)));
    } else if (field === 7) {
      if (raw.length === signature.inputs.length) throw tooManyInputs(signature);
      raw.push(reader.bytes());
    }
  }
  return parts;
}

function readOutput(reader: ProtoReader, limits: Limits): OutputMember {
  let name = '';
  const parameters = new Map<string, ParameterValue>();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string();
    else if (field === 2) readParameter(reader, parameters, limits);
  }
  return { name, parameters };
}

function tooManyInputs({ inputs }: Signature): SkyliftError {
  return new SkyliftError('SKY_INPUT_UNKNOWN', `more inputs than the model has; it has: ${namesOf(inputs)}`);
}

function tooManyOutputs({ outputs }: Signature): SkyliftError {
  return invalidRequest(`more outputs are asked for than the model has; it has: ${namesOf(outputs)}`);
}
