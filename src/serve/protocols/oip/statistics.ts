/**
 * The statistics extension. Source: Triton's protocol/extension_statistics.md. What the way to an engine and back takes is
 * part of `compute_infer`; there is no cache.
 */
import { SkyliftError } from '../../../core/errors.ts';
import type { ModelStatistics, Runtime } from '../../runtime/requests.ts';
import type { Duration } from '../../runtime/version-statistics.ts';
import type { HttpCall } from '../http-call.ts';
import type { ModelPath } from '../model-path.ts';

const NEVER: Duration = { count: 0, us: 0 };

/** The durations of a version under the names of the protocol. */
export function durationsOf({ statistics }: ModelStatistics): readonly (readonly [string, Duration])[] {
  const { success, fail, queue, run } = statistics;
  const passed = { count: run.count, us: 0 }; // input and output travel with the run
  return [
    ['success', success],
    ['fail', fail],
    ['queue', queue],
    ['compute_input', passed],
    ['compute_infer', run],
    ['compute_output', passed],
    ['cache_hit', NEVER],
    ['cache_miss', NEVER],
  ];
}

/** The versions that a call asks for and may see, all without a path. Throws SKY_MODEL_NOT_FOUND. */
export function statisticsFor(
  { principal }: HttpCall,
  runtime: Pick<Runtime, 'statistics' | 'resolve'>,
  path: ModelPath | undefined,
): readonly ModelStatistics[] {
  const all = runtime.statistics().filter(({ model }) => principal.maySee(model));
  if (path === undefined) return all;
  const ofModel = all.filter(({ model }) => model === path.model);
  if (path.version.kind === 'latest' && ofModel.length > 0) return ofModel;
  const { version } = runtime.resolve(path.model, path.version);
  const found = ofModel.filter((each) => each.version === version);
  if (found.length > 0) return found;
  throw new SkyliftError('SKY_MODEL_NOT_FOUND', `version ${version} of ${path.model} is not loaded`);
}

/** Body of GET stats. */
export function statisticsBody(versions: readonly ModelStatistics[]): string {
  return `{"model_stats":[${versions.map(versionText).join(',')}]}`;
}

/** Sums of nanoseconds outgrow the exact integers of JavaScript, so that they are written digit by digit. */
function versionText(version: ModelStatistics): string {
  const { statistics } = version;
  const batches = [...statistics.batches].toSorted(([a], [b]) => a - b);
  const members = [
    `"name":${JSON.stringify(version.model)}`,
    `"version":"${version.version}"`,
    `"last_inference":${Math.trunc(statistics.lastInferenceMs)}`,
    `"inference_count":${statistics.inferenceCount}`,
    `"execution_count":${statistics.executionCount}`,
    `"inference_stats":{${durationsOf(version)
      .map(([name, duration]) => `"${name}":${durationText(duration)}`)
      .join(',')}}`,
    `"response_stats":{}`,
    `"batch_stats":[${batches.map(([rows, native]) => batchText(rows, native)).join(',')}]`,
    `"memory_usage":[{"type":"CPU","id":0,"byte_size":${Math.trunc(version.memoryBytes)}}]`,
  ];
  return `{${members.join(',')}}`;
}

function batchText(rows: number, native: Duration): string {
  const passed = durationText({ count: native.count, us: 0 });
  return `{"batch_size":${rows},"compute_input":${passed},"compute_infer":${durationText(native)},"compute_output":${passed}}`;
}

function durationText(duration: Duration): string {
  return `{"count":${duration.count},"ns":${nanoseconds(duration)}}`;
}

export function nanoseconds({ us }: Duration): bigint {
  return BigInt(Math.round(us)) * 1000n;
}
