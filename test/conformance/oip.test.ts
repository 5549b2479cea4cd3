/** The Open Inference Protocol over a fake runtime: what its clients send and get. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeStrings } from '../../src/tensor/strings.ts';
import { FakeCall, fakeServer } from './fake-server.ts';
import { conformanceRuntime } from './models.ts';
import { errorOf, get, infer, parts, send, x } from './oip-calls.ts';

describe('inference', () => {
  test('answers with model, version, id and all outputs, flat', () => {
    const call = infer('half_plus_two', { id: 'é"1', ...(x([[1, 2, 5]], [1, 3]) as object) });
    assert.equal(call.contentType, 'application/json');
    assert.equal(
      call.replyBody,
      '{"id":"é\\"1","model_name":"half_plus_two","model_version":"123","outputs":' +
        '[{"name":"y","datatype":"FP32","shape":[1,3],"data":[2.5,3.0,4.5]}]}',
    );
  });

  test('takes members in any order and leaves unknown ones out', () => {
    const request =
      '{"extra":[{}],"inputs":[{"data":[1,2],"other":null,"datatype":"FP32","shape":[2],"name":"x"}]}';
    assert.deepEqual(parts(infer('half_plus_two', request)).json.outputs[0]?.data, [2.5, 3]);
  });

  test('gives the outputs that are asked for, in their order', () => {
    const inputs = [
      { name: 'a', shape: [1], datatype: 'FP32', data: [0.5] },
      { name: 'b', shape: [1, 2], datatype: 'INT64', data: [[1, 2]] },
    ];
    const names = (outputs?: unknown): string[] =>
      parts(infer('two_inputs', { inputs, outputs })).json.outputs.map(({ name }) => name);
    assert.deepEqual(names(), ['b', 'a']);
    assert.deepEqual(names([{ name: 'a' }, { name: 'b' }]), ['a', 'b']);
    assert.deepEqual(names([{ name: 'a' }]), ['a']);
  });

  test('keeps integers beyond 2^53 and not-finite numbers', () => {
    const big =
      '{"inputs":[{"name":"x","shape":[2],"datatype":"UINT64","data":[18446744073709551615,9007199254740993]}]}';
    assert.match(infer('echo_uint64', big).replyBody, /"data":\[18446744073709551615,9007199254740993\]/);
    const odd = '{"inputs":[{"name":"x","shape":[3],"datatype":"FP64","data":[NaN,Infinity,-Infinity]}]}';
    assert.match(infer('echo_float64', odd).replyBody, /"data":\[NaN,Infinity,-Infinity\]/);
  });

  test('takes scalars, tensors without elements, booleans as numbers', () => {
    const output = (call: FakeCall): unknown => parts(call).json.outputs[0];
    const y = (datatype: string, shape: number[], data: unknown[]): unknown => ({
      name: 'y',
      datatype,
      shape,
      data,
    });
    assert.deepEqual(output(infer('echo_int32', x([7], [], 'INT32'))), y('INT32', [], [7]));
    assert.deepEqual(output(infer('echo_int8', x([], [0, 3], 'INT8'))), y('INT8', [0, 3], []));
    assert.deepEqual(output(infer('echo_int8', x([[], []], [2, 0], 'INT8'))), y('INT8', [2, 0], []));
    assert.deepEqual(
      output(infer('echo_bool', x([true, 0, 1, false], [4], 'BOOL'))),
      y('BOOL', [4], [true, false, true, false]),
    );
    assert.deepEqual(
      output(infer('echo_string', x([['ü', '']], [1, 2], 'BYTES'))),
      y('BYTES', [1, 2], ['ü', '']),
    );
  });

  test('a version by number or by label', () => {
    const at = (version: string): number => infer(`half_plus_two/versions/${version}`, x([1], [1])).status;
    assert.deepEqual(
      [at('123'), at('stable'), at('124'), at('7'), at('99999999999999999999'), at('0'.repeat(30) + '123')],
      [200, 200, 503, 404, 400, 200],
    );
  });
});

describe('binary tensors', () => {
  const half = Buffer.from(Float32Array.of(1, 2, 5).buffer);
  const input = (sizeBytes: number): object => ({
    name: 'x',
    shape: [3],
    datatype: 'FP32',
    parameters: { binary_data_size: sizeBytes },
  });

  test('in, with JSON out', () => {
    const { json } = parts(infer('half_plus_two', { inputs: [input(12)] }, half));
    assert.deepEqual(json.outputs[0]?.data, [2.5, 3, 4.5]);
  });

  test('out, by request and by output', () => {
    const wanted = Buffer.from(Float32Array.of(2.5, 3, 4.5).buffer);
    for (const asked of [
      { parameters: { binary_data_output: true } },
      { outputs: [{ name: 'y', parameters: { binary_data: true } }] },
    ]) {
      const call = infer('half_plus_two', { inputs: [input(12)], ...asked }, half);
      const { json, binary } = parts(call);
      assert.equal(call.contentType, 'application/octet-stream');
      assert.deepEqual(json.outputs[0], {
        name: 'y',
        datatype: 'FP32',
        shape: [3],
        parameters: { binary_data_size: 12 },
      });
      assert.deepEqual(binary, wanted);
    }
    const outputs = [{ name: 'y', parameters: { binary_data: false } }];
    const call = infer(
      'half_plus_two',
      { inputs: [input(12)], parameters: { binary_data_output: true }, outputs },
      half,
    );
    assert.equal(call.contentType, 'application/json');
  });

  test('mixed with JSON, in the order of the JSON', () => {
    const inputs = [
      { name: 'a', shape: [1], datatype: 'FP32', data: [0.5] },
      { name: 'b', shape: [1, 2], datatype: 'INT64', parameters: { binary_data_size: 16 } },
    ];
    const { json } = parts(infer('two_inputs', { inputs }, Buffer.from(BigInt64Array.of(-1n, 3n).buffer)));
    assert.deepEqual(
      json.outputs.map(({ data }) => data),
      [[-1, 3], [0.5]],
    );
  });

  test('raw requests: one tensor and no JSON', () => {
    const raw = { 'inference-header-content-length': '0' };
    const runtime = conformanceRuntime();
    const call = new FakeCall('POST', '/v2/models/strings/infer', Buffer.from([0xff, 0]), raw);
    fakeServer(runtime).send(call);
    runtime.flush();
    const { json, binary } = parts(call);
    assert.deepEqual(json.outputs[0], {
      name: 'text',
      datatype: 'BYTES',
      shape: [1],
      parameters: { binary_data_size: 6 },
    });
    assert.deepEqual(binary.subarray(0, 6), Buffer.from([2, 0, 0, 0, 0xff, 0]));
    assert.match(errorOf(send('/v2/models/two_inputs/infer', 'abcd', raw)), /one input, not 2/);
    assert.match(
      errorOf(send('/v2/models/half_plus_two/infer', 'abcd', raw)),
      /input "x": a raw request cannot tell its shape/,
    );
  });

  test('strings that JSON cannot hold are refused there and fine as bytes', () => {
    const bytes = encodeStrings([Uint8Array.of(0xff)]);
    const inputs = [{ name: 'x', shape: [1], datatype: 'BYTES', parameters: { binary_data_size: 5 } }];
    const refused = infer('echo_string', { inputs }, bytes);
    assert.match(errorOf(refused), /output "y" is not UTF-8/);
    const { binary } = parts(
      infer('echo_string', { inputs, parameters: { binary_data_output: true } }, bytes),
    );
    assert.deepEqual(binary, Buffer.from(bytes));
  });

  test('lengths that do not fit are refused by the name of the input', () => {
    const refusal = (sizeBytes: number, binary: Uint8Array): string =>
      errorOf(infer('half_plus_two', { inputs: [input(sizeBytes)] }, binary));
    assert.equal(
      refusal(16, half),
      'input "x": binary_data_size is 16, but 12 bytes are left behind the JSON, whose length inference-header-content-length says',
    );
    assert.equal(refusal(8, half.subarray(4)), 'input "x": float32[3] needs 12 bytes, not 8');
    assert.equal(
      refusal(12, Buffer.concat([half, half])),
      '12 bytes follow the tensors that the request names',
    );
    const both = { inputs: [{ ...input(12), data: [1, 2, 5] }] };
    assert.match(
      errorOf(infer('half_plus_two', both, half)),
      /input "x": it has both "data" and "binary_data_size"/,
    );
    const bools = { inputs: [{ ...input(3), datatype: 'BOOL' }] };
    assert.equal(
      errorOf(infer('echo_bool', bools, Uint8Array.of(0, 1, 2))),
      'input "x": byte 2 is no boolean: only 0 and 1 are',
    );
    const texts = { inputs: [{ ...input(4), shape: [1], datatype: 'BYTES' }] };
    assert.match(
      errorOf(infer('echo_string', texts, Uint8Array.of(9, 0, 0, 0))),
      /input "x": element 0 .* claims 9 bytes/,
    );
  });

  test('a header that is no length is refused', () => {
    for (const value of ['-1', 'x', '1e1', '999', '', '0x1'])
      assert.match(
        errorOf(send('/v2/models/half_plus_two/infer', '{}', { 'inference-header-content-length': value })),
        /inference-header-content-length is/,
        value,
      );
  });
});

describe('options of a request', () => {
  const submitted = (parameters: object): { priority: string; deadlineAtMs: number } => {
    const runtime = conformanceRuntime();
    const body = JSON.stringify({ parameters, ...(x([1], [1]) as object) });
    fakeServer(runtime).send(new FakeCall('POST', '/v2/models/half_plus_two/infer', body));
    const [request] = runtime.submitted;
    assert.ok(request);
    return request;
  };

  test('timeout is in microseconds, 0 is none', () => {
    const none = submitted({}).deadlineAtMs;
    assert.equal(submitted({ timeout: 0 }).deadlineAtMs, none);
    assert.equal(submitted({ timeout: 2500 }).deadlineAtMs, 1002.5);
  });

  test('null stands for what is absent', () => {
    const nulls = '"id":null,"parameters":null,"outputs":null';
    const body = `{${nulls},"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"parameters":null}]}`;
    assert.deepEqual(parts(infer('half_plus_two', body)).json.outputs[0]?.data, [2.5]);
  });

  test('priority 1 is the highest, 0 the default', () => {
    const priorities = [0, 1, 2 ** 64].map((priority) => submitted({ priority }).priority);
    assert.deepEqual(priorities, ['interactive', 'interactive', 'batch']);
  });

  test('classification names the greatest elements of each row', () => {
    const outputs = [{ name: 'y', parameters: { classification: 3 } }];
    const classes = (data: string, shape: number[]): unknown => {
      const input = `{"name":"x","shape":${JSON.stringify(shape)},"datatype":"FP32","data":${data}}`;
      const body = `{"inputs":[${input}],"outputs":${JSON.stringify(outputs)}}`;
      const [output] = parts(infer('half_plus_two', body)).json.outputs;
      return { shape: output?.shape, data: output?.data };
    };
    assert.deepEqual(classes('[0,6,6,NaN,3,2,1,0]', [2, 4]), {
      shape: [2, 3],
      data: ['5.000000:1', '5.000000:2', '2.000000:0', '3.500000:0', '3.000000:1', '2.500000:2'],
    });
    assert.deepEqual(classes('[NaN,-Infinity,1]', [1, 3]), {
      shape: [1, 3],
      data: ['2.500000:2', '-Infinity:1', 'NaN:0'],
    });
    assert.deepEqual(classes('[1,5]', [2]), { shape: [2, 1], data: ['2.500000:0', '4.500000:0'] });
  });
});

describe('metadata, readiness, repository', () => {
  test('of the server', () => {
    for (const path of ['/v2', '/v2/']) {
      const body = JSON.parse(get(path).replyBody) as { name: string; extensions: string[] };
      assert.equal(body.name, 'skylift');
      assert.ok(body.extensions.includes('binary_tensor_data'));
    }
  });

  test('of a model', () => {
    assert.deepEqual(JSON.parse(get('/v2/models/two_inputs/versions/123').replyBody), {
      name: 'two_inputs',
      versions: ['123'],
      platform: 'onnx_onnxv1',
      inputs: [
        { name: 'b', datatype: 'INT64', shape: [-1, 2] },
        { name: 'a', datatype: 'FP32', shape: [-1] },
      ],
      outputs: [
        { name: 'b', datatype: 'INT64', shape: [-1, 2] },
        { name: 'a', datatype: 'FP32', shape: [-1] },
      ],
    });
  });

  test('a model that loads is not ready, an unknown one is not found', () => {
    const ready = (model: string): [number, unknown] => {
      const call = get(`/v2/models/${model}/ready`);
      return [call.status, JSON.parse(call.replyBody)];
    };
    assert.deepEqual(ready('half_plus_two'), [200, { name: 'half_plus_two', ready: true }]);
    assert.deepEqual(ready('loading/versions/1'), [
      503,
      { name: 'loading/versions/1'.split('/')[0], ready: false },
    ]);
    assert.equal(ready('nobody')[0], 404);
  });

  test('the index has every version with its state and why', () => {
    const index = (body: string): { name: string; version: string; state: string; reason: string }[] =>
      JSON.parse(send('/v2/repository/index', body).replyBody) as ReturnType<typeof index>;
    const failed = index('').find(({ version }) => version === '124');
    assert.deepEqual(failed, {
      name: 'half_plus_two',
      version: '124',
      state: 'UNAVAILABLE',
      reason: 'opset 99 is not known',
    });
    assert.ok(index('{"ready":false}').some(({ state }) => state === 'LOADING'));
    assert.ok(index('{"ready":true}').every(({ state }) => state === 'READY'));
    assert.match(errorOf(send('/v2/repository/index', '[]')), /not an object/);
    assert.match(errorOf(send('/v2/repository/index', '{"ready":1}')), /not true or false/);
  });
});
