/**
 * One JSON value, nested as deep as its tensor has dimensions, becomes a tensor. Numbers go through the number scanner
 * straight from the bytes; strings and booleans are read one by one. Errors are TensorFlow Serving's.
 * Source: tensorflow_serving/util/json_tensor.cc.
 */
import { unreachable } from '../../../core/errors.ts';
import type { SkyliftError } from '../../../core/errors.ts';
import { jsonError } from '../../../tensor/json/grammar.ts';
import { numberScanner } from '../../../tensor/json/scan-numbers.ts';
import type { NumericType, ScanResult } from '../../../tensor/json/scan-numbers.ts';
import type { DataType, Tensor } from '../../../tensor/tensor.ts';
import { readElements } from './element-reader.ts';
import type { JsonBody } from './json-body.ts';
import { raggedError, typeError } from './value-errors.ts';

/** Reads the value that comes next. Throws SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE, SKY_JSON_MALFORMED. */
export function readTensor(body: JsonBody, dtype: DataType): Tensor {
  if (dtype === 'string' || dtype === 'bool') return readElements(body, dtype);
  const scanned = scan(body, dtype);
  if (scanned.kind !== 'tensor') throw scanError(body, dtype, scanned);
  return accept(body, dtype, scanned);
}

/** The numbers that come next, or undefined (and the cursor unmoved) if anything else does. */
export function tryReadNumbers(body: JsonBody, dtype: DataType): Tensor | undefined {
  if (dtype === 'string' || dtype === 'bool') return undefined;
  const scanned = scan(body, dtype);
  return scanned.kind === 'tensor' ? accept(body, dtype, scanned) : undefined;
}

type Scanned = Extract<ScanResult, { kind: 'tensor' }>;

function scan({ bytes, reader, limits }: JsonBody, dtype: NumericType): ScanResult {
  return numberScanner.scan(bytes, reader.offset, dtype, {
    maxRank: limits.max_tensor_rank,
    maxElements: limits.max_tensor_elements,
  });
}

function accept({ reader }: JsonBody, dtype: NumericType, { dims, bytes, end }: Scanned): Tensor {
  reader.offset = end;
  return { dtype, dims, bytes };
}

function scanError(body: JsonBody, dtype: NumericType, failure: Exclude<ScanResult, Scanned>): SkyliftError {
  switch (failure.kind) {
    case 'other':
      return typeError(body, failure.offset, failure.found, dtype);
    case 'range':
      // The original checks int32 only for narrower types; an engine would wrap what is beyond.
      return typeError(body, failure.offset, 'number', dtype);
    case 'ragged':
      return raggedError(body, failure);
    case 'syntax':
      return jsonError(failure.what, failure.offset);
    default:
      return unreachable(failure);
  }
}
