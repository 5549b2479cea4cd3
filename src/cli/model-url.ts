/** URLs of models: `http://HOST:PORT/v1/models/NAME[/versions/N|/labels/L][:predict]`. */
import type { Target } from '../client/client.ts';
import { SkyliftError } from '../core/errors.ts';

export interface ModelUrl {
  /** URL of the server. */
  readonly server: string;
  readonly model: string;
  readonly target: Target;
}

const MODEL_PATH =
  /^(.*)\/v1\/models\/([^/:]+)(?:\/versions\/(\d{1,19})|\/labels\/([^/:]+))?(?::predict)?\/?$/;

export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** Undefined when the URL is none of a model. */
export function parseModelUrl(text: string): ModelUrl | undefined {
  const url = URL.parse(text);
  const match = url && MODEL_PATH.exec(url.pathname);
  if (!match) return undefined;
  const [, base = '', model = '', version, label] = match;
  return {
    server: `${url.origin}${base}`,
    model: decode(model),
    target: {
      ...(version !== undefined && { version: BigInt(version) }),
      ...(label !== undefined && { label: decode(label) }),
    },
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new SkyliftError('SKY_USAGE', `${JSON.stringify(part)} is not percent-encoded as a URL wants it`, {
      cause: error,
    });
  }
}
