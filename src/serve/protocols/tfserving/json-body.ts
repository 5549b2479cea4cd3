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
}

/** A body with the cursor at its start. */
export function openBody(bytes: Uint8Array, limits: Limits): JsonBody {
  return {
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    reader: new JsonReader(bytes, { maxDepth: limits.max_json_depth }),
    limits,
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
