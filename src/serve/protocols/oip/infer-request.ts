/** What an inference request asks for, and the reader of its usual form: a JSON object with the inputs. */
import type { Limits } from '../../../core/limits.ts';
import { skipWhitespace } from '../../../tensor/json/grammar.ts';
import { JsonReader } from '../../../tensor/json/reader.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { invalidRequest } from '../failures.ts';
import { BinaryCursor } from './binary-parts.ts';
import type { BodyParts } from './binary-parts.ts';
import { readInput } from './read-input.ts';
import type { NamedTensor } from './read-input.ts';
import { readOptions } from './request-options.ts';
import type { RequestOptions } from './request-options.ts';
import {
  countParameter,
  flagParameter,
  readArray,
  readMembers,
  readParameters,
  readText,
} from './request-json.ts';
import type { Parameters } from './request-json.ts';

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

interface OutputMember {
  readonly name: string;
  readonly parameters: Parameters;
}

/**
 * Reads a request. `specs` are the outputs that the model has. Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID,
 * SKY_REQUEST_TOO_LARGE, SKY_JSON_MALFORMED, SKY_NOT_SUPPORTED_YET.
 */
export function readInferRequest(
  { json, binary }: BodyParts,
  specs: readonly TensorSpec[],
  limits: Limits,
): InferRequest {
  const reader = new JsonReader(json, { maxDepth: limits.max_json_depth });
  const cursor = new BinaryCursor(binary);
  let id: string | undefined;
  let parameters: Parameters = new Map();
  let inputs: NamedTensor[] | undefined;
  let outputs: OutputMember[] = [];
  readMembers(reader, 'the request', (member) => {
    if (member === 'id') id = readText(reader, '"id"');
    else if (member === 'parameters') parameters = readParameters(reader, '"parameters"');
    else if (member === 'inputs')
      inputs = readArray(reader, '"inputs"', () => readInput(reader, cursor, limits));
    else if (member === 'outputs') outputs = readArray(reader, '"outputs"', () => readOutput(reader));
    else return false;
    return true;
  });
  if (skipWhitespace(json, reader.offset) < json.length)
    throw invalidRequest(`bytes follow the JSON of the request at offset ${reader.offset}`);
  cursor.end();
  if (inputs === undefined) throw invalidRequest('the request has no "inputs"');
  return {
    id,
    inputs: byName(inputs),
    outputs: askedOutputs(outputs, specs, flagParameter(parameters, 'binary_data_output') ?? false),
    ...readOptions(parameters),
  };
}

function byName(inputs: readonly NamedTensor[]): ReadonlyMap<string, Tensor> {
  const tensors = new Map(inputs.map(({ name, tensor }) => [name, tensor]));
  if (tensors.size < inputs.length) throw invalidRequest('an input comes twice');
  return tensors;
}

function readOutput(reader: JsonReader): OutputMember {
  let name: string | undefined;
  let parameters: Parameters = new Map();
  readMembers(reader, 'an output', (member) => {
    if (member === 'name') name = readText(reader, 'the "name" of an output');
    else if (member === 'parameters') parameters = readParameters(reader, '"parameters" of an output');
    else return false;
    return true;
  });
  if (name === undefined) throw invalidRequest('an output has no "name"');
  return { name, parameters };
}

/** All outputs of the model if none is named. */
function askedOutputs(
  members: readonly OutputMember[],
  specs: readonly TensorSpec[],
  areBinary: boolean,
): AskedOutput[] {
  if (members.length === 0) return specs.map(({ name }) => ({ name, isBinary: areBinary, classes: 0 }));
  const names = new Set(members.map(({ name }) => name));
  if (names.size < members.length) throw invalidRequest('an output is asked for twice');
  return members.map(({ name, parameters }) => {
    if (!specs.some((spec) => spec.name === name))
      throw invalidRequest(
        `the model has no output "${name}"; it has: ${specs.map((spec) => spec.name).join(', ')}`,
      );
    return {
      name,
      isBinary: flagParameter(parameters, 'binary_data') ?? areBinary,
      classes: countParameter(parameters, 'classification') ?? 0,
    };
  });
}
