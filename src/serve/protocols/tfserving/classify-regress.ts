/**
 * POST classify and regress: requests are checked as far as the signature. tf.Example input is not served yet, which
 * is said plainly instead of with a 404.
 */
import { SkyliftError } from '../../../core/errors.ts';
import type { ProtocolContext } from '../context.ts';
import { invalidRequest } from '../failures.ts';
import type { HttpCall } from '../http-call.ts';
import { openBody } from './json-body.ts';
import { modelPath } from './paths.ts';
import { signatureLookup } from './predict.ts';
import { METHOD_NAMES } from './method-names.ts';
import { readRequestObject } from './request-object.ts';

/** Throws what is wrong with the request, or SKY_NOT_SUPPORTED_YET. */
export function classifyOrRegress(
  call: HttpCall,
  { runtime, limits }: ProtocolContext,
  method: 'classify' | 'regress',
): never {
  const path = modelPath(call);
  const { signatureName } = readRequestObject(openBody(call.body, limits), () => undefined);
  const { name, signature } = signatureLookup(runtime, path)(signatureName);
  if (signature.method !== method)
    throw invalidRequest(
      `Expected ${method === 'classify' ? 'classification' : 'regression'} signature method_name to be ` +
        `${METHOD_NAMES[method]}. Was: ${METHOD_NAMES[signature.method]}`,
    );
  throw new SkyliftError(
    'SKY_NOT_SUPPORTED_YET',
    `:${method} (signature ${name} of model ${path.model}) is not served yet; use :predict with the signature's inputs`,
    { hint: "Use :predict with the signature's inputs: GET /v1/models/NAME/metadata." },
  );
}
