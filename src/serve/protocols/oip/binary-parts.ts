/**
 * The binary tensor extension: the body is a JSON object, followed at once by the bytes of tensors in the order of the
 * JSON. The header says where the JSON ends; 0 means that there is none and all is one tensor.
 */
import { invalidRequest } from '../failures.ts';
import type { HttpCall } from '../http-call.ts';

/** In both directions, as soon as anything is binary. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

export const BINARY_TYPE = 'application/octet-stream';

export interface BodyParts {
  readonly json: Uint8Array;
  readonly binary: Uint8Array;
  /** The header says 0: there is no JSON. */
  readonly isRaw: boolean;
}

/** The two parts of a body; without the header all is JSON. Throws SKY_REQUEST_INVALID. */
export function splitBody({ headers, body }: HttpCall): BodyParts {
  const text = headers.get(JSON_LENGTH_HEADER);
  if (text === undefined) return { json: body, binary: body.subarray(body.length), isRaw: false };
  const jsonBytes = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(jsonBytes <= body.length))
    throw invalidRequest(
      `${JSON_LENGTH_HEADER} is "${text.slice(0, 40)}": it must be a number of bytes, at most the ${body.length} of the body`,
    );
  return { json: body.subarray(0, jsonBytes), binary: body.subarray(jsonBytes), isRaw: jsonBytes === 0 };
}

/** Takes tensor after tensor from the binary part. */
export class BinaryCursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next bytes, as a view. Throws SKY_REQUEST_INVALID when there are not so many. */
  take(sizeBytes: number): Uint8Array {
    const end = this.#at + sizeBytes;
    if (end > this.#bytes.length)
      throw invalidRequest(
        `binary_data_size is ${sizeBytes}, but ${this.#bytes.length - this.#at} bytes are left behind the JSON, whose length ${JSON_LENGTH_HEADER} says`,
      );
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** Throws SKY_REQUEST_INVALID when bytes are left. */
  end(): void {
    const leftBytes = this.#bytes.length - this.#at;
    if (leftBytes > 0) throw invalidRequest(`${leftBytes} bytes follow the tensors that the request names`);
  }
}
