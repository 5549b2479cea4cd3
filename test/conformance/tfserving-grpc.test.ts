/** TensorFlow Serving's gRPC services over a fake runtime: what its clients send and get, in its words. */
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { describe, test } from 'node:test';
import { framed, replyOf } from '../contract/grpc-wire-fixture.ts';
import { failureOf } from '../grpc/grpc-client.ts';
import type { GrpcClient, Message } from '../grpc/grpc-client.ts';
import { startGrpc } from './grpc-server.ts';

const PREDICTION = 'tensorflow.serving.PredictionService';
const INVALID = 3;
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

type Outputs = Record<string, Record<string, unknown>>;

const shape = (...dims: number[]): Message => ({ dim: dims.map((size) => ({ size })) });
const floats = (...values: number[]): Message => ({
  dtype: 'DT_FLOAT',
  tensor_shape: shape(values.length),
  float_val: values,
});

async function predict(client: GrpcClient, request: Message): Promise<Outputs> {
  return (await client.call(`${PREDICTION}/Predict`, request))['outputs'] as Outputs;
}

/** `x` through a model that gives it back as `y`. */
async function echo(client: GrpcClient, model: string, x: Message): Promise<Record<string, unknown>> {
  const { y = {} } = await predict(client, { model_spec: { name: model }, inputs: { x } });
  return y;
}

