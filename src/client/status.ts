/** TensorFlow Serving's status document, typed. */
import { integer, list, member, string } from './reply-fields.ts';

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
  return list(member(document, 'model_version_status')).map((entry) => {
    const status = member(entry, 'status');
    return {
      version: integer(member(entry, 'version')),
      state: string(member(entry, 'state')),
      errorCode: string(member(status, 'error_code')),
      errorMessage: string(member(status, 'error_message')),
    };
  });
}
