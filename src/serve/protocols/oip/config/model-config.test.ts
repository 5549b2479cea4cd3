/** config.pbtxt: what counts, what is named as having no effect, what is refused; and how it is held against a model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../../../core/errors.ts';
import type { PackageManifest } from '../../../../package/manifest.ts';
import { fitModel } from './fit-model.ts';
import { parseModelConfig } from './model-config.ts';
import type { RepositoryModel } from './model-config.ts';

const read = (text: string, cores = 4): RepositoryModel =>
  parseModelConfig(text, { name: 'm', file: 'f', cores });

const WHOLE = `name: "m"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 3, -1 ] } ]
output [ { name: "y" data_type: TYPE_INT64 dims: [ 2 ] label_filename: "labels.txt" } ]
version_policy: { specific { versions: [1, 3] } }
instance_group [ { count: 2 kind: KIND_CPU } ]
dynamic_batching {
  preferred_batch_size: [ 4, 8 ]
  max_queue_delay_microseconds: 250
  default_queue_policy { max_queue_size: 16 }
}
default_model_filename: "net.onnx"
parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
optimization { execution_accelerators { } }
model_warmup [ { name: "w" } ]`;

test('a whole file is a policy, tensors, batches, engines and a file name', () => {
  const model = read(WHOLE);
  assert.deepEqual(model.policy, { kind: 'specific', versions: [1n, 3n] });
  assert.equal(model.maxBatchSize, 8);
  assert.deepEqual(model.inputs, [{ name: 'x', dtype: 'float32', dims: [3, -1] }]);
  assert.deepEqual(model.outputs, [{ name: 'y', dtype: 'int64', dims: [2] }]);
  assert.deepEqual(model.options.batching, { maxRows: 8, rules: { holdMs: 0.25, maxJobs: 16 } });
  assert.deepEqual(model.options.threads, { profile: 'latency', engines: 2, threads: 1 });
  assert.equal(model.fileName, 'net.onnx');
  assert.deepEqual(
    model.notes.map((note) => /^f: (\S+)(?: of "y")? has no effect: /.exec(note)?.[1]),
    ['label_filename', 'preferred_batch_size', 'optimization', 'model_warmup'],
  );
});

test('an empty file leaves everything to the model', () => {
  const { options, ...model } = read('');
  assert.deepEqual(model, {
    policy: { kind: 'latest', count: 1 },
    maxBatchSize: undefined,
    inputs: [],
    outputs: [],
    fileName: '',
    notes: [],
  });
  assert.deepEqual([options.batching, options.threads], [undefined, undefined]);
});

test('without max_batch_size, but with inputs, requests are not combined', () => {
  const model = read('input { name: "x" data_type: TYPE_STRING dims: 1 }');
  assert.equal(model.maxBatchSize, 0);
  assert.deepEqual(model.options.batching, { maxRows: 1 });
});

test('more instances than cores are as many as there are cores, and it is said', () => {
  const { options, notes } = read('instance_group [{ count: 3 }, { count: 2 kind: KIND_AUTO }]', 2);
  assert.deepEqual(options.threads, { profile: 'latency', engines: 2 });
  assert.match(notes.join(), /^f: instance_group: 2 of 5 instances/);
});

test('what would be answered otherwise is refused, what is wrong has its place', () => {
  for (const [text, words] of [
    ['name: "other"', /^f:1:1: the name "other" is not that of its folder, m/],
    ['platform: "tensorflow_savedmodel"', /platform "tensorflow_savedmodel" is not served/],
    ['platform: "ensemble" ensemble_scheduling { }', /platform "ensemble"/],
    ['backend: "python"', /the backend "python" is not served/],
    ['sequence_batching { }', /sequence_batching is refused: sequences/],
    ['ensemble_scheduling { }', /ensemble_scheduling is refused/],
    ['batch_input { }', /batch_input is refused/],
    ['model_repository_agents { agents { name: "checksum" } }', /model_repository_agents is refused/],
    ['model_transaction_policy { decoupled: true }', /decoupled is refused/],
    ['instance_group { kind: KIND_GPU }', /instance_group asks for a GPU \(KIND_GPU\)/],
    ['instance_group { gpus: [0] }', /KIND_GPU/],
    ['instance_group { kind: KIND_TPU }', /there is no kind KIND_TPU/],
    ['max_batch_size: -1', /max_batch_size: -1 is out of range/],
    ['input { name: "x" data_type: TYPE_FP33 dims: 1 }', /there is no TYPE_FP33/],
    ['input { name: "x" dims: 1 }', /data_type of "x": it is missing/],
    ['input { data_type: TYPE_FP32 }', /without name/],
    ['input { name: "x" data_type: TYPE_FP32 dims: 0 }', /dims of "x": 0 is no size/],
    ['input { name: "x" data_type: TYPE_FP32 dims: 1 reshape { shape: [] } }', /reshape of "x" is refused/],
    [
      'input { name: "x" data_type: TYPE_FP32 dims: 1 allow_ragged_batch: true }',
      /allow_ragged_batch is refused/,
    ],
    ['version_policy { all { } latest { } }', /more than one of/],
    ['version_policy { specific { } }', /at least one/],
    ['default_model_filename: "../x.onnx"', /no plain file name/],
    ['parameters { key: "intra_op_thread_count" value { string_value: "many" } }', /no number of threads/],
    ['max_batch_sise: 4', /^f:1:1: unknown field "max_batch_sise"/],
  ] as const)
    assert.throws(() => read(text), { code: 'SKY_CONFIG_INVALID', message: words }, text);
});

const MANIFEST: PackageManifest = {
  schema: 1,
  engine: 'onnx',
  files: [],
  programs: { main: { steps: [], batchAxis: 0 } },
  signatures: {
    serving_default: {
      program: 'main',
      method: 'predict',
      inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 'width'] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: ['batch', 2] }],
    },
  },
  labels: {},
  lineage: [],
};

const input = (fields: string, batch = 8): RepositoryModel =>
  read(`max_batch_size: ${batch} input { ${fields} }`);

test('a dimension that the file fixes and the model leaves free is fixed', () => {
  const fitted = fitModel(MANIFEST, input('name: "x" data_type: TYPE_FP32 dims: 5'), 'f');
  assert.deepEqual(fitted.signatures['serving_default']?.inputs[0]?.dims, ['batch', 5]);
  const free = fitModel(MANIFEST, input('name: "x" data_type: TYPE_FP32 dims: -1'), 'f');
  assert.deepEqual(free, MANIFEST);
  assert.deepEqual(fitModel(MANIFEST, read(''), 'f'), MANIFEST);
});

test('a file that contradicts its model is refused with both sides', () => {
  const twoInputs = { name: 'extra', dtype: 'float32', dims: ['batch'] } as const;
  const signature = MANIFEST.signatures['serving_default'] ?? assert.fail();
  const wider = {
    ...MANIFEST,
    signatures: { serving_default: { ...signature, inputs: [...signature.inputs, twoInputs] } },
  };
  const unbatched = { ...MANIFEST, programs: { main: { steps: [], batchAxis: null } } };
  const good = 'name: "x" data_type: TYPE_FP32 dims: 5';
  for (const [manifest, model, words] of [
    [
      MANIFEST,
      input('name: "z" data_type: TYPE_FP32 dims: 5'),
      /the input "z" is not one of the model; it has: x/,
    ],
    [MANIFEST, input('name: "x" data_type: TYPE_INT8 dims: 5'), /is TYPE_INT8, but the model has TYPE_FP32/],
    [
      MANIFEST,
      input('name: "x" data_type: TYPE_FP32 dims: [5, 5]'),
      /has the dims \[-1, 5, 5\] with its batch, but the model has \[batch, width\]/,
    ],
    [
      MANIFEST,
      read('output { name: "y" data_type: TYPE_FP32 dims: [-1, 3] }'),
      /the output "y" has the dims \[-1, 3\], but the model has \[batch, 2\]/,
    ],
    [wider, input(good), /the input "extra" of the model is not among the inputs/],
    [unbatched, input(good), /max_batch_size is 8, but the model takes no batches/],
  ] as const)
    assert.throws(() => fitModel(manifest, model, 'f'), { code: 'SKY_CONFIG_INVALID', message: words });
});

test('broken and mutated files are understood or refused with a place', () => {
  const change = fc.record({
    at: fc.nat(WHOLE.length),
    drop: fc.oneof(fc.nat(4), fc.constant(WHOLE.length)),
    insert: fc.constantFrom('', '"', '{', '}', '[', ']', '-', '99999999999', '\n', 'name: "m"', 'KIND_GPU'),
  });
  fc.assert(
    fc.property(change, ({ at, drop, insert }) => {
      try {
        read(WHOLE.slice(0, at) + insert + WHOLE.slice(at + drop));
      } catch (error) {
        assert.ok(isSkyliftError(error), String(error));
        assert.match(error.message, /^f:\d+:\d+: /);
      }
    }),
    { numRuns: 3000 },
  );
});
