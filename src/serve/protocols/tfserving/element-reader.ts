/** Strings and booleans in nested lists, read one by one. */
import type { SkyliftError } from '../../../core/errors.ts';
import { jsonError } from '../../../tensor/json/grammar.ts';
import type { JsonKind } from '../../../tensor/json/grammar.ts';
import { readNested } from '../../../tensor/json/read-nested.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { tensor } from '../../../tensor/values.ts';
import { base64At, readBase64 } from './base64.ts';
import { valueError } from './json-body.ts';
import type { JsonBody } from './json-body.ts';
import { raggedError, typeError } from './value-errors.ts';

type ElementType = 'bool' | 'string';

/** The tensor that comes next. Throws SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE, SKY_JSON_MALFORMED. */
export function readElements(body: JsonBody, dtype: ElementType): Tensor {
  const elements: (boolean | string | Uint8Array)[] = [];
  const readElement = dtype === 'bool' ? readBoolean : readString;
  const dims = readNested(body.reader, {
    maxRank: body.limits.max_tensor_rank,
    maxElements: body.limits.max_tensor_elements,
    readElement: (kind) => elements.push(readElement(body, kind)),
    raggedError: (ragged) => raggedError(body, ragged),
  });
  return tensor(dtype, dims, elements);
}

function readBoolean(body: JsonBody, kind: JsonKind): boolean {
  if (kind === 'true' || kind === 'false') return body.reader.readLiteral() === true;
  throw wrongType(body, kind, 'bool');
}

function readString(body: JsonBody, kind: JsonKind): string | Uint8Array {
  const { reader } = body;
  if (kind === 'string') return reader.readString();
  if (kind !== 'object') throw wrongType(body, kind, 'string');
  const found = base64At(body, reader.offset);
  if (found) return readBase64(body, found);
  const text = 'not formatted correctly for base64 data';
  throw valueError(body, reader.offset, text, 'SKY_TENSOR_INVALID');
}

function wrongType(body: JsonBody, kind: JsonKind, dtype: ElementType): SkyliftError {
  const { offset } = body.reader;
  if (kind === 'end') return jsonError('Invalid value.', offset);
  return typeError(body, offset, kind, dtype);
}
