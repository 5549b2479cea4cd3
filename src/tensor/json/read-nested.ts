/**
 * Walks a tensor whose elements are read one by one: one element, or lists of elements nested alike. As in TensorFlow
 * Serving the first list at each level says how long all lists there are.
 */
import type { SkyliftError } from '../../core/errors.ts';
import { tooManyDimensions, tooManyElements } from '../tensor.ts';
import type { JsonKind } from './grammar.ts';
import type { JsonReader } from './reader.ts';
import type { Ragged } from './scan-numbers.ts';

export interface NestedOptions {
  /** Lists inside each other (limit max_tensor_rank). */
  readonly maxRank: number;
  /** Elements in all (limit max_tensor_elements). */
  readonly maxElements: number;
  /** Reads the element that comes next, a value of `kind`, or throws. */
  readonly readElement: (kind: JsonKind) => void;
  /** The error of lists that make no rectangle. */
  readonly raggedError: (ragged: Ragged) => SkyliftError;
}

/** Dims of the value that comes next. Throws SKY_REQUEST_TOO_LARGE, SKY_JSON_MALFORMED, and what the options throw. */
export function readNested(reader: JsonReader, options: NestedOptions): number[] {
  return new NestedReader(reader, options).read();
}

class NestedReader {
  readonly #reader: JsonReader;
  readonly #options: NestedOptions;
  readonly #dims: number[] = [];
  /** Known from the first element or empty list on. */
  #rank: number | undefined;
  #elements = 0;

  constructor(reader: JsonReader, options: NestedOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  read(): number[] {
    this.#value(0);
    return this.#dims;
  }

  #value(level: number): void {
    const kind = this.#reader.kind();
    if (kind === 'array') this.#list(level);
    else this.#element(level, kind);
  }

  #list(level: number): void {
    const { maxRank, raggedError } = this.#options;
    const { offset } = this.#reader;
    const rank = this.#rank;
    if (rank !== undefined && level >= rank)
      throw raggedError({ kind: 'ragged', problem: 'list-at-level', offset, level, rank });
    if (level === maxRank) throw tooManyDimensions(maxRank);
    let size = 0;
    for (this.#reader.enterArray(); this.#reader.nextElement(); size++) this.#value(level + 1);
    if (size === 0) this.#rank ??= level + 1;
    const expected = (this.#dims[level] ??= size);
    if (size !== expected)
      throw raggedError({ kind: 'ragged', problem: 'size', offset, level, size, expected });
  }

  #element(level: number, kind: JsonKind): void {
    const { readElement, raggedError, maxElements } = this.#options;
    const rank = (this.#rank ??= level);
    const { offset } = this.#reader;
    if (level !== rank) throw raggedError({ kind: 'ragged', problem: 'value-at-level', offset, level, rank });
    this.#elements++;
    if (this.#elements > maxElements) throw tooManyElements(maxElements);
    readElement(kind);
  }
}
