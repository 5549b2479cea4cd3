/** A request body while it is read: its bytes, one cursor over them, and the errors that quote from it. */
import { SkyliftError } from '../../../core/errors.ts';
import type { ErrorCode } from '../../../core/error-codes.ts';
import type { Limits } from '../../../core/limits.ts';
import { documentStart, skipWhitespace } from '../../../tensor/json/grammar.ts';
import { JsonReader } from '../../../tensor/json/reader.ts';
import { echo } from './echo.ts';

export interface JsonBody {
  readonly bytes: Buffer;
  readonly reader: JsonReader;
  readonly limits: Limits;
  readonly allocate: Allocate;
  /** What was found last, so that a megabyte of text is searched once. */
  lastBase64?: { readonly at: number; readonly found: Base64Object | undefined };
}

/** Memory of so many bytes, for what is decoded from the body. */
export type Allocate = (sizeBytes: number) => Buffer;

/** Where a base64 object stands in the body. */
export interface Base64Object {
  /** Offset of the opening quote of the base64 text. */
  readonly quoteAt: number;
  /** Offset behind its closing quote. */
  readonly textEnd: number;
  /** Offset behind the object. */
  readonly end: number;
}

/** A body with the cursor at its start. */
export function openBody(
  bytes: Uint8Array,
  limits: Limits,
  allocate: Allocate = (sizeBytes) => Buffer.allocUnsafeSlow(sizeBytes),
): JsonBody {
  return {
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    reader: new JsonReader(bytes, { maxDepth: limits.max_json_depth }),
    limits,
    allocate,
  };
}

/** `JSON Value: <the value at offset, cut> <text>` (400). */
export function valueError(
  body: JsonBody,
  offset: number,
  text: string,
  code: ErrorCode = 'SKY_REQUEST_INVALID',
): SkyliftError {
  return new SkyliftError(code, `JSON Value: ${echo(body.bytes, offset, body.limits)} ${text}`);
}

/** `JSON Value: <the whole document, cut> <text>` (400). */
export function documentError(body: JsonBody, text: string): SkyliftError {
  return valueError(body, skipWhitespace(body.bytes, documentStart(body.bytes)), text);
}
