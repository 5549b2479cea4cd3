/** The URLs of the Open Inference Protocol v2. */
import { LATEST } from '../../runtime/requests.ts';
import type { HttpCall } from '../http-call.ts';
import { numberedVersion } from '../model-path.ts';
import type { ModelPath } from '../model-path.ts';

const MODEL = '/v2/models/(?<name>[^/]+)(?:/versions/(?<version>[^/]+))?';

const wholePath = (pattern: string): RegExp => new RegExp(`^${pattern}$`);

export const SERVER_PATH = wholePath('/v2/?');
export const MODEL_PATH = wholePath(`${MODEL}/?`);
export const MODEL_READY_PATH = wholePath(`${MODEL}/ready`);
export const INFER_PATH = wholePath(`${MODEL}/infer`);
export const MODEL_CONFIG_PATH = wholePath(`${MODEL}/config`);
export const MODEL_STATS_PATH = wholePath(`${MODEL}/stats`);
export const ALL_STATS_PATH = wholePath('/v2/models/stats');
export const INDEX_PATH = wholePath('/v2/repository/index');
export const LOAD_PATH = wholePath('/v2/repository/models/(?<name>[^/]+)/load');
export const UNLOAD_PATH = wholePath('/v2/repository/models/(?<name>[^/]+)/unload');

/** Model and version of a call whose path matched; a version that is no number is a label. Throws SKY_REQUEST_INVALID. */
export function modelPath(call: HttpCall): ModelPath {
  const { name: model = '', version } = call.params;
  call.note('model', model);
  return namedModel(model, version);
}

/** Model and version as they are written. Throws SKY_REQUEST_INVALID. */
export function namedModel(model: string, version: string | undefined): ModelPath {
  if (version === undefined) return { model, version: LATEST };
  if (/^\d+$/.test(version)) return { model, version: numberedVersion(version) };
  return { model, version: { kind: 'label', label: version } };
}
