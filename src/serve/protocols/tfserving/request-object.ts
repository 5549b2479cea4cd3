/**
 * The top level of a predict request: one walk over the body that checks its syntax and notes where the members
 * stand. The tensors are read on the way, under the guess that the signature name known so far is the last word.
 */
import type { JsonBody } from './json-body.ts';
import { documentError } from './json-body.ts';

export type PredictFormat = 'row' | 'column';

/** A member that holds tensors: `instances` (row) or `inputs` (column). */
export interface TensorMember {
  readonly format: PredictFormat;
  /** Offset of its value. */
  readonly offset: number;
}

export interface RequestObject {
  /** undefined when absent or empty: the default signature. */
  readonly signatureName: string | undefined;
  readonly instances: TensorMember | undefined;
  readonly inputs: TensorMember | undefined;
}

/** Reads a member where it stands; the result is the offset behind its value, or undefined to have it left out. */
export type ReadAhead = (member: TensorMember, signatureName: string | undefined) => number | undefined;

/**
 * Throws SKY_JSON_MALFORMED, and SKY_REQUEST_INVALID when the document is no object or `signature_name` no string.
 * Bytes after the object are ignored. Of equal keys the first counts, as in RapidJSON's FindMember.
 */
export function readRequestObject(body: JsonBody, readAhead: ReadAhead): RequestObject {
  const { reader } = body;
  if (reader.kind() === 'object') return new RequestObjectReader(body, readAhead).read();
  reader.skipValue();
  throw documentError(body, 'Is not object');
}

class RequestObjectReader {
  readonly #body: JsonBody;
  readonly #readAhead: ReadAhead;
  #signatureName: string | undefined;
  #signature: 'absent' | 'string' | 'other' = 'absent';
  #instances: TensorMember | undefined;
  #inputs: TensorMember | undefined;

  constructor(body: JsonBody, readAhead: ReadAhead) {
    this.#body = body;
    this.#readAhead = readAhead;
  }

  read(): RequestObject {
    const { reader } = this.#body;
    reader.enterObject();
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) this.#member(key);
    if (this.#signature === 'other')
      throw documentError(
        this.#body,
        "not formatted correctly. 'signature_name' key must be a string value.",
      );
    return { signatureName: this.#signatureName, instances: this.#instances, inputs: this.#inputs };
  }

  #member(key: string): void {
    const { offset } = this.#body.reader;
    if (key === 'signature_name' && this.#signature === 'absent') this.#readSignatureName();
    else if (key === 'instances' && !this.#instances)
      this.#readTensors((this.#instances = { format: 'row', offset }));
    else if (key === 'inputs' && !this.#inputs)
      this.#readTensors((this.#inputs = { format: 'column', offset }));
    else this.#body.reader.skipValue();
  }

  /** A name of the wrong type is an error only after the syntax of the whole document was checked. */
  #readSignatureName(): void {
    const { reader } = this.#body;
    this.#signature = reader.kind() === 'string' ? 'string' : 'other';
    if (this.#signature === 'string') this.#signatureName = reader.readString() || undefined;
    else reader.skipValue();
  }

  #readTensors(member: TensorMember): void {
    const { reader } = this.#body;
    const isOnly = this.#instances === undefined || this.#inputs === undefined; // both: an error anyway
    const end = isOnly ? this.#readAhead(member, this.#signatureName) : undefined;
    reader.offset = end ?? member.offset;
    if (end === undefined) reader.skipValue();
  }
}
