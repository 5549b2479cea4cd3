/** Finds the API key in the headers of a request. */
import type { HeaderView } from '../../protocols/http-call.ts';

/** Where clients put a key: TensorFlow Serving's and KServe's tools the first, OpenAI's and Azure's the others. */
const KEY_HEADERS = ['x-api-key', 'api-key'] as const;
const BEARER = /^bearer +/i;

/**
 * The key, undefined when there is none, `'ambiguous'` when headers carry different ones: a proxy and the server might
 * take different ones for the caller.
 */
export function credentialIn(headers: HeaderView): { readonly key: string } | 'ambiguous' | undefined {
  let key = bearerIn(headers.get('authorization'));
  for (const name of KEY_HEADERS) {
    const other = headers.get(name);
    if (other === undefined) continue;
    if (key !== undefined && key !== other) return 'ambiguous';
    key = other;
  }
  return key === undefined ? undefined : { key };
}

/** Other schemes are for others, such as a proxy in front. */
function bearerIn(header: string | undefined): string | undefined {
  const scheme = header === undefined ? null : BEARER.exec(header);
  return scheme === null ? undefined : header?.slice(scheme[0].length);
}
