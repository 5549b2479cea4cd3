/** Row format: every element of `instances` is one row, as a plain value or as an object of named inputs. */
import { SkyliftError, isSkyliftError } from '../../../core/errors.ts';
import { CLOSE_ARRAY, skipWhitespace } from '../../../tensor/json/grammar.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { invalidRequest } from '../failures.ts';
import { base64At } from './base64.ts';
import { echo } from './echo.ts';
import { documentError } from './json-body.ts';
import type { JsonBody } from './json-body.ts';
import { readRawBytes } from './raw-bytes.ts';
import { readTensor, tryReadNumbers } from './read-value.ts';
import { RowCollector } from './row-collector.ts';

/** Tensors [rows, ...] of the array that comes next. */
export function readRows(body: JsonBody, specs: readonly TensorSpec[]): Map<string, Tensor> {
  checkArray(body);
  const [only, second] = specs;
  if (only && !second) {
    const whole = tryReadNumbers(body, only.dtype);
    if (whole) return new Map([[only.name, whole]]);
  }
  const collectors = new Map(specs.map((spec) => [spec.name, new RowCollector(spec)]));
  readElements(body, collectors);
  return new Map(Array.from(collectors, ([name, collector]) => [name, collector.tensor()]));
}

function checkArray(body: JsonBody): void {
  const { bytes, reader } = body;
  if (reader.kind() !== 'array') throw documentError(body, "Expecting 'instances' to be an list/array");
  if (bytes[skipWhitespace(bytes, reader.offset + 1)] === CLOSE_ARRAY)
    throw documentError(body, "No values in 'instances' array");
}

function readElements(body: JsonBody, collectors: ReadonlyMap<string, RowCollector>): void {
  const { reader } = body;
  let areObjects: boolean | undefined;
  reader.enterArray();
  for (let row = 0; reader.nextElement(); row++) {
    const isObject = isNamedObject(body);
    areObjects ??= isObject;
    if (isObject !== areObjects)
      throw invalidRequest(
        isObject
          ? `Expecting value/list but got object at item ${row} of input list`
          : `Expecting object but got list at item ${row} of input list`,
      );
    if (isObject) readObject(body, row, collectors);
    else readPlain(body, row, collectors);
  }
}

function isNamedObject(body: JsonBody): boolean {
  return body.reader.kind() === 'object' && base64At(body, body.reader.offset) === undefined;
}

function readPlain(body: JsonBody, row: number, collectors: ReadonlyMap<string, RowCollector>): void {
  const [only, second] = collectors.values();
  if (!only || second)
    throw invalidRequest(
      'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
    );
  try {
    only.add(readRow(body, only.spec));
  } catch (error) {
    throw elementError(error, `Failed to process element: ${row} of 'instances' list.`);
  }
}

/** The keys of every object are exactly the inputs of the signature. */
function readObject(body: JsonBody, row: number, collectors: ReadonlyMap<string, RowCollector>): void {
  const { reader } = body;
  const { offset } = reader;
  reader.enterObject();
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey())
    try {
      addNamed(body, key, collectors);
    } catch (error) {
      throw elementError(error, `Failed to process element: ${row} key: ${key} of 'instances' list.`);
    }
  for (const collector of collectors.values())
    if (collector.rows !== row + 1) throw keysError(body, offset, row, collectors);
}

function addNamed(body: JsonBody, name: string, collectors: ReadonlyMap<string, RowCollector>): void {
  const collector = collectors.get(name);
  if (!collector)
    throw new SkyliftError('SKY_INPUT_UNKNOWN', `JSON object: does not have named input: ${name}`);
  collector.add(readRow(body, collector.spec));
}

function readRow(body: JsonBody, spec: TensorSpec): Tensor {
  return readRawBytes(body, spec, 'row') ?? readTensor(body, spec.dtype);
}

function keysError(
  body: JsonBody,
  offset: number,
  row: number,
  collectors: ReadonlyMap<string, RowCollector>,
): SkyliftError {
  const names = [...collectors.keys()].toSorted().join(',');
  const object = echo(body.bytes, offset, body.limits);
  return new SkyliftError(
    'SKY_INPUT_UNKNOWN',
    `Failed to process element: ${row} of 'instances' list. JSON object: ${object} keys must be equal to: ${names}`,
  );
}

/** Says in which element a value is wrong; errors about the document as a whole pass through. */
function elementError(error: unknown, where: string): unknown {
  const isAboutValue = isSkyliftError(error) && error.grpc === 'INVALID_ARGUMENT';
  if (!isAboutValue || error.code === 'SKY_JSON_MALFORMED') return error;
  return new SkyliftError(error.code, `${where} Error: ${error.grpc}: ${error.message}`, { cause: error });
}
