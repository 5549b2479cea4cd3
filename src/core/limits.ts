/**
 * Every limit of the product in one table (data): name, unit, default, allowed values, the flag that changes it, and why
 * it exists. Flags take TensorFlow Serving's spelling (`--max_body_bytes=N`); docs/reference/limits.md is generated from
 * here.
 */
import { SkyliftError } from './errors.ts';

export interface Limit {
  readonly unit: 'bytes' | 'ms' | 'count';
  readonly default: number;
  /** Least allowed value. */
  readonly min: number;
  /** Greatest allowed value. */
  readonly max: number;
  /** 0 is allowed whatever `min` is: the product chooses. */
  readonly isAutoAtZero: boolean;
  /** What the limit protects. */
  readonly why: string;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const NO_MAX = Number.MAX_SAFE_INTEGER;
const LONGEST_TIMER_MS = 2 ** 31 - 1; // timers of Node beyond fire at once
const MAX: Readonly<Record<Limit['unit'], number>> = { bytes: NO_MAX, ms: LONGEST_TIMER_MS, count: NO_MAX };

/** @param range what differs from: at least 1, no more than a timer or an exact integer holds, 0 is no choice */
const limit = (
  unit: Limit['unit'],
  value: number,
  why: string,
  range: Partial<Pick<Limit, 'min' | 'max' | 'isAutoAtZero'>> = {},
): Limit => ({ unit, default: value, why, min: 1, max: MAX[unit], isAutoAtZero: false, ...range });

export const LIMITS = {
  // wire
  max_body_bytes: limit('bytes', 64 * MiB, 'One request body; larger ones get 413 before any allocation.', {
    min: 256, // a request of a small model with its JSON around it
    max: 4 * GiB, // as max_frame_bytes
  }),
  grpc_max_message_bytes: limit(
    'bytes',
    256 * MiB,
    'One gRPC message; larger ones get RESOURCE_EXHAUSTED before any allocation.',
    { min: 256, max: 2 ** 31 - 1 }, // as in gRPC itself
  ),
  grpc_max_streams: limit('count', 256, 'Requests without an answer on one gRPC connection.', {
    max: 2 ** 31 - 1,
  }),
  max_header_bytes: limit('bytes', 16 * KiB, 'Request line and headers of one request.', {
    min: KiB, // what ordinary clients and proxies send
    max: 256 * MiB, // a head becomes one string
  }),
  max_headers: limit('count', 64, 'Number of headers of one request.', {
    min: 16, // fetch of Node alone sends nine
    max: 2 ** 16, // node:http counts in few bits
  }),
  max_connections: limit('count', 10_000, 'Open connections of one listener; more are closed at once.'),
  max_pipelined: limit('count', 64, 'Requests without a reply on one connection; more are left unread.'),
  max_inflight_bytes: limit(
    'bytes',
    512 * MiB,
    'Request bodies held by the server at one time; more get 503.',
    { min: 256 },
  ),
  max_pooled_bytes: limit('bytes', 64 * MiB, 'Memory of answered requests that is kept for the next ones.', {
    min: 0,
  }),
  max_reply_bytes: limit(
    'bytes',
    64 * MiB,
    'One reply with predictions; a small request may ask for a huge one.',
    {
      min: 64 * KiB, // shorter texts are written without a look at it
      max: 511 * MiB, // a string holds no more
    },
  ),
  max_unsent_bytes: limit(
    'bytes',
    512 * MiB,
    'Replies that wait for clients who do not read; who has most of it is cut off.',
    { min: MiB },
  ),
  header_timeout_ms: limit(
    'ms',
    10_000,
    'Time for the headers of a request to arrive (slow-client defence).',
  ),
  body_timeout_ms: limit('ms', 120_000, 'Time for a whole request to arrive.'),
  idle_timeout_ms: limit(
    'ms',
    75_000,
    'Time that a kept-alive connection may stay silent; longer than usual load balancers wait.',
  ),
  drain_ms: limit('ms', 30_000, 'Time that requests in flight get after SIGTERM.', { min: 0 }),
  drain_idle_ms: limit(
    'ms',
    1_000,
    'Time that silent connections stay open while the server drains, so that a request under way is not lost.',
    { min: 0 },
  ),
  linger_ms: limit(
    'ms',
    5_000,
    'Time that input is still read and dropped after an early refusal, so that the client sees the reply.',
    { min: 0 },
  ),
  max_gzip_ratio: limit('count', 20, 'Expansion of a gzip or deflate request body; bombs get 413.'),

  // documents and tensors
  max_json_depth: limit('count', 32, 'Nesting of a JSON document.', {
    min: 2, // {"instances": []}
    max: 1000, // an error echoes the document by recursion
  }),
  max_tensor_rank: limit('count', 8, 'Dimensions of a tensor.', { max: 64 }), // as NumPy
  max_tensor_elements: limit('count', 2 ** 28, 'Elements of one tensor, checked before allocation.', {
    min: 256, // the number scanner starts with room for so many
  }),

  max_json_members: limit('count', 256, 'Members of one object of an Open Inference Protocol request.', {
    min: 8, // name, shape, datatype, parameters, data; id, parameters, inputs, outputs
  }),
  max_classes: limit(
    'count',
    10_000,
    'Elements that the classification of one output may name, over all its rows.',
  ),

  // API keys
  max_auth_keys: limit(
    'count',
    1000,
    'Keys of the file of --auth_keys; a change of ten thousand would hold the server up for a quarter of a second.',
    { max: 1_000_000 },
  ),
  max_auth_file_bytes: limit('bytes', 2 * MiB, 'The file of --auth_keys.', { min: KiB, max: 256 * MiB }),
  auth_poll_ms: limit('ms', 250, 'Time after which the file of --auth_keys is looked at again.', {
    min: 10,
    max: 900, // a revoked key ends within a second
  }),

  // TLS
  tls_poll_ms: limit('ms', 1_000, 'Time after which the files of a TLS certificate are looked at again.', {
    min: 10,
    max: 3_600_000,
  }),

  // traces
  trace_queue_spans: limit('count', 4096, 'Spans that wait for the collector of traces; more are dropped.'),
  trace_batch_spans: limit('count', 512, 'Spans of one export.'),
  trace_flush_ms: limit('ms', 5_000, 'Time after which a batch of spans that is not full is exported.'),
  trace_timeout_ms: limit('ms', 10_000, 'Time for the collector to answer one export.'),
  trace_retry_ms: limit(
    'ms',
    60_000,
    'Time that a batch of spans is offered again to a collector that is away.',
    {
      min: 0,
    },
  ),
  trace_drain_ms: limit('ms', 2_000, 'Time for the last spans when the server ends.', { min: 0 }),

  // scheduling
  rest_api_timeout_in_ms: limit(
    'ms',
    30_000,
    'Time that one request may take from arrival to answer; a client may ask for less. 0: no limit.',
    { min: 0 },
  ),
  queue_max_jobs: limit('count', 1024, 'Requests waiting for one model; more get 429.'),
  queue_max_wait_ms: limit(
    'ms',
    0,
    'Estimated wait for an engine; requests that would wait longer get 429. 0: only their deadline counts.',
    { min: 0 },
  ),
  max_batch_rows: limit(
    'count',
    128,
    'Rows combined into one run at most; the measured curve may choose fewer.',
    { max: 2 ** 32 - 1 }, // rows of a job in a frame
  ),
  max_attempts: limit('count', 3, 'Engines that one request may be tried on.'),
  poison_kills: limit('count', 2, 'Engines that a request may end before it is quarantined.'),
  quarantine_ms: limit('ms', 600_000, 'Time that a quarantined request is refused at once.', { min: 0 }),
  quarantine_entries: limit('count', 1024, 'Quarantined requests that are remembered.', { min: 0 }),

  // versions
  version_poll_ms: limit('ms', 1_000, 'Pause between two looks for new versions; 0: only at the start.', {
    min: 0,
  }),
  config_poll_ms: limit('ms', 0, 'Pause between two looks at the model config file; 0: only at the start.', {
    min: 0,
  }),
  max_config_bytes: limit('bytes', 4 * MiB, 'A configuration file.', { max: 256 * MiB }),
  max_warmup_bytes: limit('bytes', 256 * MiB, 'The file with recorded requests of a version.', {
    max: 2 * GiB - 1,
  }),
  max_warmup_records: limit(
    'count',
    1000,
    'Recorded requests that a version is warmed up with; more fail its load.',
  ),
  model_wait_ms: limit(
    'ms',
    0,
    'Time that the start waits for the first version of a model whose folder is empty or missing.',
    { min: 0 },
  ),
  version_settle_ms: limit(
    'ms',
    1_000,
    'Time without a change after which the files of a new version count as complete.',
    { min: 0 },
  ),
  max_parallel_loads: limit('count', 1, 'Versions that are loaded and measured at the same time.'),
  max_num_load_retries: limit(
    'count',
    5,
    'Further tries to load a version whose load failed for a passing reason.',
    { min: 0 },
  ),
  load_retry_interval_ms: limit('ms', 60_000, 'Pause before a failed load is tried again.', { min: 0 }),
  model_memory_bytes: limit(
    'bytes',
    0,
    'Memory of all engines together; the model that nobody asked for longest makes room. 0: no bound.',
    { min: 0 },
  ),
  idle_unload_ms: limit(
    'ms',
    0,
    'Time without a request after which a model gives its memory back until the next one. 0: never.',
    { min: 0 },
  ),
  unload_drain_ms: limit('ms', 30_000, 'Time that requests of a version that is unloaded get.', { min: 0 }),

  // engines
  run_limit_ms: limit(
    'ms',
    0,
    'Longest run before its engine is ended; 0: ten times the longest run of the warm-up, at least run_limit_floor_ms.',
    { isAutoAtZero: true },
  ),
  run_limit_floor_ms: limit('ms', 5_000, 'Lower bound of the measured run limit.'),
  load_limit_ms: limit('ms', 120_000, 'Time that an engine may take to start and load a model.'),
  warmup_budget_ms: limit('ms', 2_000, 'Time spent on measuring the batch curve of a model.', { min: 0 }),
  heartbeat_ms: limit('ms', 1_000, 'Interval of the sign of life of an idle engine.'),
  heartbeat_missed_ms: limit('ms', 10_000, 'Silence of an idle engine after which it is ended.'),
  engine_memory_bytes: limit(
    'bytes',
    0,
    'Data segment of one engine process (RLIMIT_DATA); 0: from the size of the model, at least 4 GiB.',
    { min: GiB, isAutoAtZero: true }, // Node alone needs more than a half
  ),
  memory_check_ms: limit('ms', 10_000, 'Pause between two looks at the memory of the engines; 0: never.', {
    min: 0,
  }),
  engine_growth_bytes: limit(
    'bytes',
    0,
    'Memory that an engine may gain after the warm-up before a new one takes its place; 0: as much as it had, at least 1 GiB.',
    { min: MiB, isAutoAtZero: true },
  ),
  engine_min_age_ms: limit(
    'ms',
    60_000,
    'Age before which an engine that grows is left alone: large inputs are no leak.',
    { min: 0 },
  ),
  weight_cache_bytes: limit(
    'bytes',
    8 * GiB,
    'Disk space for the packed form of models, which all engines of the machine share; who was needed longest ago leaves. 0: none is made or used.',
    { min: 0 },
  ),
  weight_cache_min_bytes: limit(
    'bytes',
    4 * MiB,
    'Model files below this are not packed: there is little to share.',
    { min: 0 },
  ),
  max_frame_bytes: limit('bytes', 1024 * MiB, 'One frame between the front and an engine.', {
    min: 4 * KiB, // the frames of a start without tensors
    max: 4 * GiB, // lengths in frames have 32 bits
  }),
  respawn_backoff_ms: limit('ms', 100, 'First pause after a second crash in a row; doubles, with jitter.'),
  respawn_backoff_max_ms: limit('ms', 10_000, 'Longest pause between restarts of a crashing engine.'),
  respawn_quiet_ms: limit('ms', 1_000, 'Time without a crash after which the next one counts as the first.'),

  // files from outside
  max_onnx_bytes: limit(
    'bytes',
    2 ** 31 - 1,
    'An .onnx file; protobuf allows no more, weights beyond go to external data.',
    { max: 2 ** 31 - 1 },
  ),
  max_onnx_nodes: limit('count', 1_000_000, 'Nodes of a graph with its subgraphs.'),
  max_onnx_initializers: limit('count', 1_000_000, 'Initializers of a graph with its subgraphs.'),
  max_onnx_depth: limit('count', 32, 'Nesting of subgraphs.', { max: 256 }), // read by recursion
  max_onnx_structure_bytes: limit(
    'bytes',
    256 * MiB,
    'Names and entries of an .onnx file held while it is read; weights are not among them.',
  ),
  max_protobuf_depth: limit('count', 64, 'Nesting of protobuf messages.', { max: 1024 }), // four of them in a subgraph
  max_artifact_bytes: limit('bytes', 64 * 1024 * MiB, 'All files of one package.'),
  max_manifest_bytes: limit('bytes', 16 * MiB, 'The skylift.json of one package.'),
  max_package_files: limit('count', 10_000, 'Files of one package.'),
  store_lock_wait_ms: limit('ms', 30_000, 'Time to wait for another process that writes to the store.', {
    min: 0,
  }),
  import_limit_ms: limit('ms', 600_000, 'Time that the import of a foreign file may take.'),
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type Limits = Readonly<Record<LimitName, number>>;

/**
 * The defaults of the table, with `overrides` on top. The one place where values are checked: both programs and the
 * library come by. Throws SKY_CONFIG_INVALID.
 */
export function resolveLimits(overrides: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(overrides)) requireAllowed(name, value);
  const defaults = Object.fromEntries(Object.entries(LIMITS).map(([name, entry]) => [name, entry.default]));
  const limits = { ...(defaults as Record<LimitName, number>), ...overrides };
  if (limits.heartbeat_missed_ms <= limits.heartbeat_ms)
    throw invalid(
      `heartbeat_missed_ms = ${limits.heartbeat_missed_ms} is not more than heartbeat_ms = ${limits.heartbeat_ms}: every idle engine would be ended`,
      'Raise heartbeat_missed_ms to a few times heartbeat_ms.',
    );
  if (limits.max_body_bytes > limits.max_inflight_bytes)
    throw invalid(
      `max_body_bytes = ${limits.max_body_bytes} is more than max_inflight_bytes = ${limits.max_inflight_bytes}: the largest bodies would never be taken`,
      'Lower max_body_bytes, or raise max_inflight_bytes.',
    );
  return limits;
}

/** The allowed values in words. @example '256 to 4294967296 bytes' */
export function allowedValues({ unit, min, max, isAutoAtZero }: Limit): string {
  const range = max === NO_MAX ? `at least ${min}` : `${min} to ${max}`;
  return `${isAutoAtZero ? '0 (chosen), or ' : ''}${range}${unit === 'count' ? '' : ` ${unit}`}`;
}

function requireAllowed(name: string, value: unknown): void {
  if (!Object.hasOwn(LIMITS, name)) throw invalid(`there is no limit "${name}"`, 'Correct its name.');
  const entry: Limit = LIMITS[name as LimitName]; // just checked
  const isInRange = typeof value === 'number' && value >= entry.min && value <= entry.max;
  if ((isInRange && Number.isInteger(value)) || (value === 0 && entry.isAutoAtZero)) return;
  throw invalid(
    `${name} = ${String(value)}; allowed: ${allowedValues(entry)}`,
    `${name}=${entry.default} is the default.`,
  );
}

function invalid(message: string, hint: string): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', message, {
    hint: `${hint} docs/reference/limits.md has them all.`,
  });
}
