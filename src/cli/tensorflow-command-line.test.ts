import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServeOptions } from '../index.ts';
import fc from 'fast-check';
import { LIMITS } from '../core/limits.ts';
import { parseTensorflowCommandLine } from './tensorflow-command-line.ts';
import { TENSORFLOW_FLAGS, tensorflowUsage } from './tensorflow-flags.ts';
import { servingPlan, tensorflowModelServer, warnings } from './tensorflow-model-server.ts';
import { playProcess } from '../../test/support/played-process.ts';

/** Flags of model_servers/main.cc that scripts use; none may be unknown here. */
const ORIGINAL = `port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
  rest_api_enable_cors_support enable_batching batching_parameters_file enable_per_model_batching_parameters
  allow_version_labels_for_unavailable_models model_config_file model_config_file_poll_wait_seconds model_name
  model_base_path num_load_threads num_unload_threads max_num_load_retries load_retry_interval_micros
  file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
  tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism tensorflow_session_config_file platform_config_file
  ssl_config_file grpc_channel_arguments grpc_max_threads saved_model_tags enable_model_warmup
  num_request_iterations_for_warmup monitoring_config_file remove_unused_fields_from_bundle_metagraph
  prefer_tflite_model num_tflite_pools num_tflite_interpreters_per_pool enable_signature_method_name_check
  enable_profiler enable_grpc_healthcheck_service enable_serialization_as_tensor_content
  per_process_gpu_memory_fraction mixed_precision skip_initialize_tpu thread_pool_factory_config_file
  use_alts_credentials version`.split(/\s+/);

test('every flag of the original and every limit is in the table once', () => {
  const names = TENSORFLOW_FLAGS.map((flag) => flag.name);
  assert.equal(new Set(names).size, names.length);
  for (const name of [...ORIGINAL, ...Object.keys(LIMITS)]) {
    assert.ok(names.includes(name), name);
    assert.ok(tensorflowUsage().includes(`--${name}=`), name);
  }
});

test('values are taken behind = and behind a blank, bare flags are true', () => {
  const { given, unknown, failures } = parseTensorflowCommandLine([
    '--port=1',
    '--model_name',
    'm',
    '--enable_batching',
    '--version=false',
    '--rest_api_port',
    '-1',
  ]);
  assert.deepEqual(Object.fromEntries(given), {
    port: '1',
    model_name: 'm',
    enable_batching: 'true',
    version: 'false',
    rest_api_port: '-1',
  });
  assert.deepEqual([unknown, failures], [[], []]);
});

test('a bare flag does not swallow what follows', () => {
  const { given, unknown } = parseTensorflowCommandLine([
    '--enable_batching',
    'stray',
    '--model_name',
    '--port=1',
  ]);
  assert.deepEqual(
    [...given],
    [
      ['enable_batching', 'true'],
      ['port', '1'],
    ],
  );
  assert.deepEqual(unknown, ['stray']);
});

test('what does not fit its type is a failure', () => {
  for (const argument of [
    '--port=x',
    '--port=',
    '--enable_batching=yes',
    '--per_process_gpu_memory_fraction=a',
  ])
    assert.equal(parseTensorflowCommandLine([argument]).failures.length, 1, argument);
});

test('any command line is read without an exception, and every argument is accounted for', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(...TENSORFLOW_FLAGS.map((flag) => `--${flag.name}`)),
    fc.tuple(fc.constantFrom(...ORIGINAL), fc.string()).map(([name, value]) => `--${name}=${value}`),
  );
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      const { given, unknown, failures } = parseTensorflowCommandLine(argv);
      assert.ok(unknown.every((argument) => argv.includes(argument)));
      assert.ok(given.size + unknown.length + failures.length <= argv.length);
    }),
  );
});

test('flags without effect are said, each in one line', () => {
  const lines = warnings(
    parseTensorflowCommandLine(['--port=0', '--enable_profiler', '--use_alts_credentials', '--model_name=m']),
  );
  assert.deepEqual(lines, [
    '--enable_profiler is ignored: There is no TensorFlow to profile',
    '--use_alts_credentials is not supported yet: Credentials inside of Google Cloud',
  ]);
  assert.deepEqual(warnings(parseTensorflowCommandLine([])), []);
});

test('a plan has what the flags say', () => {
  const line = parseTensorflowCommandLine([
    '--model_base_path=/m',
    '--rest_api_port=8501',
    '--rest_api_timeout_in_ms=5000',
    '--rest_api_enable_cors_support',
    '--tensorflow_intra_op_parallelism=2',
    '--max_body_bytes=1MiB',
    '--file_system_poll_wait_seconds=3',
    '--load_retry_interval_micros=250000',
  ]);
  const { onEvent, ...options } = servingPlan(line, () => {}).options;
  assert.equal(typeof onEvent, 'function');
  assert.deepEqual(options, {
    models: { default: '/m' },
    http: { host: '0.0.0.0', port: 8501, cors: true, compress: false, backend: 'fast' },
    order: 'load-first',
    allowRemoteAdmin: false,
    grpc: { host: '0.0.0.0', port: 8500, tensorContent: false },
    limits: {
      model_wait_ms: 2 ** 31 - 1,
      version_poll_ms: 3000,
      load_retry_interval_ms: 250,
      rest_api_timeout_in_ms: 5000,
      max_body_bytes: 1048576,
    },
    threads: { threads: 2 },
  });
});

