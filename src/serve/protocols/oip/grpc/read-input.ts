/** One input of a ModelInferRequest, with typed or raw contents. */
import { SkyliftError } from '../../../../core/errors.ts';
import type { Limits } from '../../../../core/limits.ts';
import { ProtoReader, SCALAR } from '../../../../core/proto-reader.ts';
import { rawTensor } from '../../../../tensor/packed.ts';
import {
  ELEMENT_BYTES,
  elementCount,
  requireElements,
  tooManyDimensions,
} from '../../../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../../../tensor/tensor.ts';
import { invalidRequest } from '../../failures.ts';
import { fillNumbers } from '../../proto/fill-numbers.ts';
import { PackedRun } from '../../proto/packed-run.ts';
import { listedStrings } from '../../proto/string-elements.ts';
import { takeMemory } from '../../proto/tensor-memory.ts';
import type { TensorMemory } from '../../proto/tensor-memory.ts';
import { CONTENT_FIELDS, DATATYPE_NAMES, dtypeOf } from '../datatypes.ts';
import { forInput } from '../read-input.ts';

export interface InputTensor {
  readonly name: string;
  readonly dtype: DataType;
  readonly dims: readonly number[];
  /** InferTensorContents, undecoded. */
  readonly contents: Uint8Array | undefined;
}

/** The InferInputTensor that comes next; its parameters are left alone. Throws SKY_REQUEST_INVALID, SKY_REQUEST_TOO_LARGE. */
export function readInputTensor(reader: ProtoReader, limits: Limits): InputTensor {
  let name = '';
  let datatype = '';
  let contents: Uint8Array | undefined;
  const dims: number[] = [];
  reader.message(() => {
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) name = reader.string();
      else if (field === 2) datatype = reader.string();
      else if (field === 3) readDims(reader, dims, limits.max_tensor_rank);
      else if (field === 5) contents = reader.bytes();
    }
  });
  const dtype = dtypeOf(datatype);
  if (dtype === undefined)
    throw invalidRequest(`input "${name}": "${datatype.slice(0, 40)}" is no datatype of the protocol`);
  return { name, dtype, dims, contents };
}

/** Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE. */
export function rawInput(
  { name, dtype, dims, contents }: InputTensor,
  raw: Uint8Array,
  limits: Limits,
): Tensor {
  if (contents !== undefined) throw invalidRequest(`input "${name}" has contents beside raw_input_contents`);
  return forInput(name, () => rawTensor(dtype, dims, raw, limits.max_tensor_elements));
}

/** Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE, SKY_OVERLOADED. */
export function typedInput(input: InputTensor, limits: Limits, memory: TensorMemory): Tensor {
  return forInput(input.name, () => typedTensor(input, limits, memory));
}

function typedTensor(
  { dtype, dims, contents = Buffer.alloc(0) }: InputTensor,
  limits: Limits,
  memory: TensorMemory,
): Tensor {
  const field = CONTENT_FIELDS[dtype];
  if (field === undefined)
    throw new SkyliftError('SKY_TENSOR_INVALID', `${DATATYPE_NAMES[dtype]} must come in raw_input_contents`);
  requireElements(dims, limits.max_tensor_elements);
  const count = elementCount(dims);
  if (dtype === 'string') {
    const take = (sizeBytes: number): Buffer => takeMemory(sizeBytes, contents, memory);
    const bytes = listedStrings({ message: contents, field, count, isExact: true }, take);
    return { dtype, dims, bytes };
  }
  const sizeBytes = count * ELEMENT_BYTES[dtype];
  const run = packedContents(contents).only(field);
  if (run?.length === sizeBytes) return { dtype, dims, bytes: run };
  const bytes = takeMemory(sizeBytes, contents, memory);
  const given = fillNumbers(new ProtoReader(contents), dtype, field, bytes);
  if (given !== count)
    throw new SkyliftError('SKY_TENSOR_INVALID', `there are ${given} values for ${count} elements`);
  return { dtype, dims, bytes };
}

function packedContents(contents: Uint8Array): PackedRun {
  const reader = new ProtoReader(contents);
  const run = new PackedRun();
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === CONTENT_FIELDS.float32 || field === CONTENT_FIELDS.float64) run.add(reader, field);
  return run;
}

function readDims(reader: ProtoReader, dims: number[], maxRank: number): void {
  reader.elements(SCALAR.varint, () => {
    if (dims.length === maxRank) throw tooManyDimensions(maxRank);
    dims.push(reader.rawSafeInteger()); // a negative one is refused with the whole shape
  });
}
