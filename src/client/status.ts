/** TensorFlow Serving's status document, typed. */
import { SkyliftError } from '../core/errors.ts';

export interface RemoteVersionStatus {
  readonly version: bigint;
  /** START, LOADING, AVAILABLE, UNLOADING or END. */
  readonly state: string;
  /** `OK` or the name of a gRPC status. */
  readonly errorCode: string;
  readonly errorMessage: string;
}

/** Throws SKY_REMOTE for a document of another form. */
export function parseStatus(document: unknown): readonly RemoteVersionStatus[] {
  const list = field(document, 'model_version_status');
  if (!Array.isArray(list)) throw strange(document);
  return list.map((entry: unknown) => {
    const status = field(entry, 'status');
    return {
      version: version(field(entry, 'version')),
      state: text(field(entry, 'state')),
      errorCode: text(field(status, 'error_code')),
      errorMessage: text(field(status, 'error_message')),
    };
  });
}

function version(value: unknown): bigint {
  if (!/^\d{1,19}$/.test(text(value))) throw strange(value);
  return BigInt(text(value));
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw strange(value);
  return value;
}

function strange(value: unknown): SkyliftError {
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 80);
  return new SkyliftError('SKY_REMOTE', `the status of the server has another form: ${shown}`);
}