test('either protocol may be switched off, and gRPC may have a UNIX socket', () => {
  const planOf = (...argv: string[]): ServeOptions =>
    servingPlan(parseTensorflowCommandLine(['--model_base_path=/m', ...argv]), () => {}).options;
  assert.equal(planOf().http, false);
  assert.equal(planOf('--port=0', '--rest_api_port=8501').grpc, false);
  assert.deepEqual(
    planOf('--port=0', '--grpc_socket_path=/s', '--enable_serialization_as_tensor_content').grpc,
    {
      host: '0.0.0.0',
      socketPath: '/s',
      tensorContent: true,
    },
  );
});

test('HTTP may have a UNIX socket beside its port or instead of it, and traces a collector', () => {
  const planOf = (...argv: string[]): ServeOptions =>
    servingPlan(parseTensorflowCommandLine(['--model_base_path=/m', ...argv]), () => {}).options;
  const own = { host: '0.0.0.0', socketPath: '/s', cors: false, compress: false, backend: 'fast' };
  assert.deepEqual(planOf('--http_socket_path=/s', '--port=0').http, own);
  assert.deepEqual(planOf('--http_socket_path=/s', '--rest_api_port=8501').http, { ...own, port: 8501 });
  assert.equal(planOf().tracing, undefined);
  assert.deepEqual(planOf('--otlp_endpoint=http://c:4318').tracing, { url: 'http://c:4318/v1/traces' });
});

test('the start fails as the original does: in its words, with exit code 255', async () => {
  const cases: [string[], RegExp][] = [
    [[], /Failed to start server\. Error: .*model_base_path.*are empty/],
    [['--model_base_path=/m', '--port=0'], /nothing to serve/],
    [['--model_base_path=/m', '--rest_api_port=8500'], /http_port cannot be same as grpc_port/],
    [['--model_base_path=/m', '--batching_parameters_file=x'], /enable_batching to true/],
    [
      ['--model_base_path=/m', '--enable_batching', `--batching_parameters_file=${import.meta.filename}`],
      /\.ts:1:8: expected/,
    ],
    [['--model_base_path=/m', '--monitoring_config_file=/nowhere'], /cannot read \/nowhere/],
    [['--model_base_path=/m', `--platform_config_file=${import.meta.filename}`], /\.ts:1:8: expected/],
    [['--model_base_path=/m', `--tensorflow_session_config_file=${import.meta.filename}`], /\.ts:1:8: /],
    [['--model_config_file=/nowhere', '--rest_api_port=8501'], /cannot read \/nowhere/],
    [
      [`--model_config_file=${import.meta.filename}`, '--rest_api_port=8501'],
      /Error parsing text-format tensorflow\.serving\.ModelServerConfig\n.*\.ts:1:8: /s,
    ],
    [['--model_base_path=/nowhere', '--rest_api_port=8501', '--model_wait_ms=0'], /SKY_MODEL_NOT_FOUND/],
    [
      ['--model_base_path=/m', '--rest_api_port=8501', '--max_headers=x'],
      /--max_headers=x: it is an integer/,
    ],
    [
      ['--model_base_path=/m', '--rest_api_port=8501', '--max_body_bytes=0'],
      /max_body_bytes = 0; allowed: 256/,
    ],
  ];
  for (const [argv, message] of cases) {
    const { process, written } = playProcess();
    assert.equal(await tensorflowModelServer(argv, process), 255);
    assert.match(written.stderr, message);
  }
});

test('an unknown flag prints the usage and the start goes on', async () => {
  const { process, written } = playProcess();
  await tensorflowModelServer(
    ['--no_such_flag', '--model_base_path=/nowhere', '--rest_api_port=8501', '--model_wait_ms=0'],
    process,
  );
  assert.match(written.stdout, /^unknown argument: --no_such_flag\nusage: /);
  assert.match(written.stderr, /no file or folder \/nowhere/);
});

test('a value that does not fit prints the usage and ends', async () => {
  const { process, written } = playProcess();
  assert.equal(await tensorflowModelServer(['--port=x'], process), 255);
  assert.match(written.stderr, /Couldn't interpret value x for flag port\./);
  assert.match(written.stdout, /^usage: /);
});

test('--version prints the two lines of the original', async () => {
  const { process, written } = playProcess();
  assert.equal(await tensorflowModelServer(['--version'], process), 0);
  assert.match(
    written.stdout,
    /^TensorFlow ModelServer: \S+\nTensorFlow Library: none \(Skylift \S+, onnxruntime \S+\)\n$/,
  );
});
