/** GET status and the list of models: proto JSON of GetModelStatusResponse with all fields, int64 as strings. */
import { SkyliftError } from '../../../core/errors.ts';
import type { ModelStatus, Runtime, VersionStatus } from '../../runtime/requests.ts';
import type { ModelPath } from '../model-path.ts';

/**
 * Body of GET /v1/models/NAME[/versions/N]. A label is ignored and all versions come back, as in the original.
 * Throws SKY_MODEL_NOT_FOUND.
 */
export function statusBody(runtime: Runtime, path: ModelPath): string {
  return protoJson({ model_version_status: statusOf(runtime, path).map(versionStatus) });
}

/** The versions that a status request names, the newest first. Throws SKY_MODEL_NOT_FOUND. */
export function statusOf(runtime: Runtime, { model, version }: ModelPath): readonly VersionStatus[] {
  const versions = runtime.models().find((status) => status.name === model)?.versions ?? [];
  const wanted =
    version.kind === 'version' ? versions.filter((status) => status.version === version.version) : versions;
  if (wanted.length === 0)
    throw new SkyliftError(
      'SKY_MODEL_NOT_FOUND',
      version.kind === 'version'
        ? `Could not find version ${version.version} of model ${model}`
        : `Could not find any versions of model ${model}`,
    );
  return wanted.toSorted(newestFirst);
}

/** Body of GET /v1/models: the names as KServe lists them, with the list object that OpenAI clients read. */
export function listBody(models: readonly ModelStatus[]): string {
  const names = models.map((model) => model.name);
  const data = names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'skylift' }));
  return protoJson({ object: 'list', data, models: names });
}

/** The whitespace of protobuf's JSON printer. */
export function protoJson(message: unknown): string {
  return `${JSON.stringify(message, null, 1)}\n`;
}

function versionStatus({ version, state, error }: VersionStatus): unknown {
  return {
    version: String(version),
    state,
    status: { error_code: error?.grpc ?? 'OK', error_message: error?.message ?? '' },
  };
}

function newestFirst(left: VersionStatus, right: VersionStatus): number {
  return left.version < right.version ? 1 : -1;
}
