/**
 * TensorFlow Serving's BatchingParameters: what of them holds for runs here, and one line for each that does not. Sources:
 * tensorflow_serving/servables/tensorflow/session_bundle_config.proto, bundle_factory_util.cc, batching_session.cc.
 */
import type { BatchingOptions } from '../../../runtime/loading/version-options.ts';
import { MessageReader } from '../../text-format/message-reader.ts';
import type { TextMessage } from '../../text-format/message-reader.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';

const START = { line: 1, column: 1 };
const DEFAULT_MAX_BATCH_SIZE = 1000n;
const DEFAULT_MAX_ENQUEUED_BATCHES = 10n;
const US_PER_MS = 1000;
const MAX_TIMEOUT_US = 3_600_000_000n;

/** What a settings file means here. */
export interface Understood<T> {
  readonly value: T;
  /** One line for each setting that is known and has no effect. */
  readonly notes: readonly string[];
}

/** Why a field of the message has no effect. */
const WITHOUT_EFFECT = {
  num_batch_threads: 'engines and cores say how many runs there are at a time',
  thread_pool_name: 'all models share the cores by what they have had',
  allowed_batch_sizes: 'runs take any number of rows up to the largest and are never padded',
  pad_variable_length_inputs: 'requests of different shapes run apart, which needs no padding',
  enable_large_batch_splitting: 'a request with more rows than a run takes is answered by a run of its own',
  max_execution_batch_size: 'it counts only with enable_large_batch_splitting',
} as const;

/** Of all models. Throws SKY_CONFIG_INVALID with line and column. @param file its name, for messages */
export function parseBatchingParameters(text: string, file: string): Understood<BatchingOptions> {
  return readBatchingParameters({ file, place: START, fields: parseTextFormat(text, file) });
}

/** As `parseBatchingParameters`, for a message inside of another one. */
export function readBatchingParameters(message: TextMessage): Understood<BatchingOptions> {
  const reader = new MessageReader(message);
  const maxBatch = positive(reader, 'max_batch_size') ?? DEFAULT_MAX_BATCH_SIZE;
  const maxEnqueued = positive(reader, 'max_enqueued_batches') ?? DEFAULT_MAX_ENQUEUED_BATCHES;
  const timeoutUs = reader.wrappedInteger('batch_timeout_micros') ?? 0n;
  const threads = positive(reader, 'num_batch_threads');
  const pool = reader.wrappedString('thread_pool_name');
  const isSplit = reader.wrappedBoolean('enable_large_batch_splitting');
  const maxExecution = positive(reader, 'max_execution_batch_size');
  const allowed = reader.integers('allowed_batch_sizes');
  const pads = reader.boolean('pad_variable_length_inputs');
  reader.end();
  if (timeoutUs < 0n || timeoutUs > MAX_TIMEOUT_US)
    throw reader.problem(`batch_timeout_micros must be non-negative and at most an hour; was ${timeoutUs}`);
  const isCapped = isSplit === true && maxExecution !== undefined;
  if (isCapped && maxExecution > maxBatch)
    throw reader.problem(
      `max_execution_batch_size must be less than or equal to max_batch_size; was ${maxExecution}`,
    );
  const maxRows = isCapped ? maxExecution : maxBatch;
  requireAllowedSizes(reader, allowed, {
    name: isCapped ? 'max_execution_batch_size' : 'max_batch_size',
    maxRows,
  });
  const ineffective = {
    num_batch_threads: threads !== undefined,
    thread_pool_name: pool !== undefined,
    allowed_batch_sizes: allowed.length > 0,
    pad_variable_length_inputs: pads,
    enable_large_batch_splitting: isSplit !== undefined,
    max_execution_batch_size: maxExecution !== undefined && !isCapped,
  };
  return {
    value: {
      maxRows: Number(maxRows),
      rules: {
        maxRows: Number(maxEnqueued * maxBatch),
        ...(timeoutUs > 0n && { holdMs: Number(timeoutUs) / US_PER_MS }),
      },
    },
    notes: namesIn(WITHOUT_EFFECT)
      .filter((name) => ineffective[name])
      .map((name) => `${message.file}: ${name} has no effect: ${WITHOUT_EFFECT[name]}`),
  };
}

function positive(reader: MessageReader, name: string): bigint | undefined {
  const value = reader.wrappedInteger(name);
  if (value !== undefined && (value < 1n || value > 2n ** 31n - 1n))
    throw reader.problem(`${name} must be positive; was ${value}`);
  return value;
}

/** In the words of the original. */
function requireAllowedSizes(
  reader: MessageReader,
  allowed: readonly bigint[],
  { name, maxRows }: { readonly name: string; readonly maxRows: bigint },
): void {
  for (const [i, size] of allowed.entries())
    if (size <= (allowed[i - 1] ?? 0n))
      throw reader.problem('allowed_batch_sizes entries must be monotonically increasing');
  const last = allowed.at(-1);
  if (last !== undefined && last !== maxRows)
    throw reader.problem(
      `Last entry in allowed_batch_sizes must match ${name}; last entry was ${last}; expected ${maxRows}`,
    );
}

function namesIn<Name extends string>(table: Readonly<Record<Name, string>>): readonly Name[] {
  return Object.keys(table) as Name[]; // it has no other keys
}
