/** Routing, status, metadata, CORS, deadlines and cancellation of the REST adapter over a fake runtime. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeCall, fakeServer } from './fake-server.ts';
import type { ServerOptions } from './fake-server.ts';
import { conformanceRuntime } from './models.ts';

const BODY = '{"instances":[2]}';

function send(call: FakeCall, options: ServerOptions = {}): FakeCall {
  const runtime = conformanceRuntime();
  fakeServer(runtime, options).send(call);
  runtime.flush();
  return call;
}

const get = (path: string): FakeCall => send(new FakeCall('GET', path));
const errorOf = (call: FakeCall): string => (JSON.parse(call.replyBody) as { error: string }).error;

describe('paths', () => {
  test('match in any case', () => {
    assert.equal(send(new FakeCall('POST', '/V1/Models/half_plus_two:predict', BODY)).status, 200);
    assert.equal(
      send(new FakeCall('POST', '/v1/models/half_plus_two/VERSIONS/123:predict', BODY)).status,
      200,
    );
  });

  test('but not the method behind the colon', () => {
    const call = send(new FakeCall('POST', '/v1/models/half_plus_two:PREDICT', BODY));
    assert.equal(call.status, 400);
    assert.equal(errorOf(call), 'Malformed request: POST /v1/models/half_plus_two:PREDICT');
  });

  test('METADATA in capitals is answered as status', () => {
    const call = get('/v1/models/half_plus_two/METADATA');
    assert.ok('model_version_status' in (JSON.parse(call.replyBody) as object));
  });

  test('a model may be called metadata', () => {
    const call = get('/v1/models/metadata');
    assert.deepEqual([call.status, errorOf(call)], [404, 'Could not find any versions of model metadata']);
  });

  for (const [method, path] of [
    ['POST', '/v1/foo'],
    ['GET', '/v1/foo'],
    ['POST', '/v1/models'],
    ['GET', '/v1/models/half_plus_two:predict'],
    ['POST', '/v1/models/half_plus_two/metadata'],
    ['POST', '/v1/models/half_plus_two/version/1:predict'],
    ['POST', '/v1/models/half_plus_two/versions/HELLO:predict'],
    ['POST', '/v1/models/half_plus_two/versions/1/labels/a:predict'],
    ['HEAD', '/v1/models/half_plus_two'],
    ['PUT', '/v1/models/half_plus_two'],
    ['DELETE', '/V1/models/half_plus_two'],
  ] as const)
    test(`${method} ${path} is malformed`, () => {
      const call = send(new FakeCall(method, path, BODY));
      assert.equal(call.status, 400);
      assert.equal(call.replyBody, `{"error": "Malformed request: ${method} ${path}"}`);
    });

  test('a version without a name lacks the name', () => {
    for (const path of ['/v1/models/versions/1', '/v1/models/labels/a', '/v1/models/versions/1/metadata'])
      assert.equal(errorOf(get(path)), 'Missing model name in request.');
  });

  test('paths outside /v1/ are left to others', () => {
    for (const path of ['/', '/v1', '/v2/models', '/v10/x']) assert.equal(get(path).status, 0);
  });
});

describe('status', () => {
  test('lists all versions, newest first, in proto JSON', () => {
    const call = get('/v1/models/half_plus_two');
    assert.equal(call.status, 200);
    assert.equal(
      call.replyBody.replaceAll(/\s/g, ''),
      '{"model_version_status":[' +
        '{"version":"124","state":"END","status":{"error_code":"FAILED_PRECONDITION","error_message":"opset99isnotknown"}},' +
        '{"version":"123","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}',
    );
  });

  test('by version shows that one', () => {
    const call = get('/v1/models/half_plus_two/versions/123');
    assert.equal(
      call.replyBody,
      '{\n "model_version_status": [\n  {\n   "version": "123",\n   "state": "AVAILABLE",\n   "status": {\n' +
        '    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n',
    );
  });

  test('by label ignores the label and shows all versions', () => {
    const all = get('/v1/models/half_plus_two').replyBody;
    assert.equal(get('/v1/models/half_plus_two/labels/no-such-label').replyBody, all);
  });

  test('is 404 for unknown models and versions', () => {
    const version = get('/v1/models/half_plus_two/versions/7');
    assert.deepEqual(
      [version.status, errorOf(version)],
      [404, 'Could not find version 7 of model half_plus_two'],
    );
    const model = get('/v1/models/foo');
    assert.deepEqual([model.status, errorOf(model)], [404, 'Could not find any versions of model foo']);
  });

  test('is 200 while no version is available', () => {
    assert.equal(get('/v1/models/loading').status, 200);
  });
});

describe('the list of models', () => {
  test('has the names for KServe and objects for OpenAI clients', () => {
    const list = JSON.parse(get('/v1/models').replyBody) as { models: string[]; data: { id: string }[] };
    assert.ok(list.models.includes('half_plus_two'));
    assert.deepEqual(
      list.data.map(({ id }) => id),
      list.models,
    );
  });
});

describe('metadata', () => {
  const metadata = (path: string): unknown => JSON.parse(get(path).replyBody);

  test('is the signature map, twice nested, with all fields', () => {
    const info = (name: string): unknown => ({
      [name]: { dtype: 'DT_FLOAT', tensor_shape: { dim: [], unknown_rank: true }, name },
    });
    const strictInfo = (name: string): unknown => ({
      [name]: {
        dtype: 'DT_FLOAT',
        tensor_shape: {
          dim: [
            { size: '-1', name: '' },
            { size: '3', name: '' },
          ],
          unknown_rank: false,
        },
        name,
      },
    });
    const method_name = 'tensorflow/serving/predict';
    const found = metadata('/v1/models/half_plus_two/versions/123/metadata') as {
      model_spec: unknown;
      metadata: { signature_def: { signature_def: Record<string, unknown> } };
    };
    const { serving_default, strict } = found.metadata.signature_def.signature_def;
    assert.deepEqual(found.model_spec, { name: 'half_plus_two', signature_name: '', version: '123' });
    assert.deepEqual(serving_default, { inputs: info('x'), outputs: info('y'), method_name, defaults: {} });
    assert.deepEqual(strict, {
      inputs: strictInfo('x'),
      outputs: strictInfo('y'),
      method_name,
      defaults: {},
    });
  });

  test('of an unknown model is 404', () => {
    const call = get('/v1/models/foo/metadata');
    assert.deepEqual([call.status, errorOf(call)], [404, 'Servable not found for request: Latest(foo)']);
  });

  test('of an unknown label is 400', () => {
    const call = get('/v1/models/half_plus_two/labels/x/metadata');
    assert.deepEqual([call.status, errorOf(call)], [400, 'Unrecognized servable version label: x']);
  });

  test('of a model that is loading is 503 with Retry-After', () => {
    const call = get('/v1/models/loading/metadata');
    assert.deepEqual([call.status, call.replyHeaders['retry-after']], [503, '1']);
  });
});

describe('classify and regress', () => {
  const classify = (method: string, body: string): FakeCall =>
    send(new FakeCall('POST', `/v1/models/half_plus_two:${method}`, body));

  test('say that they are not served yet', () => {
    const call = classify('classify', '{"signature_name":"classify_x","examples":[{"x":1}]}');
    assert.equal(call.status, 501);
    assert.match(errorOf(call), /is not served yet/);
    assert.deepEqual(call.notes.at(-1), ['error', 'SKY_NOT_SUPPORTED_YET']);
  });

  test('refuse a signature with another method', () => {
    const call = classify('regress', '{"examples":[{"x":1}]}');
    assert.deepEqual(
      [call.status, errorOf(call)],
      [
        400,
        'Expected regression signature method_name to be tensorflow/serving/regress. Was: tensorflow/serving/predict',
      ],
    );
  });

  test('refuse a body that is no JSON', () => {
    assert.match(errorOf(classify('classify', '{')), /^JSON Parse error/);
  });
});

describe('CORS preflight', () => {
  const preflight = (headers: Record<string, string>): FakeCall =>
    send(new FakeCall('OPTIONS', '/v1/models/half_plus_two:predict', '', headers));

  test('is 200 with an origin', () => {
    assert.equal(preflight({ origin: 'https://example.org' }).status, 200);
  });

  test('is 400 without one', () => {
    assert.equal(preflight({}).status, 400);
    assert.equal(preflight({ origin: 'null' }).status, 400);
  });
});

describe('requests', () => {
  const predict = (headers: Record<string, string> = {}): FakeCall =>
    new FakeCall('POST', '/v1/models/half_plus_two:predict', BODY, headers);

  test('do not look at the content type', () => {
    assert.equal(send(predict({ 'content-type': 'application/x-www-form-urlencoded' })).status, 200);
  });

  test('ignore bytes after the top-level object', () => {
    const call = new FakeCall('POST', '/v1/models/half_plus_two:predict', `${BODY}]}{"instances": garbage`);
    assert.equal(send(call).status, 200);
  });

  test('have the whitespace of the original in their answer', () => {
    assert.equal(send(predict()).replyBody, '{\n    "predictions": [3.0\n    ]\n}');
    const objects = new FakeCall(
      'POST',
      '/v1/models/two_inputs:predict',
      '{"instances":[{"a":1,"b":[1,2]}]}',
    );
    assert.equal(
      send(objects).replyBody,
      '{\n    "predictions": [\n        {\n            "b": [1,2],\n            "a": 1.0\n        }\n    ]\n}',
    );
  });

  test('get the deadline of the server, or a smaller one of their own', () => {
    for (const [header, deadlineAtMs] of [
      [undefined, 6000],
      ['250', 1250],
      ['60000', 6000],
    ] as const) {
      const runtime = conformanceRuntime();
      const server = fakeServer(runtime, { limits: { rest_api_timeout_in_ms: 5000 } });
      server.send(predict(header === undefined ? {} : { 'x-request-timeout-ms': header }));
      assert.equal(runtime.submitted[0]?.deadlineAtMs, deadlineAtMs);
    }
  });

  test('are refused when their timeout is no number', () => {
    for (const value of ['0', '-1', 'soon', '1e3', ''])
      assert.equal(send(predict({ 'x-request-timeout-ms': value })).status, 400);
  });

  test('that come too late are answered 504 before they are read', () => {
    const runtime = conformanceRuntime();
    const call = fakeServer(runtime, { nowMs: 31_001 }).send(predict());
    assert.equal(call.status, 504);
    assert.equal(runtime.submitted.length, 0);
  });

  test('of clients that went away are cancelled', () => {
    const runtime = conformanceRuntime();
    const call = fakeServer(runtime).send(predict());
    call.gone();
    runtime.flush();
    assert.deepEqual([runtime.cancelled, call.status], [1, 0]);
  });

  test('note model, version and signature for the access log, but no value', () => {
    assert.deepEqual(send(predict()).notes, [
      ['model', 'half_plus_two'],
      ['signature', 'serving_default'],
      ['version', '123'],
    ]);
    const wrong = new FakeCall('POST', '/v1/models/half_plus_two:predict', '{"instances":["secret"]}');
    assert.doesNotMatch(JSON.stringify(send(wrong).notes), /secret/);
  });
});
