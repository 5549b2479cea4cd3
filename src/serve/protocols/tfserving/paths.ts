/**
 * The URLs of TensorFlow Serving's REST API. As in the original the path is case-insensitive, but the method behind
 * the colon and `metadata` are not. Source: tensorflow_serving/model_servers/http_rest_api_util.cc.
 */
import { LATEST } from '../../runtime/requests.ts';
import type { HttpCall } from '../http-call.ts';
import { numberedVersion } from '../model-path.ts';
import type { ModelPath } from '../model-path.ts';

const MODELS = '(?i:/v1/models)';
const NAME = '/(?<name>[^/:]+)';
const VERSION = '(?:(?i:/versions/)(?<version>\\d+)|(?i:/labels/)(?<label>[^/:]+))?';

const wholePath = (pattern: string): RegExp => new RegExp(`^${pattern}$`);

export const PREDICT_PATH = wholePath(`${MODELS}${NAME}${VERSION}:predict`);
export const CLASSIFY_PATH = wholePath(`${MODELS}${NAME}${VERSION}:classify`);
export const REGRESS_PATH = wholePath(`${MODELS}${NAME}${VERSION}:regress`);
export const LIST_PATH = wholePath(MODELS);
export const METADATA_PATH = wholePath(`${MODELS}${NAME}${VERSION}/metadata`);
/** `/METADATA` in other than lower case is answered as status. */
export const STATUS_PATH = wholePath(`${MODELS}${NAME}${VERSION}(?:/(?!metadata$)(?i:metadata))?`);
/** A version or label, but no name. Names win: only for paths that match nothing else. */
export const NAMELESS_PATH = wholePath(`${MODELS}${VERSION}(?i:/metadata)?`);
/** What the original's REST dispatcher takes at all. */
export const ANY_PATH = wholePath('(?i:/v1/).*');

/** Model and version of a call whose path matched. Throws SKY_REQUEST_INVALID for a version beyond int64. */
export function modelPath(call: HttpCall): ModelPath {
  const { name = '', version, label } = call.params;
  call.note('model', name);
  if (label !== undefined) return { model: name, version: { kind: 'label', label } };
  if (version === undefined) return { model: name, version: LATEST };
  return { model: name, version: numberedVersion(version) };
}
