/** The body of a predict request becomes named tensors, in one pass over the bytes when the request is good. */
import { isSkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Signature } from '../../../package/manifest.ts';
import { requireElements } from '../../../tensor/tensor.ts';
import type { NamedSignature } from '../../runtime/requests.ts';
import { invalidRequest } from '../failures.ts';
import { readColumns } from './columns.ts';
import { documentError, openBody } from './json-body.ts';
import type { Allocate, JsonBody } from './json-body.ts';
import { readRequestObject } from './request-object.ts';
import type { Attempt, Inputs, PredictFormat, TensorMember } from './request-object.ts';
import { readRows } from './rows.ts';

/** Finds a signature of the model that the URL names, or throws. undefined: the default one. */
export type SignatureLookup = (name: string | undefined) => NamedSignature;

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
  const body = openBody(bytes, limits, allocate);
  const request = readRequestObject(body, (format, name) => tryTensors(body, format, name, lookup));
  const { signatureName } = request;
  const member = request.instances ?? request.inputs;
  // a name behind the tensors makes the attempt worthless
  const attempt = member?.attempt?.under === signatureName ? member?.attempt : undefined;
  const { name, signature } = attempt?.found ?? lookup(signatureName);
  if (signature.inputs.length === 0)
    throw invalidRequest(`Failed to get input map for signature: ${signatureName ?? 'DEFAULT'}`);
  if (request.instances && request.inputs)
    throw documentError(
      body,
      "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    );
  if (!member) throw invalidRequest("Missing 'inputs' or 'instances' key");
  if (isSkyliftError(attempt?.outcome)) throw attempt.outcome;
  const inputs = attempt?.outcome ?? readAgain(body, member, signature);
  // the scanner of numbers refuses before it takes memory; rows, strings and raw bytes are counted here
  for (const { dims } of inputs.values()) requireElements(dims, limits.max_tensor_elements);
  return { signature: name, format: member.format, inputs };
}

/** undefined when it is not known yet what is to be read; the error is thrown when its turn has come. */
function tryTensors(
  body: JsonBody,
  format: PredictFormat,
  under: string | undefined,
  lookup: SignatureLookup,
): Attempt | undefined {
  const found = tryLookup(lookup, under);
  if (!found || found.signature.inputs.length === 0) return undefined;
  const start = body.reader.mark();
  try {
    return { under, found, outcome: readTensors(body, format, found.signature) };
  } catch (error) {
    if (!isSkyliftError(error)) throw error;
    body.reader.reset(start);
    return { under, found, outcome: error };
  }
}

function tryLookup(lookup: SignatureLookup, name: string | undefined): NamedSignature | undefined {
  try {
    return lookup(name);
  } catch (error) {
    if (isSkyliftError(error)) return undefined;
    throw error;
  }
}

function readAgain(body: JsonBody, { format, start }: TensorMember, signature: Signature): Inputs {
  body.reader.reset(start);
  return readTensors(body, format, signature);
}

function readTensors(body: JsonBody, format: PredictFormat, { inputs }: Signature): Inputs {
  return format === 'row' ? readRows(body, inputs) : readColumns(body, inputs);
}
