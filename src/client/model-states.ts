/** What a server has loaded and what it did: the repository index and the statistics of the Open Inference Protocol. */
import { SkyliftError } from '../core/errors.ts';

export interface ModelState {
  readonly name: string;
  /** Absent for a model without any. */
  readonly version?: string;
  /** READY, LOADING, UNLOADING or UNAVAILABLE. */
  readonly state: string;
  /** Why it is unavailable; may be empty. */
  readonly reason: string;
  /** Of loaded versions. */
  readonly statistics?: ModelCounts;
}

export interface ModelCounts {
  readonly requests: number;
  readonly failed: number;
  /** Rows that were answered, and runs of engines that they took. */
  readonly rows: number;
  readonly runs: number;
  /** Mean time from arrival to result. */
  readonly meanMs: number;
  readonly memoryBytes: number;
}

/** Throws SKY_REMOTE for documents of another form. */
export function joinStates(index: unknown, statistics: unknown): readonly ModelState[] {
  const counts = new Map(
    list(field(statistics, 'model_stats')).map((each) => [keyOf(each), readCounts(each)]),
  );
  return list(index).map((entry) => {
    const [version, found] = [field(entry, 'version'), counts.get(keyOf(entry))];
    return {
      name: text(field(entry, 'name')),
      ...(version !== undefined && { version: text(version) }),
      state: text(field(entry, 'state')),
      reason: text(field(entry, 'reason')),
      ...(found && { statistics: found }),
    };
  });
}

function readCounts(entry: unknown): ModelCounts {
  const durations = field(entry, 'inference_stats');
  const [success, fail] = [field(durations, 'success'), field(durations, 'fail')];
  const requests = number(field(success, 'count'));
  const memory = list(field(entry, 'memory_usage')).map((each) => number(field(each, 'byte_size')));
  return {
    requests,
    failed: number(field(fail, 'count')),
    rows: number(field(entry, 'inference_count')),
    runs: number(field(entry, 'execution_count')),
    meanMs: requests === 0 ? 0 : number(field(success, 'ns')) / requests / 1e6,
    memoryBytes: memory.reduce((sum, bytes) => sum + bytes, 0),
  };
}

function keyOf(entry: unknown): string {
  return JSON.stringify([field(entry, 'name'), field(entry, 'version')]);
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw strange(value);
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw strange(value);
  return value;
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw strange(value);
  return value;
}

function strange(value: unknown): SkyliftError {
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 80);
  return new SkyliftError('SKY_REMOTE', `the state of the server has another form: ${shown}`);
}
