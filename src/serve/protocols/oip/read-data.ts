/** The `data` of an input: JSON numbers, booleans or strings, flat or nested as the shape says. */
import { SkyliftError, unreachable } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { ZERO, jsonError } from '../../../tensor/json/grammar.ts';
import type { JsonKind } from '../../../tensor/json/grammar.ts';
import { readNested } from '../../../tensor/json/read-nested.ts';
import type { JsonReader } from '../../../tensor/json/reader.ts';
import { numberScanner } from '../../../tensor/json/scan-numbers.ts';
import type { NumericType, Ragged, ScanResult } from '../../../tensor/json/scan-numbers.ts';
import { requireElements } from '../../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../../tensor/tensor.ts';
import { tensor } from '../../../tensor/values.ts';
import { DATATYPE_NAMES } from './datatypes.ts';

const ONE = ZERO + 1;

/**
 * The tensor that comes next, with the shape that its lists have. Throws SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE,
 * SKY_JSON_MALFORMED.
 */
export function readData(reader: JsonReader, dtype: DataType, limits: Limits): Tensor {
  if (reader.kind() !== 'array') throw invalid('"data" is not an array');
  const data =
    dtype === 'bool' || dtype === 'string'
      ? readElements(reader, dtype, limits)
      : readNumbers(reader, dtype, limits);
  requireElements(data.dims, limits.max_tensor_elements);
  return data;
}

function readNumbers(reader: JsonReader, dtype: NumericType, limits: Limits): Tensor {
  const scanned = numberScanner.scan(reader.bytes, reader.offset, dtype, {
    maxRank: limits.max_tensor_rank,
    maxElements: limits.max_tensor_elements,
  });
  if (scanned.kind !== 'tensor') throw scanError(scanned, dtype);
  reader.offset = scanned.end;
  return { dtype, dims: scanned.dims, bytes: scanned.bytes };
}

function readElements(reader: JsonReader, dtype: 'bool' | 'string', limits: Limits): Tensor {
  const elements: (boolean | string)[] = [];
  const readElement = dtype === 'bool' ? readBoolean : readString;
  const dims = readNested(reader, {
    maxRank: limits.max_tensor_rank,
    maxElements: limits.max_tensor_elements,
    readElement: (kind) => elements.push(readElement(reader, kind)),
    raggedError,
  });
  return tensor(dtype, dims, elements);
}

function readBoolean(reader: JsonReader, kind: JsonKind): boolean {
  if (kind === 'true' || kind === 'false') return reader.readLiteral() === true;
  const { bytes, offset } = reader;
  reader.skipValue();
  const isDigit = reader.offset === offset + 1;
  if (isDigit && bytes[offset] === ZERO) return false;
  if (isDigit && bytes[offset] === ONE) return true;
  throw invalid(`the element at offset ${offset} is not true, false, 0 or 1`);
}

function readString(reader: JsonReader, kind: JsonKind): string {
  if (kind === 'string') return reader.readString();
  throw invalid(`the element at offset ${reader.offset} is not a string`);
}

function scanError(failure: Exclude<ScanResult, { kind: 'tensor' }>, dtype: DataType): SkyliftError {
  const datatype = DATATYPE_NAMES[dtype];
  switch (failure.kind) {
    case 'other':
      return failure.found === 'number'
        ? invalid(`the number at offset ${failure.offset} is not an integer, as ${datatype} needs`)
        : invalid(`the element at offset ${failure.offset} is not a number, as ${datatype} needs`);
    case 'range':
      return invalid(`the number at offset ${failure.offset} is beyond what ${datatype} holds`);
    case 'ragged':
      return raggedError(failure);
    case 'syntax':
      return jsonError(failure.what, failure.offset);
    default:
      return unreachable(failure);
  }
}

function raggedError({ offset }: Ragged): SkyliftError {
  return invalid(`the lists are not nested alike at offset ${offset}`);
}

function invalid(message: string): SkyliftError {
  return new SkyliftError('SKY_TENSOR_INVALID', message);
}
