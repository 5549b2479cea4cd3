/** A tensor as JSON text: lists nested as its dims say, numbers as TensorFlow Serving writes them, NaN and Infinity as such. */
import { floatReader } from '../float-reader.ts';
import { typedView } from '../packed.ts';
import { decodeStrings } from '../strings.ts';
import { elementCount } from '../tensor.ts';
import type { Tensor } from '../tensor.ts';
import { ByteWriter } from './byte-writer.ts';
import { CLOSE_ARRAY, COMMA, OPEN_ARRAY } from './grammar.ts';
import { TextBudget } from './text-budget.ts';
import { writeFloat } from './write-floats.ts';

export interface WriteOptions {
  /** String elements as `{"b64": "..."}` instead of text. @default false */
  readonly bytesAsBase64?: boolean;
}

/**
 * Text of the whole tensor: `[[1.0,2.5],[3.0,4.0]]`, or one bare element for a scalar.
 * @param budget what the text may need; it is counted there. Beyond it SKY_REQUEST_TOO_LARGE. @default no limit
 */
export function writeValues(tensor: Tensor, options: WriteOptions = {}, budget = unlimited()): string {
  const nested = new NestedWriter(tensor, options, budget);
  nested.write(0);
  budget.take(nested.writer.at);
  return nested.writer.text(0);
}

/** Text of each row along the first dimension, without brackets around them all; the tensor must have one. */
export function writeRows(tensor: Tensor, options: WriteOptions = {}, budget = unlimited()): string[] {
  const nested = new NestedWriter(tensor, options, budget);
  const rows: string[] = [];
  const [rowCount = 0] = tensor.dims;
  while (rows.length < rowCount) {
    const start = nested.writer.at;
    nested.write(1);
    rows.push(nested.writer.text(start));
  }
  budget.take(nested.writer.at);
  return rows;
}

function unlimited(): TextBudget {
  return new TextBudget(Number.POSITIVE_INFINITY);
}

/** Texts up to this size are written in one shared buffer: making and collecting one per small reply costs more than the text. */
const SHARED_BYTES = 64 * 1024;
const sharedWriter = new ByteWriter(SHARED_BYTES); // never in use when a call begins: nothing here calls back or waits

/** Text per element that most outputs need, brackets and comma included. */
const USUAL_ELEMENT_BYTES = 12;
/** An element of one digit and its comma. */
const LEAST_ELEMENT_BYTES = 2;

class NestedWriter {
  readonly writer: ByteWriter;
  readonly #dims: readonly number[];
  readonly #writeElement: (index: number) => void;
  /** Index of the next element. */
  #next = 0;

  constructor(tensor: Tensor, options: WriteOptions, budget: TextBudget) {
    const count = elementCount(tensor.dims);
    budget.require((count - 1) * LEAST_ELEMENT_BYTES); // before memory is taken and time is spent
    this.#dims = tensor.dims;
    this.writer = writerFor(64 + count * USUAL_ELEMENT_BYTES, budget);
    this.#writeElement = elementWriter(tensor, options, this.writer);
  }

  /** Writes the next list of `level`, or the next element below the last level. */
  write(level: number): void {
    const length = this.#dims[level];
    if (length === undefined) {
      this.#writeElement(this.#next++);
      return;
    }
    this.writer.byte(OPEN_ARRAY);
    for (let i = 0; i < length; i++) {
      if (i > 0) this.writer.byte(COMMA);
      this.write(level + 1);
    }
    this.writer.byte(CLOSE_ARRAY);
  }
}

function writerFor(sizeBytes: number, budget: TextBudget): ByteWriter {
  const isShared = sizeBytes <= sharedWriter.bytes.length;
  const writer = isShared ? sharedWriter : new ByteWriter(Math.min(sizeBytes, budget.leftBytes));
  if (isShared) writer.reset(SHARED_BYTES);
  writer.budget = budget;
  return writer;
}

function elementWriter(tensor: Tensor, options: WriteOptions, writer: ByteWriter): (index: number) => void {
  const { dims, bytes, dtype } = tensor;
  if (dtype === 'string') {
    const elements = decodeStrings(bytes, elementCount(dims));
    return (index) => writer.utf8(stringText(elements[index] ?? new Uint8Array(), options));
  }
  const valueOf = floatReader(tensor);
  if (valueOf !== undefined) {
    const type = dtype === 'float64' ? 'float64' : 'float32';
    return (index) => writeFloat(writer, valueOf(index), type);
  }
  const values = typedView({ dtype, dims, bytes });
  if (dtype === 'bool') return (index) => writer.ascii(values[index] === 0 ? 'false' : 'true');
  return (index) => writer.ascii(String(values[index]));
}

function stringText(bytes: Uint8Array, { bytesAsBase64 }: WriteOptions): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytesAsBase64 === true
    ? `{"b64":"${buffer.toString('base64')}"}`
    : JSON.stringify(buffer.toString('utf8'));
}
