/** The index of the model repository extension. */
import { JsonReader } from '../../../tensor/json/reader.ts';
import type { ModelStatus, VersionState } from '../../runtime/requests.ts';
import type { ProtocolContext } from '../context.ts';
import { invalidRequest } from '../failures.ts';

const STATES: Readonly<Record<VersionState, string>> = {
  START: 'LOADING',
  LOADING: 'LOADING',
  AVAILABLE: 'READY',
  UNLOADING: 'UNLOADING',
  END: 'UNAVAILABLE',
};

interface IndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state: string;
  readonly reason: string;
}

/** Body of POST /v2/repository/index for a body that is empty or `{"ready": bool}`. Throws SKY_JSON_MALFORMED, SKY_REQUEST_INVALID. */
export function repositoryIndex({ runtime, limits }: ProtocolContext, body: Uint8Array): string {
  const onlyReady = body.length > 0 && readReady(body, limits.max_json_depth);
  const entries = runtime.models().flatMap(indexEntries);
  return JSON.stringify(onlyReady ? entries.filter(({ state }) => state === STATES.AVAILABLE) : entries);
}

function indexEntries({ name, versions }: ModelStatus): IndexEntry[] {
  if (versions.length === 0) return [{ name, state: STATES.END, reason: '' }];
  return versions.map(({ version, state, error }) => ({
    name,
    version: String(version),
    state: STATES[state],
    reason: error?.message ?? '',
  }));
}

function readReady(body: Uint8Array, maxDepth: number): boolean {
  const request = new JsonReader(body, { maxDepth }).readValue();
  if (typeof request !== 'object' || request === null || Array.isArray(request))
    throw invalidRequest('the body is not an object such as {"ready": true}');
  const ready = 'ready' in request ? request.ready : false;
  if (typeof ready !== 'boolean') throw invalidRequest('"ready" is not true or false');
  return ready;
}
