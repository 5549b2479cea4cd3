/** The Open Inference Protocol over a fake runtime: what its clients send, and what they must be told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ARRAY_OF_TYPE } from '../../src/tensor/packed.ts';
import { encodeStrings } from '../../src/tensor/strings.ts';
import { ELEMENT_BYTES } from '../../src/tensor/tensor.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { tensorValues } from '../../src/tensor/values.ts';
import { FakeCall, fakeServer } from './fake-server.ts';
import { conformanceRuntime } from './models.ts';

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data?: readonly unknown[];
  readonly parameters?: { readonly binary_data_size: number };
}

interface Reply {
  readonly id?: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly Output[];
}

const DATATYPES = {
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  float16: 'FP16',
  bfloat16: 'BF16',
  float32: 'FP32',
  float64: 'FP64',
  bool: 'BOOL',
} as const;

const NO_BYTES = Buffer.alloc(0);

/** Sends a request to `model` and runs it; `binary` follows the JSON. */
function infer(model: string, request: unknown, binary: Uint8Array = NO_BYTES): FakeCall {
  const json = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request));
  const headers: Record<string, string> =
    binary.length === 0 ? {} : { 'inference-header-content-length': String(json.length) };
  return send(`/v2/models/${model}/infer`, Buffer.concat([json, binary]), headers);
}

function send(path: string, body: Uint8Array | string, headers: Record<string, string> = {}): FakeCall {
  const runtime = conformanceRuntime();
  const call = fakeServer(runtime).send(new FakeCall('POST', path, body, headers));
  runtime.flush();
  return call;
}

function get(path: string): FakeCall {
  return fakeServer(conformanceRuntime()).send(new FakeCall('GET', path));
}

const errorOf = (call: FakeCall): string => (JSON.parse(call.replyBody) as { error: string }).error;

/** The JSON of a reply and the bytes behind it. */
function parts(call: FakeCall): { json: Reply; binary: Buffer } {
  assert.equal(call.status, 200, call.replyBody);
  const length = Number(call.replyHeaders['inference-header-content-length'] ?? call.replyBytes.length);
  return {
    json: JSON.parse(call.replyBytes.toString('utf8', 0, length)) as Reply,
    binary: call.replyBytes.subarray(length),
  };
}

const x = (data: unknown, shape: readonly number[], datatype = 'FP32'): unknown => ({
  inputs: [{ name: 'x', shape, datatype, data }],
});

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
      [at('123'), at('stable'), at('124'), at('7'), at('99999999999999999999')],
      [200, 200, 503, 404, 400],
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
    assert.match(errorOf(send('/v2/models/half_plus_two/infer', 'abcd', raw)), /cannot tell the shape/);
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
    assert.equal(refusal(16, half), 'input "x": binary_data_size is 16, but 12 bytes are left');
    assert.equal(refusal(8, half.subarray(4)), 'input "x": float32[3] needs 12 bytes, not 8');
    assert.equal(
      refusal(12, Buffer.concat([half, half])),
      '12 bytes follow the tensors that the request names',
    );
    const both = { inputs: [{ ...input(12), data: [1, 2, 5] }] };
    assert.match(errorOf(infer('half_plus_two', both, half)), /input "x": it has not exactly one of/);
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