describe('predict', () => {
  const CASES: readonly [dtype: string, model: string, field: string, values: readonly unknown[]][] = [
    ['DT_FLOAT', 'float32', 'float_val', [0.5, -1, Infinity]],
    ['DT_DOUBLE', 'float64', 'double_val', [0.1, -1e300, -Infinity]],
    ['DT_INT8', 'int8', 'int_val', [-128, 0, 127]],
    ['DT_INT16', 'int16', 'int_val', [-32768, 0, 32767]],
    ['DT_INT32', 'int32', 'int_val', [-(2 ** 31), 0, 2 ** 31 - 1]],
    ['DT_UINT8', 'uint8', 'int_val', [0, 1, 255]],
    ['DT_UINT16', 'uint16', 'int_val', [0, 1, 65535]],
    ['DT_UINT32', 'uint32', 'uint32_val', [0, 1, 2 ** 32 - 1]],
    ['DT_INT64', 'int64', 'int64_val', ['-9223372036854775808', '0', '9223372036854775807']],
    ['DT_UINT64', 'uint64', 'uint64_val', ['0', '9007199254740993', '18446744073709551615']],
    ['DT_BOOL', 'bool', 'bool_val', [true, false, true]],
    ['DT_HALF', 'float16', 'half_val', [0x3c00, 0xfbff, 0x7c00]],
    ['DT_BFLOAT16', 'bfloat16', 'half_val', [0x3f80, 0xff7f, 0]],
    ['DT_STRING', 'string', 'string_val', [Buffer.from('ü'), Buffer.alloc(0), Buffer.from([0xff, 0])]],
  ];

  for (const [dtype, model, field, values] of CASES)
    test(`${dtype} comes back in ${field}, every value written; the last one is repeated, none is zero`, async (context) => {
      const { client } = await startGrpc(context);
      const three = { dtype, tensor_shape: shape(3) };
      const given = await echo(client, `echo_${model}`, { ...three, [field]: values });
      assert.deepEqual([given['dtype'], given[field]], [dtype, values]);
      const [first] = values;
      const repeated = await echo(client, `echo_${model}`, { ...three, [field]: [first] });
      assert.deepEqual(repeated[field], [first, first, first]);
      const empty = await echo(client, `echo_${model}`, three);
      const zero = typeof first === 'string' ? '0' : typeof first === 'boolean' ? false : 0;
      assert.deepEqual(empty[field], Array(3).fill(dtype === 'DT_STRING' ? Buffer.alloc(0) : zero));
    });

  test('tensor_content is raw bytes; of strings it is all lengths, then all bytes', async (context) => {
    const { client } = await startGrpc(context);
    const content = Buffer.from(Int16Array.of(1, -2).buffer);
    const y = await echo(client, 'echo_int16', {
      dtype: 'DT_INT16',
      tensor_shape: shape(2),
      tensor_content: content,
    });
    assert.deepEqual(y['int_val'], [1, -2]);
    const texts = await echo(client, 'echo_string', {
      dtype: 'DT_STRING',
      tensor_shape: shape(2),
      tensor_content: Buffer.from('\x01\x02abc'),
    });
    assert.deepEqual(texts['string_val'], [Buffer.from('a'), Buffer.from('bc')]);
  });

  test('a tensor without a shape is a scalar, and keeps its rank', async (context) => {
    const { client } = await startGrpc(context);
    const y = await echo(client, 'echo_float32', { dtype: 'DT_FLOAT', float_val: [7] });
    assert.deepEqual([y['float_val'], (y['tensor_shape'] as Message)['dim']], [[7], []]);
    const none = await echo(client, 'echo_float32', { dtype: 'DT_FLOAT', tensor_shape: shape(0, 3) });
    assert.deepEqual(none['float_val'], []);
  });

  test('output_filter chooses outputs and their order; the reply says which version answered', async (context) => {
    const { client } = await startGrpc(context);
    const inputs = {
      a: floats(0.5),
      b: { dtype: 'DT_INT64', tensor_shape: shape(1, 2), int64_val: ['1', '2'] },
    };
    const request = { model_spec: { name: 'two_inputs' }, inputs };
    assert.deepEqual(Object.keys(await predict(client, request)), ['b', 'a']);
    assert.deepEqual(Object.keys(await predict(client, { ...request, output_filter: ['a'] })), ['a']);
    const reply = await client.call(`${PREDICTION}/Predict`, {
      model_spec: { name: 'half_plus_two', version_label: 'stable', signature_name: 'strict' },
      inputs: { x: { ...floats(1, 2, 5), tensor_shape: shape(1, 3) } },
    });
    assert.deepEqual(reply['model_spec'], {
      name: 'half_plus_two',
      version: { value: '123' },
      signature_name: 'strict',
      version_choice: 'version',
    });
  });

  test('refuses in the words of the original', async (context) => {
    const { client } = await startGrpc(context);
    const x = floats(1);
    const half = { name: 'half_plus_two' };
    const cases: readonly [Message, number, RegExp | string][] = [
      [{}, INVALID, 'Missing ModelSpec'],
      [{ model_spec: {} }, INVALID, 'ModelSpec has no name specified.'],
      [{ model_spec: { name: 'no' } }, NOT_FOUND, 'Servable not found for request: Latest(no)'],
      [
        { model_spec: { name: 'no', version: { value: '7' } } },
        NOT_FOUND,
        'Servable not found for request: Specific(no, 7)',
      ],
      [{ model_spec: { ...half, version_label: 'x' } }, INVALID, 'Unrecognized servable version label: x'],
      [{ model_spec: { name: 'loading' } }, UNAVAILABLE, /loading/],
      [
        { model_spec: { ...half, signature_name: 'none' } },
        FAILED_PRECONDITION,
        'Serving signature key "none" not found.',
      ],
      [
        { model_spec: { name: 'two_inputs' }, inputs: { a: x } },
        INVALID,
        'input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. Missing but required: {b}.',
      ],
      [
        { model_spec: half, inputs: { z: x } },
        INVALID,
        /^Signature input alias: x\(feed name: x\) not found in request and no default value provided/,
      ],
      [
        { model_spec: half, inputs: { x }, output_filter: ['z'] },
        INVALID,
        /^output tensor alias not found in signature: z/,
      ],
      [
        { model_spec: half, inputs: { x }, output_filter: ['y', 'y'] },
        INVALID,
        'duplicate output tensor alias: y',
      ],
      [
        { model_spec: half, inputs: { x: { ...x, tensor_shape: shape(-1) } } },
        INVALID,
        /^tensor parsing error: x/,
      ],
      [
        { model_spec: half, inputs: { x: { ...x, tensor_shape: { unknown_rank: true } } } },
        INVALID,
        /^tensor parsing error: x/,
      ],
      [{ model_spec: half, inputs: { x: { dtype: 'DT_COMPLEX64' } } }, INVALID, /^tensor parsing error: x/],
      [
        { model_spec: half, inputs: { x: { ...x, tensor_content: Buffer.alloc(3) } } },
        INVALID,
        /^tensor parsing error: x/,
      ],
      [
        { model_spec: half, inputs: { x: { ...floats(1, 2), tensor_shape: shape(1) } } },
        INVALID,
        /^tensor parsing error: x/,
      ],
      [{ model_spec: { name: 'echo_int64' }, inputs: { x } }, INVALID, /expected int64/],
    ];
    for (const [request, code, message] of cases) {
      const failure = await failureOf(client.call(`${PREDICTION}/Predict`, request));
      assert.equal(failure.code, code, failure.message);
      if (typeof message === 'string') assert.equal(failure.message, message);
      else assert.match(failure.message, message);
    }
  });

  test('the deadline of the call is that of the run; without one there is none', async (context) => {
    const { client, runtime, target } = await startGrpc(context, { rest_api_timeout_in_ms: 1 });
    const request = { model_spec: { name: 'half_plus_two' }, inputs: { x: floats(1) } };
    const leftMs = (): number => (runtime.submitted.at(-1)?.deadlineAtMs ?? 0) - performance.now();
    await client.call(`${PREDICTION}/Predict`, request, { deadline: Date.now() + 60_000 });
    assert.ok(leftMs() > 0 && leftMs() <= 60_000, String(leftMs()));
    await client.call(`${PREDICTION}/Predict`, request);
    assert.ok(leftMs() > 24 * 3_600_000, String(leftMs()));
    const session = connect(`http://${target}`);
    context.after(() => session.destroy());
    const statusWith = async (timeout: string): Promise<string | undefined> => {
      const head = {
        ':method': 'POST',
        ':path': `/${PREDICTION}/Predict`,
        'content-type': 'application/grpc',
      };
      const stream = session.request({ ...head, 'grpc-timeout': timeout });
      stream.end(framed(client.encode('tensorflow.serving.PredictRequest', request)));
      return (await replyOf(stream)).code;
    };
    const told = await Promise.all(
      ['1H', '30S', '99999999n', '1n', '5', 'S', '123456789m', '5x'].map(statusWith),
    );
    assert.deepEqual(told, ['0', '0', '0', '4', '3', '3', '3', '3']);
  });

  test('a few bytes cannot ask for much memory', async (context) => {
    const { client } = await startGrpc(context);
    const asked = async (...dims: number[]): Promise<number> =>
      (
        await failureOf(
          echo(client, 'echo_float32', { dtype: 'DT_FLOAT', tensor_shape: shape(...dims), float_val: [1] }),
        )
      ).code;
    assert.equal(await asked(2 ** 26), 8);
    assert.equal(await asked(2 ** 40), 8);
    assert.equal(await asked(2 ** 31, 2 ** 31), INVALID);
    assert.equal(await asked(1, 1, 1, 1, 1, 1, 1, 1, 1), 8);
    const image = await echo(client, 'echo_float32', {
      dtype: 'DT_FLOAT',
      tensor_shape: shape(1, 224, 224, 3),
      float_val: [1],
    });
    assert.equal((image['float_val'] as number[]).length, 224 * 224 * 3);
  });
});

