/**
 * The outputs of a run as a predict response, in the format of the request. The whitespace is that of the original
 * (RapidJSON's PrettyWriter, lists on one line), but none between the elements of a list. Source: tensorflow_serving/util/json_tensor.cc.
 */
import { TextBudget } from '../../../tensor/json/text-budget.ts';
import { writeRows, writeValues } from '../../../tensor/json/write-values.ts';
import type { WriteOptions } from '../../../tensor/json/write-values.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { invalidRequest } from '../failures.ts';
import type { PredictFormat } from './request-object.ts';
import { shapeError } from './value-errors.ts';

type Outputs = ReadonlyMap<string, Tensor>;

/** String outputs whose name ends so hold bytes and are written as base64 objects. */
const BYTES_SUFFIX = '_bytes';

/** About what stands around the name and the value of one output in the object of a row. */
const MEMBER_BYTES = 40;

const TEXT: WriteOptions = {};
const BYTES: WriteOptions = { bytesAsBase64: true };

/**
 * Body of the response. Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID for outputs that the format cannot hold,
 * SKY_REQUEST_TOO_LARGE beyond `maxBytes`.
 */
export function writePredict(outputs: Outputs, format: PredictFormat, maxBytes: number): string {
  if (outputs.size === 0) throw invalidRequest('Cannot convert empty tensor map to JSON');
  const budget = new TextBudget(maxBytes);
  return format === 'row' ? rowFormat(outputs, budget) : columnFormat(outputs, budget);
}

function rowFormat(outputs: Outputs, budget: TextBudget): string {
  const rows = rowCount(outputs);
  if (rows === 0) return '{\n    "predictions": []\n}';
  const list =
    outputs.size === 1 ? onlyText(outputs, budget).slice(1, -1) : rowObjects(outputs, rows, budget);
  return `{\n    "predictions": [${list}\n    ]\n}`;
}

/** Every output has the same number of rows. */
function rowCount(outputs: Outputs): number {
  let expected: number | undefined;
  for (const [name, { dims }] of outputs) {
    const [rows] = dims;
    if (rows === undefined) throw shapeError(`Tensor name: ${name} has no shape information `);
    expected ??= rows;
    if (rows !== expected)
      throw shapeError(`Tensor name: ${name} has inconsistent batch size: ${rows} expecting: ${expected}`);
  }
  return expected ?? 0;
}

/** One object for each row, with the names of the outputs as keys. */
function rowObjects(outputs: Outputs, rows: number, budget: TextBudget): string {
  for (const name of outputs.keys()) budget.take(rows * (MEMBER_BYTES + Buffer.byteLength(name)));
  const columns = Array.from(outputs, ([name, tensor]) => ({
    key: JSON.stringify(name),
    texts: writeRows(tensor, writeOptions(name), budget),
  }));
  const objects: string[] = [];
  for (let row = 0; row < rows; row++) {
    const members = columns.map(({ key, texts }) => `            ${key}: ${texts[row]}`);
    objects.push(`\n        {\n${members.join(',\n')}\n        }`);
  }
  return objects.join(',');
}

function columnFormat(outputs: Outputs, budget: TextBudget): string {
  if (outputs.size === 1) return `{\n    "outputs": ${onlyText(outputs, budget)}\n}`;
  const members = Array.from(
    outputs,
    ([name, tensor]) => `        ${JSON.stringify(name)}: ${writeValues(tensor, writeOptions(name), budget)}`,
  );
  return `{\n    "outputs": {\n${members.join(',\n')}\n    }\n}`;
}

/** Text of the one output. */
function onlyText(outputs: Outputs, budget: TextBudget): string {
  for (const [name, tensor] of outputs) return writeValues(tensor, writeOptions(name), budget);
  return '';
}

function writeOptions(name: string): WriteOptions {
  return name.endsWith(BYTES_SUFFIX) ? BYTES : TEXT;
}
