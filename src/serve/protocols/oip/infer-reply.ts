/** The outputs of a run as an inference reply: a JSON object, and the bytes of the binary outputs behind it. */
import { isUtf8 } from 'node:buffer';
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
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

/** What the reply depends on beside the outputs. */
export interface ReplyOptions {
  readonly model: string;
  /** The first dimension of outputs counts rows. */
  readonly isBatched: boolean;
  readonly limits: Limits;
}

/**
 * The outputs that the request asks for. Throws SKY_TENSOR_INVALID for outputs that JSON cannot hold,
 * SKY_REQUEST_TOO_LARGE beyond max_reply_bytes and max_classes.
 */
export function writeInferReply(
  { id, outputs }: Pick<InferRequest, 'id' | 'outputs'>,
  result: RunResult,
  options: ReplyOptions,
): InferReply {
  const writer = new OutputWriter(result, options);
  const texts = outputs.map((asked) => writer.text(asked));
  const idText = id === undefined ? '' : `"id":${JSON.stringify(id)},`;
  writer.budget.take(idText.length);
  const modelText = `"model_name":${JSON.stringify(options.model)},"model_version":"${result.version}"`;
  const json = `{${idText}${modelText},"outputs":[${texts.join(',')}]}`;
  if (writer.binary.length === 0) return { contentType: JSON_TYPE, body: json, headers: {} };
  const head = Buffer.from(json);
  return {
    contentType: BINARY_TYPE,
    body: Buffer.concat([head, ...writer.binary]),
    headers: { [JSON_LENGTH_HEADER]: String(head.length) },
  };
}

/** An output, or the names of its greatest elements. Throws SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE beyond max_classes. */
export function outputTensor(
  result: RunResult,
  { name, classes }: Pick<AskedOutput, 'name' | 'classes'>,
  { isBatched, limits }: ReplyOptions,
): Tensor {
  const output = result.outputs.get(name);
  if (!output) throw new SkyliftError('SKY_INTERNAL', `the run gave no output "${name}"`);
  if (classes === 0) return output;
  return topClasses(output, { classes, isBatched, maxClasses: limits.max_classes });
}

class OutputWriter {
  /** What stands behind the JSON. */
  readonly binary: Uint8Array[] = [];
  readonly budget: TextBudget;
  readonly #result: RunResult;
  readonly #options: ReplyOptions;

  constructor(result: RunResult, options: ReplyOptions) {
    this.budget = new TextBudget(options.limits.max_reply_bytes);
    this.#result = result;
    this.#options = options;
  }

  /** JSON of one output. */
  text({ name, isBinary, classes }: AskedOutput): string {
    const tensor = outputTensor(this.#result, { name, classes }, this.#options);
    const { dtype, dims, bytes } = tensor;
    this.budget.take(OUTPUT_BYTES + name.length);
    const head = `{"name":${JSON.stringify(name)},"datatype":"${DATATYPE_NAMES[dtype]}","shape":[${dims.join(',')}],`;
    if (!isBinary) return `${head}"data":${this.#data(name, tensor)}}`;
    this.budget.take(bytes.length);
    this.binary.push(bytes);
    return `${head}"parameters":{"binary_data_size":${bytes.length}}}`;
  }

  /** All elements in one list. Numbers are written as everywhere in this server: with NaN and Infinity as such. */
  #data(name: string, { dtype, dims, bytes }: Tensor): string {
    const count = elementCount(dims);
    if (dtype === 'string' && !decodeStrings(bytes, count).every((element) => isUtf8(element)))
      throw new SkyliftError(
        'SKY_TENSOR_INVALID',
        `output "${name}" is not UTF-8, so that JSON cannot hold it: ask for it with the parameter binary_data`,
      );
    return writeValues({ dtype, dims: [count], bytes }, {}, this.budget);
  }
}
