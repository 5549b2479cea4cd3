/**
 * TensorProto -> tensor. Raw contents and packed floats are views over the message; everything else is filled into memory
 * that was asked for, after the shape was checked. Source: tensorflow/core/framework/tensor.proto, tensor.cc.
 */
import { SkyliftError } from '../../../../core/errors.ts';
import type { Limits } from '../../../../core/limits.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { rawTensor } from '../../../../tensor/packed.ts';
import {
  ELEMENT_BYTES,
  elementCount,
  requireElements,
  tooManyDimensions,
} from '../../../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../../../tensor/tensor.ts';
import { dtypeOfNumber } from '../dtypes.ts';
import { fillNumbers } from '../../proto/fill-numbers.ts';
import { PackedRun } from '../../proto/packed-run.ts';
import { listedStrings } from '../../proto/string-elements.ts';
import { takeMemory } from '../../proto/tensor-memory.ts';
import type { TensorMemory } from '../../proto/tensor-memory.ts';
import { contentStrings } from './content-strings.ts';
import { VALUE_FIELDS } from './value-fields.ts';

/** What a TensorProto says before its values are looked at. */
interface Outline {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly content: Buffer;
  /** The values of the dtype's own field as they lie there, if that is one packed run. */
  readonly packed: Buffer | undefined;
}

const EMPTY = Buffer.alloc(0);
const FLOAT_FIELD = VALUE_FIELDS.float32;
const DOUBLE_FIELD = VALUE_FIELDS.float64;

/**
 * Reads one TensorProto. Fewer values than elements: the last one is repeated; none: zeros, empty strings.
 * Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE, SKY_OVERLOADED.
 */
export function readTensorProto(bytes: Uint8Array, limits: Limits, memory: TensorMemory): Tensor {
  const outline = readOutline(bytes, limits);
  const { dtype, dims, content } = outline;
  requireElements(dims, limits.max_tensor_elements);
  if (dtype === 'string') return readStrings(bytes, outline, memory);
  if (content.length > 0) return rawTensor(dtype, dims, content, limits.max_tensor_elements);
  const sizeBytes = elementCount(dims) * ELEMENT_BYTES[dtype];
  if (outline.packed?.length === sizeBytes) return { dtype, dims, bytes: outline.packed };
  const filled = takeMemory(sizeBytes, bytes, memory);
  fillNumbers(new ProtoReader(bytes), dtype, VALUE_FIELDS[dtype], filled);
  return { dtype, dims, bytes: filled };
}

function readStrings(bytes: Uint8Array, { dims, content }: Outline, memory: TensorMemory): Tensor {
  const count = elementCount(dims);
  const take = (sizeBytes: number): Buffer => takeMemory(sizeBytes, bytes, memory);
  const filled =
    content.length > 0
      ? contentStrings(content, count, take)
      : listedStrings({ message: bytes, field: VALUE_FIELDS.string, count, isExact: false }, take);
  return { dtype: 'string', dims, bytes: filled };
}

function readOutline(bytes: Uint8Array, limits: Limits): Outline {
  const reader = new ProtoReader(bytes);
  let enumNumber = 0;
  let dims: readonly number[] = []; // without a shape: a scalar, as a widespread client sends it
  let content: Buffer = EMPTY;
  const run = new PackedRun();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) enumNumber = reader.int32();
    else if (field === 2) dims = reader.message(() => readShape(reader, limits.max_tensor_rank));
    else if (field === 4) content = reader.bytes();
    else if (field === FLOAT_FIELD || field === DOUBLE_FIELD) run.add(reader, field);
  }
  const dtype = dtypeOfNumber(enumNumber);
  if (dtype === undefined)
    throw new SkyliftError('SKY_TENSOR_INVALID', `dtype ${enumNumber} is not served`, {
      hint: 'Send numbers, bool or string; complex, quantized and reference types have no tensors here.',
    });
  return { dtype, dims, content, packed: run.only(VALUE_FIELDS[dtype]) };
}

function readShape(reader: ProtoReader, maxRank: number): number[] {
  const dims: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 3 && reader.bool())
      throw new SkyliftError('SKY_TENSOR_INVALID', 'the shape has an unknown rank');
    if (field !== 2) continue;
    if (dims.length === maxRank) throw tooManyDimensions(maxRank);
    dims.push(reader.message(() => readDim(reader)));
  }
  return dims;
}

function readDim(reader: ProtoReader): number {
  let size = 0;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) size = reader.safeInteger();
  return size; // a negative one is refused with the whole shape
}
