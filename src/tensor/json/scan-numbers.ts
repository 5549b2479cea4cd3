/**
 * Reads a number, or numbers in nested lists, from JSON bytes straight into the bytes of a tensor; the shape comes
 * out of the same pass. No JavaScript value is made per number, which is what makes `JSON.parse` slow here.
 */
import { SkyliftError } from '../../core/errors.ts';
import type { LimitName } from '../../core/limits.ts';
import type { DataType } from '../tensor.ts';
import { FloatSink } from './float-sink.ts';
import { CLOSE_ARRAY, COMMA, OPEN_ARRAY, kindAt, numberToken, skipWhitespace } from './grammar.ts';
import { HalfSink } from './half-sink.ts';
import { IntegerSink } from './integer-sink.ts';
import type { JsonKind } from './grammar.ts';
import type { NumberSink, ScanState } from './number-sink.ts';

/** The dtypes whose elements are JSON numbers. */
export type NumericType = Exclude<DataType, 'bool' | 'string'>;

export interface ScanLimits {
  /** Lists inside each other (limit max_tensor_rank). */
  readonly maxRank: number;
  /** Numbers of one tensor (limit max_tensor_elements). */
  readonly maxElements: number;
}

export type ScanResult =
  /** All well. `bytes` are exact in size and start at offset 0 of their buffer; `end` is the offset behind the value. */
  | {
      readonly kind: 'tensor';
      readonly dims: readonly number[];
      readonly bytes: Uint8Array;
      readonly end: number;
    }
  /** An element that is no value of the dtype; `number` means a fraction, exponent or NaN for an integer dtype. */
  | { readonly kind: 'other'; readonly offset: number; readonly found: Exclude<JsonKind, 'array' | 'end'> }
  | Ragged
  /** An integer that the dtype cannot hold. */
  | { readonly kind: 'range'; readonly offset: number; readonly text: string }
  /** No JSON; `what` is RapidJSON's word for it. */
  | { readonly kind: 'syntax'; readonly offset: number; readonly what: string };

/** Lists that make no rectangle, in the terms of TensorFlow Serving's messages (util/json_tensor.cc). */
export type Ragged = { readonly kind: 'ragged'; readonly offset: number; readonly level: number } & (
  | { readonly problem: 'value-at-level'; readonly rank: number }
  | { readonly problem: 'list-at-level'; readonly rank: number }
  | { readonly problem: 'size'; readonly size: number; readonly expected: number }
);

/** Reads tensors out of JSON text; the port that a WebAssembly scanner may implement too. */
export interface NumberScanner {
  /**
   * Reads the value that starts at or after `offset`. Floats round as `Math.fround(Number(text))` and overflow to
   * Infinity; integers are exact. Throws SKY_REQUEST_TOO_LARGE beyond `limits`; all else is in the result.
   */
  scan(bytes: Uint8Array, offset: number, dtype: NumericType, limits: ScanLimits): ScanResult;
}

/** The scanner in plain TypeScript. */
export const numberScanner: NumberScanner = {
  scan: (bytes, offset, dtype, limits) => new NestedScan(bytes, offset, createSink(dtype), limits).run(),
};

/** Elements that a sink starts with: enough for a row of features, little for a scalar. */
const FIRST_ROOM = 32;

function createSink(dtype: NumericType): NumberSink {
  if (dtype === 'float32' || dtype === 'float64') return new FloatSink(dtype);
  if (dtype === 'float16' || dtype === 'bfloat16') return new HalfSink(dtype);
  return new IntegerSink(dtype, FIRST_ROOM);
}

/** Documents up to this size are read from a padded copy, where the fast loop need not stop before the end. */
const SMALL_DOCUMENT_BYTES = 512;
const PADDING_BYTES = 64;
const smallBytes = new Uint8Array(SMALL_DOCUMENT_BYTES + PADDING_BYTES); // a scan neither waits nor calls back
const smallDocument = { bytes: smallBytes, view: new DataView(smallBytes.buffer) };

/** Plain views of a document: of a Buffer the engine would make slower code. */
function readable(source: Uint8Array): Pick<ScanState, 'bytes' | 'view'> {
  const { buffer, byteOffset, byteLength } = source;
  if (byteLength <= SMALL_DOCUMENT_BYTES) {
    smallBytes.set(source);
    smallBytes.fill(0, byteLength, byteLength + PADDING_BYTES);
    return smallDocument;
  }
  return {
    bytes: new Uint8Array(buffer, byteOffset, byteLength),
    view: new DataView(buffer, byteOffset, byteLength),
  };
}

/** One walk over nested lists; every step gives undefined, or the result that ends the walk. */
class NestedScan {
  readonly #sink: NumberSink;
  readonly #limits: ScanLimits;
  readonly #state: ScanState;
  readonly #start: number;
  /** Lists that are open. */
  #depth = 0;
  /** Depth of the first number or empty list, which all others must have; -1 before. */
  #rank = -1;
  /** Lists so far in the open list at each level but the innermost, whose numbers the state counts. */
  readonly #sizes: number[] = [];
  /** Size of the first list that closed at each level. */
  readonly #dims: number[] = [];