describe('models', () => {
  test('metadata are the signatures, packed as Any', async (context) => {
    const { client } = await startGrpc(context);
    const get = (request: Message): Promise<Message> =>
      client.call(`${PREDICTION}/GetModelMetadata`, request);
    const request = { model_spec: { name: 'half_plus_two' }, metadata_field: ['signature_def'] };
    const reply = await get(request);
    assert.deepEqual(reply['model_spec'], {
      name: 'half_plus_two',
      version: { value: '123' },
      signature_name: '',
      version_choice: 'version',
    });
    const { signature_def: packed } = reply['metadata'] as Record<
      string,
      { type_url: string; value: Buffer }
    >;
    assert.equal(packed?.type_url, 'type.googleapis.com/tensorflow.serving.SignatureDefMap');
    const { signature_def: signatures } = client.decode(
      'tensorflow.serving.SignatureDefMap',
      packed?.value,
    ) as {
      signature_def: Record<string, unknown>;
    };
    assert.deepEqual(signatures['strict'], {
      inputs: {
        x: {
          name: 'x',
          dtype: 'DT_FLOAT',
          tensor_shape: {
            dim: [
              { size: '-1', name: '' },
              { size: '3', name: '' },
            ],
            unknown_rank: false,
          },
        },
      },
      outputs: {
        y: {
          name: 'y',
          dtype: 'DT_FLOAT',
          tensor_shape: {
            dim: [
              { size: '-1', name: '' },
              { size: '3', name: '' },
            ],
            unknown_rank: false,
          },
        },
      },
      defaults: {},
      method_name: 'tensorflow/serving/predict',
    });
    assert.deepEqual(await failureOf(get({ ...request, metadata_field: [] })), {
      code: INVALID,
      message: 'GetModelMetadataRequest must specify at least one metadata_field',
    });
    assert.deepEqual(await failureOf(get({ ...request, metadata_field: ['x'] })), {
      code: INVALID,
      message: 'Metadata field x is not supported',
    });
  });

  test('status has all versions, the newest first, or the one that is asked for', async (context) => {
    const { client } = await startGrpc(context);
    const status = async (spec: Message): Promise<unknown> =>
      (await client.call('tensorflow.serving.ModelService/GetModelStatus', { model_spec: spec }))[
        'model_version_status'
      ];
    const available = { version: '123', state: 'AVAILABLE', status: { error_code: 0, error_message: '' } };
    assert.deepEqual(await status({ name: 'half_plus_two' }), [
      { version: '124', state: 'END', status: { error_code: 9, error_message: 'opset 99 is not known' } },
      available,
    ]);
    assert.deepEqual(await status({ name: 'half_plus_two', version: { value: '123' } }), [available]);
    assert.deepEqual(await failureOf(status({ name: 'no' })), {
      code: NOT_FOUND,
      message: 'Could not find any versions of model no',
    });
  });

  test('examples are refused as far as they are understood', async (context) => {
    const { client } = await startGrpc(context);
    const half = { name: 'half_plus_two' };
    const input = { example_list: { examples: [Buffer.from('x')] } };
    const cases: readonly [string, Message, number, RegExp][] = [
      ['Classify', {}, INVALID, /^Missing ModelSpec$/],
      [
        'Classify',
        { model_spec: { ...half, signature_name: 'z' } },
        INVALID,
        /^No signature was found with the name: z$/,
      ],
      [
        'Classify',
        { model_spec: { ...half, signature_name: 'no_inputs' } },
        INVALID,
        /^Expected one input Tensor\.$/,
      ],
      ['Classify', { model_spec: half }, INVALID, /^No classification inputs found in SignatureDef: /],
      [
        'Classify',
        { model_spec: { ...half, signature_name: 'classify_x' } },
        INVALID,
        /^Expected one or two output Tensors, found 0$/,
      ],
      ['Regress', { model_spec: half }, INVALID, /^No regression inputs found in SignatureDef: /],
      ['MultiInference', { tasks: [] }, INVALID, /^Missing ModelSpec$/],
      [
        'MultiInference',
        { tasks: [{ model_spec: { ...half, signature_name: 'z' } }] },
        INVALID,
        /^Requested signature not found in model graph: z$/,
      ],
      [
        'MultiInference',
        { tasks: [{ model_spec: half, method_name: 'm' }] },
        UNIMPLEMENTED,
        /^Unsupported signature method_name: m$/,
      ],
    ];
    for (const [method, request, code, message] of cases) {
      const failure = await failureOf(client.call(`${PREDICTION}/${method}`, request));
      assert.deepEqual([failure.code, method], [code, method], failure.message);
      assert.match(failure.message, message);
    }
    const task = (spec: Message, method = 'tensorflow/serving/classify'): Message => ({
      model_spec: spec,
      method_name: method,
    });
    const several = (...tasks: Message[]): Promise<unknown> =>
      failureOf(client.call(`${PREDICTION}/MultiInference`, { tasks, input }));
    assert.deepEqual(await several(task(half), task(half)), {
      code: INVALID,
      message: 'Duplicate evaluation of signature: serving_default',
    });
    assert.deepEqual(await several(task(half), task({ name: 'strings' })), {
      code: INVALID,
      message: 'All ModelSpecs in a MultiInferenceRequest must access the same model name.',
    });
    assert.deepEqual(await several(task(half), task({})), {
      code: INVALID,
      message: 'Found ModelSpec with an empty model name.',
    });
    assert.equal(((await several(task(half))) as { code: number }).code, UNIMPLEMENTED);
  });
});
