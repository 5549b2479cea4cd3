/** The parts of Triton's ModelConfig that say how requests are run: instances, threads, batches, queues. */
import type { BatchingOptions, DynamicBatching } from '../../../runtime/loading/version-options.ts';
import type { ThreadOptions } from '../../../runtime/loading/thread-plan.ts';
import { MessageReader } from '../../text-format/message-reader.ts';
import type { TextMessage } from '../../text-format/message-reader.ts';

const US_PER_MS = 1000;
const MAX_DELAY_US = 3_600_000_000n;
const MAX_COUNT = 2n ** 20n;
const THREADS_PARAMETER = 'intra_op_thread_count';
const KINDS: ReadonlySet<string> = new Set(['KIND_AUTO', 'KIND_CPU', 'KIND_MODEL', '0', '2', '3']);
const GPU_KINDS: ReadonlySet<string> = new Set(['KIND_GPU', '1']);

/** `parameters` of the file, and who tells their problems. */
export interface ConfigParameters {
  readonly all: ReadonlyMap<string, string>;
  readonly reader: MessageReader;
}

export interface ReadBatching {
  readonly dynamic: DynamicBatching | undefined;
  readonly options: BatchingOptions | undefined;
  readonly notes: readonly string[];
}

/** @param maxBatchSize 0 where requests must not be combined */
export function readBatching(
  message: TextMessage | undefined,
  maxBatchSize: number | undefined,
): ReadBatching {
  const maxRows = maxBatchSize === undefined ? {} : { maxRows: Math.max(1, maxBatchSize) };
  if (!message)
    return { dynamic: undefined, options: maxBatchSize === undefined ? undefined : maxRows, notes: [] };
  const reader = new MessageReader(message);
  const preferred = reader.integers('preferred_batch_size');
  const delayUs = bounded(reader, 'max_queue_delay_microseconds', MAX_DELAY_US);
  const queue = readQueuePolicy(reader.message('default_queue_policy'));
  const ineffective = [
    'preserve_ordering',
    'priority_levels',
    'default_priority_level',
    'priority_queue_policy',
  ].filter((name) => reader.ignore(name));
  reader.end();
  if (preferred.some((size) => size < 1n || size > MAX_COUNT))
    throw reader.problem('preferred_batch_size is out of range');
  return {
    dynamic: { preferredSizes: preferred.map(Number), delayUs, queueJobs: queue.jobs },
    options: {
      ...maxRows,
      rules: {
        ...(delayUs > 0 && { holdMs: delayUs / US_PER_MS }),
        ...(queue.jobs > 0 && { maxJobs: queue.jobs }),
      },
    },
    notes: [
      ...(preferred.length > 0 ? ['preferred_batch_size has no effect: runs take what waits'] : []),
      ...queue.notes,
      ...ineffective.map(
        (name) => `${name} has no effect: callers take turns, and requests say their priority`,
      ),
    ],
  };
}

function readQueuePolicy(message: TextMessage | undefined): { jobs: number; notes: readonly string[] } {
  if (!message) return { jobs: 0, notes: [] };
  const reader = new MessageReader(message);
  const jobs = bounded(reader, 'max_queue_size', MAX_COUNT);
  const ineffective = ['timeout_action', 'default_timeout_microseconds', 'allow_timeout_override'].filter(
    (name) => reader.ignore(name),
  );
  reader.end();
  const notes = ineffective.map(
    (name) => `${name} has no effect: requests bring their deadline, which always counts`,
  );
  return { jobs, notes };
}

export interface ReadInstances {
  readonly count: number | undefined;
  readonly threads: ThreadOptions | undefined;
  readonly notes: readonly string[];
}

/** One instance is an engine; together they have the cores. */
export function readInstances(
  groups: readonly TextMessage[],
  { all, reader }: ConfigParameters,
  cores: number,
): ReadInstances {
  const read = groups.map(readGroup);
  const total = read.reduce((sum, { count }) => sum + count, 0);
  const count = groups.length === 0 ? undefined : Math.min(total, cores);
  const threads = readThreads(reader, all.get(THREADS_PARAMETER));
  const others = [...all.keys()].filter((name) => name !== THREADS_PARAMETER);
  const fitting =
    threads === undefined ? undefined : Math.min(threads, Math.max(1, Math.floor(cores / (count ?? 1))));
  return {
    count,
    threads:
      count === undefined && fitting === undefined
        ? undefined
        : {
            profile: 'latency',
            ...(count !== undefined && { engines: count }),
            ...(fitting !== undefined && { threads: fitting }),
          },
    notes: [
      ...read.flatMap(({ notes }) => notes),
      ...(count !== undefined && count < total
        ? [`instance_group: ${count} of ${total} instances, one for each usable core`]
        : []),
      ...(fitting !== threads
        ? [`${THREADS_PARAMETER} is ${fitting} here: the instances share ${cores} usable cores`]
        : []),
      ...others.map((name) => `the parameter ${name} has no effect: ONNX Runtime is not told of it`),
    ],
  };
}

function readGroup(message: TextMessage): { count: number; notes: readonly string[] } {
  const reader = new MessageReader(message);
  const kind = reader.word('kind') ?? 'KIND_AUTO';
  const count = bounded(reader, 'count', MAX_COUNT) || 1;
  const gpus = reader.integers('gpus');
  const ineffective = [
    'name',
    'rate_limiter',
    'profile',
    'passive',
    'host_policy',
    'secondary_devices',
  ].filter((name) => reader.ignore(name));
  reader.end();
  if (GPU_KINDS.has(kind) || gpus.length > 0)
    throw reader.problem(
      'instance_group asks for a GPU (KIND_GPU); models run on the CPU here: write KIND_CPU',
    );
  if (!KINDS.has(kind)) throw reader.problem(`there is no kind ${kind}`);
  return {
    count,
    notes: ineffective.map(
      (name) => `instance_group: ${name} has no effect: engines are alike and share the cores`,
    ),
  };
}

/** 0 chooses, as in Triton. */
function readThreads(reader: MessageReader, text: string | undefined): number | undefined {
  if (text === undefined || text === '0') return undefined;
  const threads = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (threads < 1)
    throw reader.problem(
      `the parameter ${THREADS_PARAMETER} is ${JSON.stringify(text)}, no number of threads`,
    );
  return threads;
}

/** 0 when it is not there. */
function bounded(reader: MessageReader, name: string, most: bigint): number {
  const value = reader.integer(name) ?? 0n;
  if (value < 0n || value > most) throw reader.problem(`${name}: ${value} is out of range`);
  return Number(value);
}