  constructor(source: Uint8Array, offset: number, sink: NumberSink, limits: ScanLimits) {
    const { bytes, view } = readable(source);
    this.#start = skipWhitespace(bytes, offset);
    this.#state = {
      bytes,
      view,
      at: this.#start,
      count: 0,
      listSize: -1,
      listStart: 0,
      listsClosed: 0,
    };
    this.#sink = sink;
    this.#limits = limits;
  }

  run(): ScanResult {
    const state = this.#state;
    do {
      const isList = state.bytes[state.at] === OPEN_ARRAY;
      const failure = (isList ? this.#openLists() : this.#takeNumbers()) ?? this.#closeLists();
      if (failure !== undefined) return failure;
    } while (this.#depth > 0);
    return { kind: 'tensor', dims: this.#dims, bytes: this.#sink.finish(state.count), end: state.at };
  }

  /** Opens lists until an element is due, and takes it; or until an empty list is about to close. */
  #openLists(): ScanResult | undefined {
    const state = this.#state;
    const { bytes } = state;
    while (bytes[state.at] === OPEN_ARRAY) {
      const level = this.#depth;
      const rank = this.#rank;
      if (rank >= 0 && level >= rank)
        return { kind: 'ragged', problem: 'list-at-level', offset: state.at, level, rank };
      if (level === this.#limits.maxRank) throw tooLarge('max_tensor_rank', this.#limits.maxRank, state.at);
      this.#sizes[level] = 0;
      this.#depth = level + 1;
      state.at = skipWhitespace(bytes, state.at + 1);
    }
    state.listStart = state.count;
    state.listSize = this.#depth > 1 ? (this.#dims[this.#depth - 1] ?? -1) : -1;
    if (bytes[state.at] !== CLOSE_ARRAY) return this.#takeNumbers();
    if (this.#rank < 0) this.#rank = this.#depth;
    return undefined;
  }

  /** Takes numbers, one at least: the rest of the innermost list, and often lists that follow it. */
  #takeNumbers(): ScanResult | undefined {
    const state = this.#state;
    const level = this.#depth;
    if (level !== this.#rank) {
      if (this.#rank >= 0 && kindAt(state.bytes, state.at) === 'number')
        return { kind: 'ragged', problem: 'value-at-level', offset: state.at, level, rank: this.#rank };
      this.#rank = level;
    }
    if (state.count === this.#sink.room) this.#grow();
    return level === 0 || this.#sink.takeRun(state) ? this.#takeToken() : undefined;
  }

  /** Takes the element that is due, in any spelling of a number. */
  #takeToken(): ScanResult | undefined {
    const state = this.#state;
    if (state.count === this.#sink.room) this.#grow();
    const offset = skipWhitespace(state.bytes, state.at);
    state.at = offset;
    const found = kindAt(state.bytes, offset);
    if (found === undefined || found === 'end') return { kind: 'syntax', offset, what: 'Invalid value.' };
    if (found === 'array')
      return { kind: 'ragged', problem: 'list-at-level', offset, level: this.#depth, rank: this.#rank };
    if (found !== 'number') return { kind: 'other', offset, found };
    const { end, fault } = numberToken(state.bytes, offset);
    if (fault !== undefined) return { kind: 'syntax', offset: end, what: fault };
    const text = asciiText(state.bytes, offset, end);
    const outcome = this.#sink.takeToken(text, state.count);
    if (outcome === 'wrong-type') return { kind: 'other', offset, found };
    if (outcome === 'range') return { kind: 'range', offset, text };
    state.at = end;
    state.count++;
    return undefined;
  }

  /** From the end of an element to the next one that is due, through the ends of lists. */
  #closeLists(): ScanResult | undefined {
    const state = this.#state;
    const { bytes } = state;
    while (this.#depth > 0) {
      state.at = skipWhitespace(bytes, state.at);
      const next = bytes[state.at];
      if (next === COMMA) {
        state.at = skipWhitespace(bytes, state.at + 1);
        return undefined;
      }
      if (next !== CLOSE_ARRAY)
        return { kind: 'syntax', offset: state.at, what: 'Missing a comma or ] after an array element.' };
      const level = this.#depth - 1;
      const size = level === this.#rank - 1 ? state.count - state.listStart : (this.#sizes[level] ?? 0);
      const expected = (this.#dims[level] ??= size);
      if (size !== expected)
        return { kind: 'ragged', problem: 'size', offset: state.at, level, size, expected };
      if (level > 0) this.#sizes[level - 1] = (this.#sizes[level - 1] ?? 0) + state.listsClosed + 1;
      state.listsClosed = 0;
      this.#depth = level;
      state.at++;
    }
    return undefined;
  }

  /** Makes room for as many numbers as the rest of the document holds if they are as long as those so far. */
  #grow(): void {
    const { at, count, bytes } = this.#state;
    const { maxElements } = this.#limits;
    if (count >= maxElements) throw tooLarge('max_tensor_elements', maxElements, at);
    const restBytes = bytes.length - at;
    const estimate = Math.ceil((count * restBytes * 1.05) / Math.max(1, at - this.#start)) + FIRST_ROOM;
    const most = Math.min(maxElements - count, Math.ceil(restBytes / 2) + 1); // a number and a comma
    this.#sink.grow(count + Math.min(most, Math.max(estimate, count)));
  }
}

function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

function tooLarge(limit: LimitName, most: number, offset: number): SkyliftError {
  return new SkyliftError(
    'SKY_REQUEST_TOO_LARGE',
    `a tensor exceeds ${limit} (${most}) at offset ${offset}`,
    {
      details: { limit, offset },
    },
  );
}
