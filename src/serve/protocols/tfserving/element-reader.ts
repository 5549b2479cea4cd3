/**
 * Strings and booleans in nested lists, read one by one. As in the original the first list at each level says how long
 * all lists there are.
 */
import { SkyliftError } from '../../../core/errors.ts';
import { jsonError } from '../../../tensor/json/grammar.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { tensor } from '../../../tensor/values.ts';
import { base64At, readBase64 } from './base64.ts';
import { valueError } from './json-body.ts';
import type { JsonBody } from './json-body.ts';
import { raggedError, typeError } from './value-errors.ts';

/** Reads one tensor. Throws SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE, SKY_JSON_MALFORMED. */
export class ElementReader {
  readonly #body: JsonBody;
  readonly #dtype: 'bool' | 'string';
  readonly #elements: (boolean | string | Uint8Array)[] = [];
  readonly #dims: number[] = [];
  /** Known from the first element or empty list on. */
  #rank: number | undefined;

  constructor(body: JsonBody, dtype: 'bool' | 'string') {
    this.#body = body;
    this.#dtype = dtype;
  }

  /** The value that comes next. */
  read(): Tensor {
    this.#value(0);
    return tensor(this.#dtype, this.#dims, this.#elements);
  }

  #value(level: number): void {
    if (this.#body.reader.kind() === 'array') this.#list(level);
    else this.#element(level);
  }

  #list(level: number): void {
    const { reader, limits } = this.#body;
    const { offset } = reader;
    const rank = this.#rank;
    if (rank !== undefined && level >= rank)
      throw raggedError(this.#body, { kind: 'ragged', problem: 'list-at-level', offset, level, rank });
    if (level === limits.max_tensor_rank)
      throw new SkyliftError('SKY_REQUEST_TOO_LARGE', `a tensor exceeds max_tensor_rank (${level})`);
    let size = 0;
    for (reader.enterArray(); reader.nextElement(); size++) this.#value(level + 1);
    if (size === 0) this.#rank ??= level + 1;
    const expected = (this.#dims[level] ??= size);
    if (size !== expected)
      throw raggedError(this.#body, { kind: 'ragged', problem: 'size', offset, level, size, expected });
  }

  #element(level: number): void {
    const rank = (this.#rank ??= level);
    const { offset } = this.#body.reader;
    if (level !== rank)
      throw raggedError(this.#body, { kind: 'ragged', problem: 'value-at-level', offset, level, rank });
    this.#elements.push(this.#dtype === 'bool' ? this.#boolean() : this.#string());
  }

  #boolean(): boolean {
    const { reader } = this.#body;
    const kind = reader.kind();
    if (kind === 'true' || kind === 'false') return reader.readLiteral() === true;
    throw this.#wrongType();
  }

  #string(): string | Uint8Array {
    const { reader } = this.#body;
    const kind = reader.kind();
    if (kind === 'string') return reader.readString();
    if (kind !== 'object') throw this.#wrongType();
    const found = base64At(this.#body, reader.offset);
    if (found) return readBase64(this.#body, found);
    throw valueError(
      this.#body,
      reader.offset,
      'not formatted correctly for base64 data',
      'SKY_TENSOR_INVALID',
    );
  }

  #wrongType(): SkyliftError {
    const { reader } = this.#body;
    const { offset } = reader;
    const kind = reader.kind();
    if (kind === 'end') return jsonError('Invalid value.', offset);
    return typeError(this.#body, offset, kind, this.#dtype);
  }
}
