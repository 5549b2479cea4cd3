/** The outputs of a run as an inference reply: a JSON object, and the bytes of the binary outputs behind it. */
import { isUtf8 } from 'node:buffer';
import { SkyliftError } from '../../../core/errors.ts';
import { TextBudget } from '../../../tensor/json/text-budget.ts';
import { writeValues } from '../../../tensor/json/write-values.ts';
import { decodeStrings } from '../../../tensor/strings.ts';
import { elementCount } from '../../../tensor/tensor.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import type { RunResult } from '../../runtime/requests.ts';
import { JSON_TYPE } from '../http-call.ts';
import { BINARY_TYPE, JSON_LENGTH_HEADER } from './binary-parts.ts';
import { DATATYPE_NAMES } from './datatypes.ts';
import type { AskedOutput, InferRequest } from './infer-request.ts';
import { topClasses } from './top-classes.ts';

/** About what stands around the value of one output. */
const OUTPUT_BYTES = 80;

export interface InferReply {
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The outputs that the request asks for. Throws SKY_TENSOR_INVALID for outputs that JSON cannot hold,
 * SKY_REQUEST_TOO_LARGE beyond `maxBytes`.
 */
export function writeInferReply(
  model: string,
  { id, outputs }: Pick<InferRequest, 'id' | 'outputs'>,
  result: RunResult,
  maxBytes: number,
): InferReply {
  const budget = new TextBudget(maxBytes);
  const binary: Uint8Array[] = [];
  const texts = outputs.map((asked) => outputText(asked, result, binary, budget));
  const idText = id === undefined ? '' : `"id":${JSON.stringify(id)},`;
  const modelText = `"model_name":${JSON.stringify(model)},"model_version":"${result.version}"`;
  const json = `{${idText}${modelText},"outputs":[${texts.join(',')}]}`;
  if (binary.length === 0) return { contentType: JSON_TYPE, body: json, headers: {} };
  const head = Buffer.from(json);
  return {
    contentType: BINARY_TYPE,
    body: Buffer.concat([head, ...binary]),
    headers: { [JSON_LENGTH_HEADER]: String(head.length) },
  };
}

function outputText(
  { name, isBinary, classes }: AskedOutput,
  { outputs }: RunResult,
  binary: Uint8Array[],
  budget: TextBudget,
): string {
  const output = outputs.get(name);
  if (!output) throw new SkyliftError('SKY_INTERNAL', `the run gave no output "${name}"`);
  const tensor = classes > 0 ? topClasses(output, classes) : output;
  const { dtype, dims, bytes } = tensor;
  budget.take(OUTPUT_BYTES + name.length);
  const head = `{"name":${JSON.stringify(name)},"datatype":"${DATATYPE_NAMES[dtype]}","shape":[${dims.join(',')}],`;
  if (!isBinary) return `${head}"data":${dataText(name, tensor, budget)}}`;
  budget.take(bytes.length);
  binary.push(bytes);
  return `${head}"parameters":{"binary_data_size":${bytes.length}}}`;
}

/** All elements in one list. Numbers are written as everywhere in this server: with NaN and Infinity as such. */
function dataText(name: string, { dtype, dims, bytes }: Tensor, budget: TextBudget): string {
  const count = elementCount(dims);
  if (dtype === 'string' && !decodeStrings(bytes, count).every((element) => isUtf8(element)))
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `output "${name}" is not UTF-8, so that JSON cannot hold it`,
      {
        hint: 'Ask for it as binary data: "parameters": {"binary_data": true}.',
      },
    );
  return writeValues({ dtype, dims: [count], bytes }, {}, budget);
}
