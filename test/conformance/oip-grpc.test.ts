/** The Open Inference Protocol over gRPC and the health service, over a fake runtime: what clients send and get. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeStrings } from '../../src/tensor/strings.ts';
import { failureOf } from '../grpc/grpc-client.ts';
import type { GrpcClient, Message } from '../grpc/grpc-client.ts';
import { startGrpc } from './grpc-server.ts';

const SERVICE = 'inference.GRPCInferenceService';
const HEALTH = 'grpc.health.v1.Health/Check';
const INVALID = 3;
const NOT_FOUND = 5;
const TOO_LARGE = 8;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

const infer = (client: GrpcClient, request: Message): Promise<Message> =>
  client.call(`${SERVICE}/ModelInfer`, request);

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly contents: Readonly<Record<string, unknown>> | null;
}

const outputsOf = (reply: Message): readonly Output[] => reply['outputs'] as Output[];
const input = (name: string, datatype: string, shape: readonly number[], contents?: Message): Message => ({
  name,
  datatype,
  shape,
  contents,
});

describe('inference', () => {
  const TYPED: readonly [datatype: string, model: string, field: string, values: readonly unknown[]][] = [
    ['BOOL', 'bool', 'bool_contents', [true, false]],
    ['INT8', 'int8', 'int_contents', [-128, 127]],
    ['INT16', 'int16', 'int_contents', [-32768, 32767]],
    ['INT32', 'int32', 'int_contents', [-(2 ** 31), 2 ** 31 - 1]],
    ['INT64', 'int64', 'int64_contents', ['-9223372036854775808', '9007199254740993']],
    ['UINT8', 'uint8', 'uint_contents', [0, 255]],
    ['UINT16', 'uint16', 'uint_contents', [0, 65535]],
    ['UINT32', 'uint32', 'uint_contents', [0, 2 ** 32 - 1]],
    ['UINT64', 'uint64', 'uint64_contents', ['0', '18446744073709551615']],
    ['FP32', 'float32', 'fp32_contents', [0.5, -Infinity]],
    ['FP64', 'float64', 'fp64_contents', [0.1, 1e300]],
    ['BYTES', 'string', 'bytes_contents', [Buffer.from('ü'), Buffer.from([0xff])]],
  ];

  for (const [datatype, model, field, values] of TYPED)
    test(`${datatype} comes back typed when it was sent typed`, async (context) => {
      const { client } = await startGrpc(context);
      const reply = await infer(client, {
        model_name: `echo_${model}`,
        id: 'seven',
        inputs: [input('x', datatype, [2], { [field]: values })],
      });
      const [y] = outputsOf(reply);
      assert.deepEqual(
        [reply['model_name'], reply['model_version'], reply['id']],
        [`echo_${model}`, '123', 'seven'],
      );
      assert.deepEqual(
        [y?.name, y?.datatype, y?.shape, y?.contents?.[field]],
        ['y', datatype, ['2'], values],
      );
      assert.deepEqual(reply['raw_output_contents'], []);
    });

  const RAW: readonly [datatype: string, model: string, bytes: Uint8Array][] = [
    ['FP16', 'float16', Buffer.from(Uint16Array.of(0x3c00, 0xfbff).buffer)],
    ['BF16', 'bfloat16', Buffer.from(Uint16Array.of(0x3f80, 0xff7f).buffer)],
    ['FP32', 'float32', Buffer.from(Float32Array.of(1, 2).buffer)],
    ['BYTES', 'string', encodeStrings(['a', 'bc'])],
  ];

  for (const [datatype, model, bytes] of RAW)
    test(`${datatype} comes back raw when it was sent raw`, async (context) => {
      const { client } = await startGrpc(context);
      const reply = await infer(client, {
        model_name: `echo_${model}`,
        inputs: [input('x', datatype, [2])],
        raw_input_contents: [bytes],
      });
      assert.deepEqual(reply['raw_output_contents'], [Buffer.from(bytes)]);
      assert.equal(outputsOf(reply)[0]?.contents, null);
    });

  test('outputs are those that are asked for, in their order, or the names of their greatest elements', async (context) => {
    const { client } = await startGrpc(context);
    const request = {
      model_name: 'two_inputs',
      inputs: [
        input('a', 'FP32', [1], { fp32_contents: [0.5] }),
        input('b', 'INT64', [1, 2], { int64_contents: ['5', '7'] }),
      ],
    };
    const names = async (...outputs: string[]): Promise<string[]> =>
      outputsOf(await infer(client, { ...request, outputs: outputs.map((name) => ({ name })) })).map(
        ({ name }) => name,
      );
    assert.deepEqual(await names(), ['b', 'a']);
    assert.deepEqual(await names('a', 'b'), ['a', 'b']);
    const [top] = outputsOf(
      await infer(client, {
        ...request,
        outputs: [{ name: 'b', parameters: { classification: { int64_param: '1' } } }],
      }),
    );
    assert.deepEqual([top?.datatype, top?.contents?.['bytes_contents']], ['BYTES', [Buffer.from('7:1')]]);
  });

  test('wrong requests are refused with what is wrong', async (context) => {
    const { client } = await startGrpc(context, { max_json_members: 8 });
    const x = input('x', 'FP32', [2], { fp32_contents: [1, 2] });
    const half = { model_name: 'half_plus_two', inputs: [x] };
    const bytes = Buffer.alloc(8);
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`p${i}`, { bool_param: true }]));
    const cases: readonly [Message, number, RegExp][] = [
      [{}, NOT_FOUND, /Latest\(\)/],
      [{ ...half, model_name: 'no' }, NOT_FOUND, /^Servable not found for request: Latest\(no\)$/],
      [{ ...half, model_version: '7' }, NOT_FOUND, /Specific\(half_plus_two, 7\)/],
      [{ ...half, model_version: '99999999999999999999' }, INVALID, /numeric/],
      [{ ...half, model_name: 'loading' }, UNAVAILABLE, /loading/],
      [{ ...half, inputs: [] }, INVALID, /input "x" is missing/],
      [{ ...half, inputs: [x, x] }, INVALID, /more inputs than the model has; it has: x/],
      [{ ...half, inputs: [{ ...x, datatype: 'FLOAT' }] }, INVALID, /"FLOAT" is no datatype/],
      [{ ...half, inputs: [{ ...x, shape: [3] }] }, INVALID, /input "x": there are 2 values for 3 elements/],
      [
        { ...half, inputs: [{ ...x, shape: [1] }] },
        INVALID,
        /input "x": there are more values than the 1 elements/,
      ],
      [{ ...half, inputs: [{ ...x, shape: [-1] }] }, INVALID, /input "x": dimension -1/],
      [{ ...half, inputs: [{ ...x, shape: [2, 2 ** 40] }] }, TOO_LARGE, /max_tensor_elements/],
      [{ ...half, inputs: [{ ...x, shape: Array(9).fill(1) }] }, TOO_LARGE, /max_tensor_rank/],
      [{ ...half, inputs: [input('x', 'FP16', [0])] }, INVALID, /FP16 must come in raw_input_contents/],
      [{ ...half, raw_input_contents: [bytes] }, INVALID, /contents beside raw_input_contents/],
      [
        { ...half, inputs: [input('x', 'FP32', [3])], raw_input_contents: [bytes] },
        INVALID,
        /needs 12 bytes, not 8/,
      ],
      [{ ...half, inputs: [], raw_input_contents: [bytes] }, INVALID, /1 entries for 0 inputs/],
      [{ ...half, outputs: [{ name: 'z' }] }, INVALID, /no output "z"; it has: y/],
      [{ ...half, parameters: { sequence_id: { int64_param: '4' } } }, UNIMPLEMENTED, /sequence_id/],
      [
        { ...half, parameters: { timeout: { string_param: 'x' } } },
        INVALID,
        /"timeout" is not a whole number/,
      ],
      [{ ...half, parameters: many }, TOO_LARGE, /more than 8 parameters/],
    ];
    for (const [request, code, message] of cases) {
      const failure = await failureOf(infer(client, request));
      assert.match(failure.message, message);
      assert.equal(failure.code, code, failure.message);
    }
  });
});

describe('streamed inference', () => {
  test('each request has its answer; a wrong one has its error, and the stream goes on', async (context) => {
    const { client } = await startGrpc(context);
    const request = (model: string, id: string): Message => ({
      model_name: model,
      id,
      inputs: [input('x', 'FP32', [1], { fp32_contents: [1] })],
    });
    const answers = await client.stream(`${SERVICE}/ModelStreamInfer`, [
      request('half_plus_two', 'a'),
      request('nobody', 'b'),
      request('echo_int64', 'c'),
      request('half_plus_two', 'd'),
    ]);
    const told = answers.map(({ error_message: error, infer_response: reply }) =>
      reply === null ? error : (reply as Message)['id'],
    );
    assert.deepEqual(told.slice(0, 2), ['a', 'Servable not found for request: Latest(nobody)']);
    assert.match(String(told[2]), /expected int64/);
    assert.equal(told[3], 'd');
  });
});

describe('server and models', () => {
  test('live, ready, metadata and index', async (context) => {
    const { client, state } = await startGrpc(context);
    const ask = (method: string, request: Message = {}): Promise<Message> =>
      client.call(`${SERVICE}/${method}`, request);
    assert.deepEqual(await ask('ServerLive'), { live: true });
    assert.deepEqual(await ask('ServerReady'), { ready: true });
    state.ready = false;
    assert.deepEqual(await ask('ServerReady'), { ready: false });
    assert.deepEqual(await ask('ModelReady', { name: 'half_plus_two' }), { ready: true });
    assert.deepEqual(await ask('ModelReady', { name: 'loading' }), { ready: false });
    assert.deepEqual(await ask('ModelReady', { name: 'nobody' }), { ready: false });
    assert.equal((await ask('ServerMetadata'))['name'], 'skylift');
    assert.deepEqual(await ask('ModelMetadata', { name: 'two_inputs', version: '123' }), {
      name: 'two_inputs',
      versions: ['123'],
      platform: 'onnx_onnxv1',
      inputs: [
        { name: 'b', datatype: 'INT64', shape: ['-1', '2'] },
        { name: 'a', datatype: 'FP32', shape: ['-1'] },
      ],
      outputs: [
        { name: 'b', datatype: 'INT64', shape: ['-1', '2'] },
        { name: 'a', datatype: 'FP32', shape: ['-1'] },
      ],
    });
    const ready = (await ask('RepositoryIndex', { ready: true }))['models'] as Message[];
    assert.ok(ready.every((entry) => entry['state'] === 'READY'));
    const all = (await ask('RepositoryIndex'))['models'] as Message[];
    assert.ok(all.some((entry) => entry['version'] === '124' && entry['reason'] === 'opset 99 is not known'));
  });

  test('a watcher hears of each change, and the end of the server', async (context) => {
    const { client, state, server } = await startGrpc(context, { drain_idle_ms: 5 });
    const told: unknown[] = [];
    const ended = client.watch('grpc.health.v1.Health/Watch', { service: '' }, ({ status }) => {
      told.push(status);
      state.ready = false;
      if (status === 'NOT_SERVING') void server.drain();
    });
    assert.equal(await ended, UNAVAILABLE);
    assert.deepEqual(told, ['SERVING', 'NOT_SERVING']);
  });

  test('a watcher of what nobody knows waits for it; when it leaves, nothing remains', async (context) => {
    const { client, server } = await startGrpc(context);
    const told: unknown[] = [];
    await client.watch('grpc.health.v1.Health/Watch', { service: 'nobody' }, ({ status }, cancel) => {
      told.push(status);
      cancel();
    });
    assert.deepEqual(told, ['SERVICE_UNKNOWN']);
    while (server.inflight() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('health is true for the server, its services and each model', async (context) => {
    const { client, state } = await startGrpc(context);
    const status = async (service: string): Promise<unknown> =>
      (await client.call(HEALTH, { service }))['status'];
    for (const service of ['', 'PredictionService', SERVICE, 'half_plus_two'])
      assert.equal(await status(service), 'SERVING', service);
    assert.equal(await status('loading'), 'NOT_SERVING');
    assert.deepEqual(await failureOf(status('nobody')), { code: NOT_FOUND, message: 'unknown service' });
    state.ready = false;
    assert.equal(await status(''), 'NOT_SERVING');
    assert.equal(await status('half_plus_two'), 'SERVING');
  });
});
