/** The index of the model repository extension. */
import type { Limits } from '../../../core/limits.ts';
import type { ModelStatus } from '../../runtime/requests.ts';
import type { VersionState } from '../../runtime/versions/version-state.ts';
import type { ProtocolContext } from '../context.ts';
import { invalidRequest } from '../failures.ts';
import type { HttpCall } from '../http-call.ts';
import { visibleModels } from '../visible-models.ts';
import { RequestReader } from './request-json.ts';

const STATES: Readonly<Record<VersionState, string>> = {
  START: 'LOADING',
  LOADING: 'LOADING',
  AVAILABLE: 'READY',
  UNLOADING: 'UNLOADING',
  END: 'UNAVAILABLE',
};

export interface IndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state: string;
  readonly reason: string;
}

/**
 * Body of POST /v2/repository/index for a body that is empty or `{"ready": bool}`. Throws SKY_JSON_MALFORMED,
 * SKY_REQUEST_INVALID.
 */
export function repositoryIndex({ body, principal }: HttpCall, { runtime, limits }: ProtocolContext): string {
  const onlyReady = body.length > 0 && readReady(body, limits);
  return JSON.stringify(indexOf(visibleModels(runtime, principal), onlyReady));
}

/** The versions of these models. */
export function indexOf(models: readonly ModelStatus[], onlyReady: boolean): readonly IndexEntry[] {
  const entries = models.flatMap(indexEntries);
  return onlyReady ? entries.filter(({ state }) => state === STATES.AVAILABLE) : entries;
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

function readReady(body: Uint8Array, limits: Limits): boolean {
  const reader = new RequestReader(body, limits);
  let ready = false;
  reader.document('the request', (name) => {
    if (name !== 'ready') return false;
    const kind = reader.json.kind();
    if (kind !== 'true' && kind !== 'false') throw invalidRequest('"ready" is not true or false');
    ready = reader.json.readLiteral() === true;
    return true;
  });
  return ready;
}