describe('requests that are refused', () => {
  const cases: readonly [string, string, RegExp][] = [
    ['no object', '[]', /the request is not an object/],
    ['no JSON', '{"inputs":', /JSON Parse error/],
    ['bytes behind the object', '{"inputs":[]} x', /bytes follow the JSON/],
    ['no inputs', '{}', /the request has no "inputs"/],
    ['a member twice', '{"id":"1","id":"2","inputs":[]}', /the request has two members "id"/],
    ['an id that is no string', '{"id":1,"inputs":[]}', /"id" is not a string/],
    ['an input that is missing', '{"inputs":[]}', /input "x" is missing; given: none/],
    ['an unknown output', '{"inputs":[],"outputs":[{"name":"z"}]}', /the model has no output "z"; it has: y/],
    [
      'an output twice',
      '{"inputs":[],"outputs":[{"name":"y"},{"name":"y"}]}',
      /an output is asked for twice/,
    ],
    [
      'a parameter that is a list',
      '{"parameters":{"a":[]},"inputs":[]}',
      /"a" is not a string, number or boolean/,
    ],
    ['a sequence', '{"parameters":{"sequence_id":7},"inputs":[]}', /sequences .* are not supported/],
    [
      'a timeout that is no number',
      '{"parameters":{"timeout":"1"},"inputs":[]}',
      /parameter "timeout" is not a whole number/,
    ],
  ];
  for (const [name, body, error] of cases)
    test(name, () => assert.match(errorOf(infer('half_plus_two', body)), error));

  const inputs: readonly [string, string, RegExp][] = [
    ['no name', '{"shape":[1],"datatype":"FP32","data":[1]}', /an input has no "name"/],
    ['no shape', '{"name":"x","datatype":"FP32","data":[1]}', /input "x" has no "shape"/],
    ['no datatype', '{"name":"x","shape":[1],"data":[1]}', /input "x" has no "datatype"/],
    ['no data', '{"name":"x","shape":[1],"datatype":"FP32"}', /input "x": it has not exactly one of/],
    [
      'an unknown datatype',
      '{"name":"x","shape":[1],"datatype":"FLOAT","data":[1]}',
      /"FLOAT" is no datatype/,
    ],
    [
      'a negative dimension',
      '{"name":"x","shape":[-1],"datatype":"FP32","data":[1]}',
      /no whole number from 0 on/,
    ],
    [
      'fewer elements than the shape',
      '{"name":"x","shape":[3],"datatype":"FP32","data":[1]}',
      /shape is \[3\], but data has the shape \[1\]/,
    ],
    [
      'another nesting than the shape',
      '{"name":"x","shape":[2,3],"datatype":"FP32","data":[[1,2],[3,4],[5,6]]}',
      /shape is \[2, 3\], but data has the shape \[3, 2\]/,
    ],
    [
      'ragged lists',
      '{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3]]}',
      /the lists are not nested alike at offset/,
    ],
    [
      'text for a number',
      '{"name":"x","shape":[1],"datatype":"FP32","data":["1"]}',
      /input "x": the element at offset \d+ is not a number, as FP32 needs/,
    ],
    [
      'a fraction for an integer',
      '{"name":"x","shape":[1],"datatype":"INT32","data":[1.5]}',
      /is not an integer, as INT32 needs/,
    ],
    [
      'a number out of range',
      '{"name":"x","shape":[1],"datatype":"UINT8","data":[256]}',
      /is beyond what UINT8 holds/,
    ],
    [
      'a number that is no boolean',
      '{"name":"x","shape":[1],"datatype":"BOOL","data":[2]}',
      /is not true, false, 0 or 1/,
    ],
    ['a number for a string', '{"name":"x","shape":[1],"datatype":"BYTES","data":[2]}', /is not a string/],
    ['data that is no list', '{"name":"x","shape":[],"datatype":"FP32","data":1}', /"data" is not an array/],
    [
      'another datatype than the model',
      '{"name":"x","shape":[1],"datatype":"INT32","data":[1]}',
      /expected float32 .*, got int32/,
    ],
  ];
  for (const [name, input, error] of inputs)
    test(`an input with ${name}`, () => {
      const call = infer('half_plus_two', `{"inputs":[${input}]}`);
      assert.equal(call.status, 400);
      assert.match(errorOf(call), error);
    });

  test('an input twice', () => {
    const { inputs: one } = x([1], [1]) as { inputs: unknown[] };
    assert.match(errorOf(infer('half_plus_two', { inputs: [...one, ...one] })), /an input comes twice/);
  });

  test('too many dimensions', () => {
    const call = infer('half_plus_two', x([1], [1, 1, 1, 1, 1, 1, 1, 1, 1]));
    assert.match(errorOf(call), /max_tensor_rank \(8\)/);
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

  test('priority 1 is the highest, 0 the default', () => {
    const priorities = [0, 1, 2].map((priority) => submitted({ priority }).priority);
    assert.deepEqual(priorities, ['interactive', 'interactive', 'batch']);
  });

  test('classification names the greatest elements', () => {
    const outputs = [{ name: 'y', parameters: { classification: 2 } }];
    const request = {
      ...(x(
        [
          [0, 6, 6, 'NaN'],
          [3, 2, 1, 0],
        ],
        [2, 4],
      ) as object),
      outputs,
    };
    const body = JSON.stringify(request).replace('"NaN"', 'NaN');
    const { json } = parts(infer('half_plus_two', body));
    assert.deepEqual(json.outputs[0], {
      name: 'y',
      datatype: 'BYTES',
      shape: [2, 2],
      data: ['5.000000:1', '5.000000:2', '3.500000:0', '3.000000:1'],
    });
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

describe('properties', () => {
  const dtype = fc.constantFrom(...(Object.keys(DATATYPES) as (keyof typeof DATATYPES)[]));
  const shape = fc.array(fc.nat({ max: 3 }), { maxLength: 4 });

  test('JSON flat, JSON nested and binary give the same tensor, and come back bit for bit', () => {
    fc.assert(
      fc.property(dtype, shape, fc.infiniteStream(fc.nat({ max: 255 })), (type, dims, random) => {
        const tensor = randomTensor(type, dims, random);
        const datatype = DATATYPES[type];
        const flat = jsonText(tensorValues(tensor));
        const nested = dims.length === 0 ? flat : jsonText(nest(tensorValues(tensor), dims));
        const sized = `"parameters":{"binary_data_size":${tensor.bytes.length}}`;
        const request = (content: string): string =>
          `{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[${dims.join(',')}],"datatype":"${datatype}",${content}}]}`;
        const calls = [
          infer(`echo_${type}`, request(`"data":${flat}`)),
          infer(`echo_${type}`, request(`"data":${nested}`)),
          binaryCall(type, request(sized), tensor.bytes),
        ];
        for (const call of calls) {
          const { json, binary } = parts(call);
          assert.deepEqual(json.outputs[0]?.shape, dims);
          assert.deepEqual(binary, Buffer.from(tensor.bytes));
        }
      }),
      { numRuns: 600 },
    );
  });

  test('changed and cut requests are answered once, with 200 or a coded 4xx', () => {
    const good = Buffer.concat([
      Buffer.from(
        '{"id":"a","parameters":{"binary_data_output":true,"timeout":5},"inputs":[{"name":"x","shape":[2,1],"datatype":"FP32","parameters":{"binary_data_size":8}}],"outputs":[{"name":"y","parameters":{"classification":1}}]}',
      ),
      Buffer.from(Float32Array.of(1, 2).buffer),
    ]);
    const edit = fc.record({
      at: fc.nat(),
      byte: fc.constantFrom(...Buffer.from('[]{}",:.-+eE019 truenlNaIf\\\u0000\u00ff', 'latin1')),
    });
    const length = fc.oneof(fc.constant(good.length - 8), fc.nat({ max: good.length }));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 4 }), length, fc.nat({ max: 40 }), (edits, header, cut) => {
        const bytes = Buffer.from(good);
        for (const { at, byte } of edits) bytes[at % bytes.length] = byte;
        const call = send('/v2/models/half_plus_two/infer', bytes.subarray(0, bytes.length - cut), {
          'inference-header-content-length': String(header),
        });
        if (call.status === 200) return;
        assert.ok((call.status >= 400 && call.status < 500) || call.status === 501, call.replyBody);
        assert.match(call.notes.find(([field]) => field === 'error')?.[1] ?? '', /^SKY_[A-Z_]+$/);
      }),
      { numRuns: 3000 },
    );
  });
});

function binaryCall(type: string, json: string, bytes: Uint8Array): FakeCall {
  const headers = { 'inference-header-content-length': String(Buffer.byteLength(json)) };
  return send(`/v2/models/echo_${type}/infer`, Buffer.concat([Buffer.from(json), bytes]), headers);
}

function randomTensor(
  type: keyof typeof DATATYPES,
  dims: readonly number[],
  random: Iterator<number>,
): Tensor & { dtype: keyof typeof DATATYPES } {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const next = (): number => Number(random.next().value);
  const bytes = Uint8Array.from({ length: count * ELEMENT_BYTES[type] }, () =>
    type === 'bool' ? next() % 2 : next(),
  );
  // NaN has many bit patterns, of which text keeps none
  if (/float/.test(type))
    for (let i = ELEMENT_BYTES[type] - 1; i < bytes.length; i += ELEMENT_BYTES[type])
      bytes[i] = (bytes[i] ?? 0) & 0x3b;
  assert.ok(new ARRAY_OF_TYPE[type](bytes.buffer).length === count);
  return { dtype: type, dims, bytes };
}

function nest(values: readonly unknown[], dims: readonly number[]): unknown {
  if (dims.length <= 1) return values;
  const [rows = 0, ...rest] = dims;
  const size = rest.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: rows }, (_, row) => nest(values.slice(row * size, (row + 1) * size), rest));
}

/** As JSON.stringify, with bigints as numbers and the sign of -0. */
function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  return Object.is(value, -0) ? '-0' : String(value);
}
