/** The body of a predict request becomes named tensors, in one pass over the bytes when the request is good. */
import { isSkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Signature } from '../../../package/manifest.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { readColumns } from './columns.ts';
import { invalidRequest } from './errors.ts';
import { documentError, openBody } from './json-body.ts';
import type { Allocate, JsonBody } from './json-body.ts';
import { readRequestObject } from './request-object.ts';
import type { PredictFormat, RequestObject, TensorMember } from './request-object.ts';
import { readRows } from './rows.ts';

export interface NamedSignature {
  readonly name: string;
  readonly signature: Signature;
}

/** Finds a signature of the model that the URL names, or throws. undefined: the default one. */
export type SignatureLookup = (name: string | undefined) => NamedSignature;

type Inputs = ReadonlyMap<string, Tensor>;

export interface ParsedPredict {
  readonly signature: string;
  readonly format: PredictFormat;
  readonly inputs: Inputs;
}

/**
 * Order of checks, as in the original: JSON syntax, type of `signature_name`, `lookup` (model, version, signature),
 * `instances` or `inputs`. Shapes are compared with the signature by the runtime, for all protocols.
 * Throws what `lookup` throws, SKY_JSON_MALFORMED, SKY_REQUEST_INVALID, SKY_REQUEST_TOO_LARGE, SKY_INPUT_UNKNOWN,
 * SKY_TENSOR_INVALID.
 */
export function parsePredict(
  bytes: Uint8Array,
  lookup: SignatureLookup,
  limits: Limits,
  allocate?: Allocate,
): ParsedPredict {
  return new PredictParser(() => openBody(bytes, limits, allocate), lookup).parse();
}

/** Tensors that were read before the whole document was seen. */
interface ReadAhead {
  /** The name that the request had given until then. */
  readonly signatureName: string | undefined;
  readonly found: NamedSignature;
  readonly inputs: Inputs | undefined;
  /** Why there are no inputs. It counts only if the rest of the document is well-formed. */
  readonly failure: unknown;
}

class PredictParser {
  /** A view of the body with its own cursor. */
  readonly #open: () => JsonBody;
  readonly #lookup: SignatureLookup;
  #ahead: ReadAhead | undefined;

  constructor(open: () => JsonBody, lookup: SignatureLookup) {
    this.#open = open;
    this.#lookup = lookup;
  }

  parse(): ParsedPredict {
    const body = this.#open();
    const object = readRequestObject(body, (member, name) => this.#readAhead(member, name));
    const ahead = this.#ahead?.signatureName === object.signatureName ? this.#ahead : undefined;
    const { name, signature } = ahead?.found ?? this.#lookup(object.signatureName);
    if (signature.inputs.length === 0)
      throw invalidRequest(`Failed to get input map for signature: ${object.signatureName ?? 'DEFAULT'}`);
    const member = this.#tensorMember(object);
    if (ahead && ahead.inputs === undefined) throw ahead.failure;
    const inputs = ahead?.inputs ?? this.#readMember(member, signature).inputs;
    return { signature: name, format: member.format, inputs };
  }

  /** Offset behind the member's value; undefined when it could not be read. */
  #readAhead(member: TensorMember, signatureName: string | undefined): number | undefined {
    const found = this.#tryLookup(signatureName);
    this.#ahead = undefined;
    if (!found || found.signature.inputs.length === 0) return undefined;
    try {
      const { inputs, end } = this.#readMember(member, found.signature);
      this.#ahead = { signatureName, found, inputs, failure: undefined };
      return end;
    } catch (failure) {
      this.#ahead = { signatureName, found, inputs: undefined, failure };
      return undefined;
    }
  }

  #tryLookup(signatureName: string | undefined): NamedSignature | undefined {
    try {
      return this.#lookup(signatureName);
    } catch (error) {
      if (isSkyliftError(error)) return undefined; // it is thrown again when its turn has come
      throw error;
    }
  }

  /** The one of `instances` and `inputs` that is there. */
  #tensorMember({ instances, inputs }: RequestObject): TensorMember {
    if (instances && inputs)
      throw documentError(
        this.#open(),
        "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
      );
    const member = instances ?? inputs;
    if (!member) throw invalidRequest("Missing 'inputs' or 'instances' key");
    return member;
  }

  #readMember({ format, offset }: TensorMember, { inputs }: Signature): { inputs: Inputs; end: number } {
    const body = this.#open(); // of its own: a failure leaves it anywhere
    body.reader.offset = offset;
    const tensors = format === 'row' ? readRows(body, inputs) : readColumns(body, inputs);
    return { inputs: tensors, end: body.reader.offset };
  }
}
