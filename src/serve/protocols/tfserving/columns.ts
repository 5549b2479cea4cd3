/** Column format: `inputs` holds whole tensors, one value or an object of named values. */
import { SkyliftError } from '../../../core/errors.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { invalidRequest } from '../failures.ts';
import { base64At } from './base64.ts';
import type { JsonBody } from './json-body.ts';
import { readRawBytes } from './raw-bytes.ts';
import { readTensor } from './read-value.ts';

/** Tensors of the value that comes next. `specs` has at least one. */
export function readColumns(body: JsonBody, specs: readonly TensorSpec[]): Map<string, Tensor> {
  const { reader } = body;
  if (reader.kind() === 'object' && base64At(body, reader.offset) === undefined)
    return readNamed(body, specs);
  const [first, second] = specs;
  if (first === undefined || second !== undefined)
    throw invalidRequest(
      'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
    );
  return new Map([[first.name, readColumn(body, first)]]);
}

/** Every input must be there; other keys are ignored. */
function readNamed(body: JsonBody, specs: readonly TensorSpec[]): Map<string, Tensor> {
  const { reader } = body;
  const inputs = new Map<string, Tensor>();
  reader.enterObject();
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    const spec = inputs.has(key) ? undefined : specs.find(({ name }) => name === key);
    if (spec) inputs.set(key, readColumn(body, spec));
    else reader.skipValue();
  }
  for (const { name } of specs)
    if (!inputs.has(name))
      throw new SkyliftError('SKY_INPUT_UNKNOWN', `Missing named input: ${name} in 'inputs' object.`);
  return inputs;
}

function readColumn(body: JsonBody, spec: TensorSpec): Tensor {
  return readRawBytes(body, spec, 'column') ?? readTensor(body, spec.dtype);
}
