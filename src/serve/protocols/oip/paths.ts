/** The URLs of the Open Inference Protocol v2. */
import { LATEST } from '../../runtime/requests.ts';
import type { VersionSelector } from '../../runtime/requests.ts';
import { invalidRequest } from '../failures.ts';
import type { HttpCall } from '../http-call.ts';

const MAX_INT64 = 2n ** 63n - 1n;

const MODEL = '/v2/models/(?<name>[^/]+)(?:/versions/(?<version>[^/]+))?';

const wholePath = (pattern: string): RegExp => new RegExp(`^${pattern}$`);

export const SERVER_PATH = wholePath('/v2/?');
export const MODEL_PATH = wholePath(`${MODEL}/?`);
export const MODEL_READY_PATH = wholePath(`${MODEL}/ready`);
export const INFER_PATH = wholePath(`${MODEL}/infer`);
export const INDEX_PATH = wholePath('/v2/repository/index');

export interface ModelPath {
  readonly model: string;
  readonly version: VersionSelector;
}

/** Model and version of a call whose path matched; a version that is no number is a label. Throws SKY_REQUEST_INVALID. */
export function modelPath(call: HttpCall): ModelPath {
  const { name: model = '', version } = call.params;
  call.note('model', model);
  if (version === undefined) return { model, version: LATEST };
  if (!/^\d+$/.test(version)) return { model, version: { kind: 'label', label: version } };
  const number = BigInt(version.slice(0, 20)); // no version of more digits fits
  if (number > MAX_INT64) throw invalidRequest(`version ${version.slice(0, 40)} is beyond int64`);
  return { model, version: { kind: 'version', version: number } };
}
