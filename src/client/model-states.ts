/** What a server has loaded and what it did: the repository index and the statistics of the Open Inference Protocol. */
import { list, member, number, optionalMember, string } from './reply-fields.ts';

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
    list(member(statistics, 'model_stats')).map((each) => [keyOf(each), readCounts(each)]),
  );
  return list(index).map((entry) => {
    const [version, found] = [optionalMember(entry, 'version'), counts.get(keyOf(entry))];
    return {
      name: string(member(entry, 'name')),
      ...(version !== undefined && { version: string(version) }),
      state: string(member(entry, 'state')),
      reason: string(member(entry, 'reason')),
      ...(found && { statistics: found }),
    };
  });
}

function readCounts(entry: unknown): ModelCounts {
  const durations = member(entry, 'inference_stats');
  const [success, fail] = [member(durations, 'success'), member(durations, 'fail')];
  const requests = number(member(success, 'count'));
  const memory = list(member(entry, 'memory_usage')).map((each) => number(member(each, 'byte_size')));
  return {
    requests,
    failed: number(member(fail, 'count')),
    rows: number(member(entry, 'inference_count')),
    runs: number(member(entry, 'execution_count')),
    meanMs: requests === 0 ? 0 : number(member(success, 'ns')) / requests / 1e6,
    memoryBytes: memory.reduce((sum, bytes) => sum + bytes, 0),
  };
}

function keyOf(entry: unknown): string {
  return JSON.stringify([member(entry, 'name'), optionalMember(entry, 'version')]);
}
