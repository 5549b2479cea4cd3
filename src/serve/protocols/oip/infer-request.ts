/** What an inference request asks for, and the reader of its usual form: a JSON object with the inputs. */
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Signature } from '../../../package/manifest.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { invalidRequest } from '../failures.ts';
import { BinaryCursor } from './binary-parts.ts';
import type { BodyParts } from './binary-parts.ts';
import { readInput } from './read-input.ts';
import type { NamedTensor } from './read-input.ts';
import { RequestReader, countParameter, flagParameter } from './request-json.ts';
import type { Parameters } from './request-json.ts';
import { readOptions } from './request-options.ts';
import type { RequestOptions } from './request-options.ts';

export interface InferRequest extends RequestOptions {
  /** Comes back in the reply. */
  readonly id: string | undefined;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** In the order of the reply. */
  readonly outputs: readonly AskedOutput[];
}

export interface AskedOutput {
  readonly name: string;
  /** Behind the JSON of the reply instead of in it. */
  readonly isBinary: boolean;
  /** How many of the greatest elements to name instead of the elements; 0: the elements. */
  readonly classes: number;
}

export interface OutputMember {
  readonly name: string;
  readonly parameters: Parameters;
}

/**
 * Reads a request for `signature`. Throws SKY_REQUEST_INVALID, SKY_INPUT_UNKNOWN, SKY_TENSOR_INVALID,
 * SKY_TENSOR_SHAPE_MISMATCH, SKY_REQUEST_TOO_LARGE, SKY_JSON_MALFORMED, SKY_NOT_SUPPORTED_YET.
 */
export function readInferRequest(
  { json, binary }: BodyParts,
  signature: Signature,
  limits: Limits,
): InferRequest {
  const reader = new RequestReader(json, limits);
  const cursor = new BinaryCursor(binary);
  let id: string | undefined;
  let parameters: Parameters = new Map();
  let inputs: NamedTensor[] | undefined;
  let outputs: OutputMember[] = [];
  reader.document('the request', (member) => {
    if (member === 'id') id = reader.text('"id"');
    else if (member === 'parameters') parameters = reader.parameters('"parameters"');
    else if (member === 'inputs') inputs = readInputs(reader, cursor, signature.inputs);
    else if (member === 'outputs') outputs = readOutputs(reader, signature.outputs);
    else return false;
    return true;
  });
  cursor.end();
  if (inputs === undefined) throw invalidRequest('the request has no "inputs"');
  return {
    id,
    inputs: byName(inputs),
    outputs: askedOutputs(
      outputs,
      signature.outputs,
      flagParameter(parameters, 'binary_data_output') ?? false,
    ),
    ...readOptions(parameters),
  };
}

function readInputs(
  reader: RequestReader,
  cursor: BinaryCursor,
  specs: readonly TensorSpec[],
): NamedTensor[] {
  const tooMany = (): SkyliftError =>
    new SkyliftError('SKY_INPUT_UNKNOWN', `more inputs than the model has; it has: ${namesOf(specs)}`);
  return reader.array('"inputs"', specs.length, tooMany, () => readInput(reader, cursor, specs));
}

function readOutputs(reader: RequestReader, specs: readonly TensorSpec[]): OutputMember[] {
  const tooMany = (): SkyliftError =>
    invalidRequest(`more outputs are asked for than the model has; it has: ${namesOf(specs)}`);
  return reader.array('"outputs"', specs.length, tooMany, () => readOutput(reader));
}

/** For error texts. */
export function namesOf(specs: readonly TensorSpec[]): string {
  return specs.map(({ name }) => name).join(', ');
}

/** Throws SKY_REQUEST_INVALID for a name that comes twice. */
export function byName(inputs: readonly NamedTensor[]): ReadonlyMap<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const { name, tensor } of inputs) {
    if (tensors.has(name)) throw invalidRequest(`input "${name}" comes twice`);
    tensors.set(name, tensor);
  }
  return tensors;
}

function readOutput(reader: RequestReader): OutputMember {
  let name: string | undefined;
  let parameters: Parameters = new Map();
  reader.members('an output', (member) => {
    if (member === 'name') name = reader.text('the "name" of an output');
    else if (member === 'parameters') parameters = reader.parameters('"parameters" of an output');
    else return false;
    return true;
  });
  if (name === undefined) throw invalidRequest('an output has no "name"');
  return { name, parameters };
}

/** All outputs of the model if none is named. Throws SKY_REQUEST_INVALID. */
export function askedOutputs(
  members: readonly OutputMember[],
  specs: readonly TensorSpec[],
  areBinary: boolean,
): AskedOutput[] {
  if (members.length === 0) return specs.map(({ name }) => ({ name, isBinary: areBinary, classes: 0 }));
  const names = new Set(members.map(({ name }) => name));
  if (names.size < members.length) throw invalidRequest('an output is asked for twice');
  return members.map(({ name, parameters }) => {
    if (!specs.some((spec) => spec.name === name))
      throw invalidRequest(`the model has no output "${name}"; it has: ${namesOf(specs)}`);
    return {
      name,
      isBinary: flagParameter(parameters, 'binary_data') ?? areBinary,
      classes: countParameter(parameters, 'classification') ?? 0,
    };
  });
}
