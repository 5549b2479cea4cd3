/**
 * The top level of a predict request: one walk over the body that checks its syntax and notes where the members
 * stand. The tensors are read on the way, under the guess that the signature name known so far is the last word.
 */
import type { SkyliftError } from '../../../core/errors.ts';
import type { Mark } from '../../../tensor/json/reader.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import type { NamedSignature } from '../../runtime/requests.ts';
import type { JsonBody } from './json-body.ts';
import { documentError } from './json-body.ts';

export type PredictFormat = 'row' | 'column';
export type Inputs = ReadonlyMap<string, Tensor>;

/** What came of reading tensors before the whole document was seen. */
export interface Attempt {
  /** The signature name that the request had given until then. */
  readonly under: string | undefined;
  readonly found: NamedSignature;
  /** Why there are no inputs counts only if the rest of the document is well-formed. */
  readonly outcome: Inputs | SkyliftError;
}

/** A member that holds tensors: `instances` (row) or `inputs` (column). */
export interface TensorMember {
  readonly format: PredictFormat;
  /** The start of its value. */
  readonly start: Mark;
  readonly attempt: Attempt | undefined;
}

export interface RequestObject {
  /** undefined when absent or empty: the default signature. */
  readonly signatureName: string | undefined;
  readonly instances: TensorMember | undefined;
  readonly inputs: TensorMember | undefined;
}

/** Reads the tensors that come next. Without inputs the cursor stands where it stood. */
export type TryTensors = (format: PredictFormat, signatureName: string | undefined) => Attempt | undefined;

/**
 * Throws SKY_JSON_MALFORMED, and SKY_REQUEST_INVALID when the document is no object or `signature_name` no string.
 * Bytes after the object are ignored. Of equal keys the first counts, as in RapidJSON's FindMember.
 */
export function readRequestObject(body: JsonBody, tryTensors: TryTensors): RequestObject {
  const { reader } = body;
  if (reader.kind() === 'object') return new RequestObjectReader(body, tryTensors).read();
  reader.skipValue();
  throw documentError(body, 'Is not object');
}

class RequestObjectReader {
  readonly #body: JsonBody;
  readonly #tryTensors: TryTensors;
  #signatureName: string | undefined;
  #signature: 'absent' | 'string' | 'other' = 'absent';
  #instances: TensorMember | undefined;
  #inputs: TensorMember | undefined;

  constructor(body: JsonBody, tryTensors: TryTensors) {
    this.#body = body;
    this.#tryTensors = tryTensors;
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
    if (key === 'signature_name' && this.#signature === 'absent') this.#readSignatureName();
    else if (key === 'instances' && !this.#instances) this.#instances = this.#readTensors('row');
    else if (key === 'inputs' && !this.#inputs) this.#inputs = this.#readTensors('column');
    else this.#body.reader.skipValue();
  }

  /** A name of the wrong type is an error only after the syntax of the whole document was checked. */
  #readSignatureName(): void {
    const { reader } = this.#body;
    this.#signature = reader.kind() === 'string' ? 'string' : 'other';
    if (this.#signature === 'string') this.#signatureName = reader.readString() || undefined;
    else reader.skipValue();
  }

  #readTensors(format: PredictFormat): TensorMember {
    const { reader } = this.#body;
    const start = reader.mark();
    const isOnly = !this.#instances && !this.#inputs; // both: an error anyway
    const attempt = isOnly ? this.#tryTensors(format, this.#signatureName) : undefined;
    if (!(attempt?.outcome instanceof Map)) reader.skipValue();
    return { format, start, attempt };
  }
}
