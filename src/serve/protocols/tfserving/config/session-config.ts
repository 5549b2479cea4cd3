/**
 * TensorFlow's ConfigProto, which says how its sessions run: threads are taken over, one line for each other setting.
 * Source: tensorflow/core/protobuf/config.proto.
 */
import { MessageReader } from '../../text-format/message-reader.ts';
import type { TextMessage } from '../../text-format/message-reader.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';
import type { Understood } from './batching-parameters.ts';

const START = { line: 1, column: 1 };
const MAX_THREADS = 4096n;

export interface SessionConfig {
  /** Inside one run; 0 chooses. */
  readonly threads: number;
}

/** Its other fields: they speak of devices, graphs and clusters that there are none of here. */
const WITHOUT_EFFECT: readonly string[] = [
  'allow_soft_placement',
  'cluster_def',
  'device_count',
  'device_filters',
  'experimental',
  'gpu_options',
  'graph_options',
  'inter_op_parallelism_threads',
  'isolate_session_state',
  'log_device_placement',
  'operation_timeout_in_ms',
  'placement_period',
  'pluggable_device_options',
  'rpc_options',
  'session_inter_op_thread_pool',
  'share_cluster_devices_in_session',
  'use_per_session_threads',
];

/** Throws SKY_CONFIG_INVALID with line and column. @param file its name, for messages */
export function parseSessionConfig(text: string, file: string): Understood<SessionConfig> {
  return readSessionConfig({ file, place: START, fields: parseTextFormat(text, file) });
}

/** As `parseSessionConfig`, for a message inside of another one. */
export function readSessionConfig(message: TextMessage): Understood<SessionConfig> {
  const reader = new MessageReader(message);
  const threads = reader.integer('intra_op_parallelism_threads') ?? 0n;
  const ineffective = WITHOUT_EFFECT.filter((name) => reader.ignore(name));
  reader.end();
  if (threads < 0n || threads > MAX_THREADS)
    throw reader.problem(`intra_op_parallelism_threads: ${threads} is out of range`);
  return {
    value: { threads: Number(threads) },
    notes: ineffective.map(
      (name) => `${message.file}: ${name} has no effect: there is no TensorFlow session here`,
    ),
  };
}
