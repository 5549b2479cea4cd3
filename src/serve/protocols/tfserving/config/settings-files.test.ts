/** Batching, monitoring, session and platform files: what counts, what is said to have no effect, what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../../../core/errors.ts';
import { parseBatchingParameters } from './batching-parameters.ts';
import { parseMonitoringConfig } from './monitoring-config.ts';
import { parsePlatformConfig } from './platform-config.ts';
import { parseSessionConfig } from './session-config.ts';

const BATCHING = `max_batch_size { value: 128 }
batch_timeout_micros { value: 1500 }
max_enqueued_batches { value: 4 }
num_batch_threads { value: 8 }
thread_pool_name { value: 'pool' }
allowed_batch_sizes: [8, 128]`;
const MONITORING = 'prometheus_config { enable: true, path: "/my/metrics" }';
const SESSION = 'intra_op_parallelism_threads: 2 gpu_options { allow_growth: true }';
const PLATFORM = `platform_configs {
  key: "tensorflow"
  value { source_adapter_config {
    [type.googleapis.com/tensorflow.serving.SavedModelBundleSourceAdapterConfig] {
      legacy_config {
        session_config { intra_op_parallelism_threads: 3 }
        batching_parameters { max_batch_size { value: 16 } }
        enable_model_warmup: true
      }
    }
  } }
}`;

test('batching parameters are caps of runs and queues, and a wait if one is asked for', () => {
  const { value, notes } = parseBatchingParameters(BATCHING, 'f');
  assert.deepEqual(value, { maxRows: 128, rules: { maxRows: 512, holdMs: 1.5 } });
  assert.deepEqual(
    notes.map((note) => /^f: (\w+) has no effect: /.exec(note)?.[1]),
    ['num_batch_threads', 'thread_pool_name', 'allowed_batch_sizes'],
  );
  assert.deepEqual(parseBatchingParameters('', 'f'), {
    value: { maxRows: 1000, rules: { maxRows: 10_000 } },
    notes: [],
  });
});

test('with large batches split, what a run takes is max_execution_batch_size', () => {
  const text = `max_batch_size { value: 64 } max_execution_batch_size { value: 16 } allowed_batch_sizes: 16
    enable_large_batch_splitting { value: true }`;
  assert.deepEqual(parseBatchingParameters(text, 'f').value, { maxRows: 16, rules: { maxRows: 640 } });
});

test('metrics are where the file says, and nowhere if it does not switch them on', () => {
  for (const [text, isEnabled, path] of [
    [MONITORING, true, '/my/metrics'],
    ['prometheus_config { enable: true }', true, undefined],
    ['prometheus_config { path: "/p" }', false, '/p'],
    ['', false, undefined],
  ] as const)
    assert.deepEqual(parseMonitoringConfig(text, 'f'), { isEnabled, path });
});

test('of a session the threads count', () => {
  const { value, notes } = parseSessionConfig(SESSION, 'f');
  assert.deepEqual(value, { threads: 2 });
  assert.match(notes.join(), /^f: gpu_options has no effect: [^,]*$/);
});

test('of the platform tensorflow session and batching count', () => {
  const { value, notes } = parsePlatformConfig(PLATFORM, 'f');
  assert.deepEqual(value, {
    session: { threads: 3 },
    batching: { maxRows: 16, rules: { maxRows: 160 } },
  });
  assert.match(notes.join(), /^f: enable_model_warmup has no effect: [^,]*$/);
  assert.deepEqual(parsePlatformConfig('', 'f').value, { session: undefined, batching: undefined });
});

test('what is wrong is named with its place', () => {
  for (const [parse, text, words] of [
    [parseBatchingParameters, 'max_batch_size: 8', /^f:1:17: "max_batch_size" must be a message in braces/],
    [parseBatchingParameters, 'max_batch_size { value: 0 }', /max_batch_size must be positive; was 0/],
    [parseBatchingParameters, 'batch_timeout_micros { value: -1 }', /must be non-negative/],
    [parseBatchingParameters, 'max_batch_sice { value: 1 }', /^f:1:1: unknown field "max_batch_sice"/],
    [parseBatchingParameters, 'max_batch_size { valu: 1 }', /unknown field "valu"/],
    [
      parseBatchingParameters,
      'max_batch_size { value: 8 } allowed_batch_sizes: 4',
      /Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8/,
    ],
    [
      parseBatchingParameters,
      'max_batch_size { value: 8 } allowed_batch_sizes: [8, 8]',
      /allowed_batch_sizes entries must be monotonically increasing/,
    ],
    [parseMonitoringConfig, 'prometheus_config { path: "metrics" }', /must begin with a slash/],
    [
      parseMonitoringConfig,
      'prometheus_config { path: "/{a}" }',
      /must begin with a slash and be a plain path/,
    ],
    [parseSessionConfig, 'intra_op_parallelism_threads: -1', /out of range/],
    [parseSessionConfig, 'intra_ops: 1', /unknown field "intra_ops"/],
    [parsePlatformConfig, 'platform_configs { key: "caffe" }', /platform "caffe" is not served/],
    [
      parsePlatformConfig,
      'platform_configs { key: "tensorflow" value { source_adapter_config { [a/b.C] { } } } }',
      /holds no/,
    ],
    [parsePlatformConfig, 'platform_configs { [a b] { } }', /expected the name of a message/],
  ] as const)
    assert.throws(() => parse(text, 'f'), { code: 'SKY_CONFIG_INVALID', message: words }, text);
});

test('broken and mutated files are understood or refused with a place', () => {
  for (const [parse, text] of [
    [parseBatchingParameters, BATCHING],
    [parseMonitoringConfig, MONITORING],
    [parseSessionConfig, SESSION],
    [parsePlatformConfig, PLATFORM],
  ] as const) {
    const change = fc.record({
      at: fc.nat(text.length),
      drop: fc.oneof(fc.nat(3), fc.constant(text.length)),
      insert: fc.constantFrom('', '"', '{', '}', '[', ']', '-', '9', '\n', 'value: 1'),
    });
    fc.assert(
      fc.property(change, ({ at, drop, insert }) => {
        try {
          parse(text.slice(0, at) + insert + text.slice(at + drop), 'f');
        } catch (error) {
          assert.ok(isSkyliftError(error), String(error));
          assert.match(error.message, /^f:\d+:\d+: /);
        }
      }),
      { numRuns: 1000 },
    );
  }
});
