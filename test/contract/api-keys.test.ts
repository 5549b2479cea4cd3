/** Every route against every kind of key, on both wire back-ends: what was not granted is denied, all of it. */
import assert from 'node:assert/strict';
import { Agent, request as requestHttp } from 'node:http';
import { describe, test } from 'node:test';
import type { Route } from '../../src/serve/protocols/http-call.ts';
import { BAD_KEYS, KEYS, startKeyServer } from './api-keys.ts';
import type { KeyServer } from './api-keys.ts';
import { RawClient } from './wire-client.ts';

/** What each route takes. A route that is not here fails the tests: somebody has to decide. */
const EXPECTED: Readonly<Record<string, Route['permission']>> = {
  'POST /v1/models/{model}:predict': 'predict',
  'POST /v1/models/{model}:classify': 'predict',
  'POST /v1/models/{model}:regress': 'predict',
  'GET /v1/models': 'read',
  'GET /v1/models/{model}/metadata': 'read',
  'GET /v1/models/{model}': 'read',
  'OPTIONS /v1/*': 'public',
  'POST /v2/models/{model}/infer': 'predict',
  'GET /v2/models/{model}/ready': 'read',
  'GET /v2/models/{model}': 'read',
  'GET /v2/models/{model}/config': 'read',
  'GET /v2/models/{model}/stats': 'read',
  'GET /v2/models/stats': 'read',
  'GET /v2': 'read',
  'POST /v2/repository/index': 'read',
  'POST /v2/repository/models/{model}/load': 'admin',
  'POST /v2/repository/models/{model}/unload': 'admin',
  'GET /healthz': 'public',
  'GET /livez': 'public',
  'GET /readyz': 'public',
  'GET /v2/health/live': 'public',
  'GET /v2/health/ready': 'public',
  'GET /metrics': 'metrics',
  'GET /monitoring/prometheus/metrics': 'metrics',
};

const BODIES: Readonly<Record<string, string>> = {
  'POST /v1/models/{model}:predict': '{"instances": [1]}',
  'POST /v2/models/{model}/infer':
    '{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}',
};
/** Classify and regress need another signature than the model of these tests has. */
const ALLOWED_STATUS: Readonly<Record<string, number>> = {
  'POST /v1/models/{model}:classify': 400,
  'POST /v1/models/{model}:regress': 400,
};

const nameOf = ({ method, pattern }: Route): string => `${method} ${pattern}`;
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

async function call(
  server: KeyServer,
  route: Route,
  headers: Readonly<Record<string, string>>,
  model = 'half_plus_two',
): Promise<{ status: number; challenge: string | null; text: string; error: string }> {
  const path = route.pattern.replace('{model}', model).replace('*', 'models');
  const origin = route.method === 'OPTIONS' ? { origin: 'https://example.org' } : {};
  const response = await fetch(server.url + path, {
    method: route.method,
    headers: { ...origin, ...headers },
    body: route.method === 'POST' ? (BODIES[nameOf(route)] ?? '') : null,
  });
  const text = await response.text();
  const error = response.status >= 400 ? (JSON.parse(text) as { error: string }).error : '';
  return { status: response.status, challenge: response.headers.get('www-authenticate'), text, error };
}

for (const backend of ['fast', 'node'] as const)
  describe(`API keys on ${backend}`, () => {
    test('the permission of every route is as expected', async (t) => {
      const { routes } = await startKeyServer(t, backend);
      assert.deepEqual(
        Object.fromEntries(routes.map((route) => [nameOf(route), route.permission])),
        EXPECTED,
      );
    });

    test('a route with a model in its pattern has it as the group "name"', async (t) => {
      const { routes } = await startKeyServer(t, backend);
      for (const route of routes)
        assert.equal(
          route.match.source.includes('(?<name>'),
          route.pattern.includes('{model}'),
          nameOf(route),
        );
    });

    test('without a key only the public routes answer', async (t) => {
      const server = await startKeyServer(t, backend);
      for (const route of server.routes) {
        const { status, challenge, error } = await call(server, route, {});
        if (route.permission === 'public') assert.equal(status, 200, nameOf(route));
        else
          assert.deepEqual(
            [status, challenge, error],
            [401, 'Bearer', 'this server wants an API key and the request has none'],
            nameOf(route),
          );
      }
    });

    test('the key in a scheme that is not Bearer is no key', async (t) => {
      const server = await startKeyServer(t, backend);
      for (const route of server.routes.filter(({ permission }) => permission !== 'public'))
        for (const scheme of ['Basic', 'Token', 'Bearer:', 'Bearerx']) {
          const { status } = await call(server, route, { authorization: `${scheme} ${KEYS.all.key}` });
          assert.equal(status, 401, `${nameOf(route)} ${scheme}`);
        }
    });

    for (const [kind, key] of Object.entries(BAD_KEYS))
      test(`a key ${kind} opens nothing, and all of them are refused in one way`, async (t) => {
        const server = await startKeyServer(t, backend);
        for (const route of server.routes.filter(({ permission }) => permission !== 'public'))
          for (const headers of [bearer(key), { 'x-api-key': key }, { 'api-key': key }]) {
            const { status, challenge, error } = await call(server, route, headers);
            assert.deepEqual(
              [status, challenge, error],
              [401, 'Bearer', 'the API key of this request is not accepted'],
              nameOf(route),
            );
          }
        assert.deepEqual(server.runtime.submitted, []);
      });

    for (const granted of ['predict', 'read', 'metrics'] as const)
      test(`a key for ${granted} opens the routes for ${granted} and no other`, async (t) => {
        const server = await startKeyServer(t, backend);
        for (const route of server.routes) {
          const { status, error } = await call(server, route, bearer(KEYS[granted].key));
          const isGranted = route.permission === granted || route.permission === 'public';
          assert.equal(status, isGranted ? (ALLOWED_STATUS[nameOf(route)] ?? 200) : 403, nameOf(route));
          if (!isGranted)
            assert.equal(
              error,
              `the API key of this request does not have the permission "${route.permission}"`,
            );
        }
      });

    test('for a key of other models there is no difference between a model that is there and one that is not', async (t) => {
      const server = await startKeyServer(t, backend);
      const withModel = server.routes.filter(({ pattern }) => pattern.includes('{model}'));
      assert.ok(withModel.length >= 7);
      for (const route of withModel)
        for (const key of [KEYS.other.key, KEYS.none.key])
          for (const model of ['half_plus_two', 'half_nothing', 'OTHER_model', 'nothing', '%FF', 'a%2eb']) {
            const { status, error } = await call(server, route, bearer(key), model);
            assert.equal(status, 403, `${nameOf(route)} ${model}`);
            const shown = model === '%FF' ? '' : decodeURIComponent(model); // what cannot be decoded names no model
            assert.equal(error, `the API key of this request is not for the model "${shown}"`);
          }
      assert.deepEqual(server.runtime.submitted, []);
    });

    test('a key of some models opens those', async (t) => {
      const server = await startKeyServer(t, backend);
      for (const route of server.routes) {
        const { status } = await call(server, route, bearer(KEYS.half.key));
        assert.equal(status, ALLOWED_STATUS[nameOf(route)] ?? 200, nameOf(route));
      }
      const unknown = await fetch(`${server.url}/v1/models/half_nothing`, { headers: bearer(KEYS.half.key) });
      assert.equal(unknown.status, 404, 'below its glob it may know what is not there');
    });

    test('a key with everything opens everything, wherever it stands', async (t) => {
      const server = await startKeyServer(t, backend);
      const { key } = KEYS.all;
      for (const route of server.routes)
        for (const headers of [
          bearer(key),
          { authorization: `bEARER   ${key}` },
          { 'x-api-key': key },
          { 'api-key': key },
          { ...bearer(key), 'x-api-key': key, 'api-key': key },
          { authorization: 'Basic cHJveHk6cHJveHk=', 'x-api-key': key },
        ]) {
          const { status } = await call(server, route, headers);
          assert.equal(status, ALLOWED_STATUS[nameOf(route)] ?? 200, nameOf(route));
        }
    });

    test('two different keys in one request are refused, although both are good', async (t) => {
      const server = await startKeyServer(t, backend);
      for (const headers of [
        { ...bearer(KEYS.all.key), 'x-api-key': KEYS.read.key },
        { 'x-api-key': KEYS.all.key, 'api-key': KEYS.read.key },
        { ...bearer(KEYS.all.key), 'api-key': '' },
      ])
        assert.equal((await fetch(`${server.url}/v1/models`, { headers })).status, 401);
      const twice = await fetch(`${server.url}/v1/models`, {
        headers: [
          ['x-api-key', KEYS.all.key],
          ['x-api-key', KEYS.read.key],
        ],
      });
      assert.equal(twice.status, 401);
    });

    test('what there is not is told to those with a key only', async (t) => {
      const server = await startKeyServer(t, backend);
      for (const [method, path, status] of [
        ['GET', '/', 404],
        ['GET', '/v1/foo', 400],
        ['DELETE', '/v1/models', 400],
        ['PUT', '/v2', 405],
        ['POST', '/metrics', 405],
        ['GET', '/healthz/', 404],
        ['HEAD', '/healthz', 405],
        ['OPTIONS', '/v2', 405],
        ['GET', '//healthz', 404],
        ['GET', '/healthz%2f..%2fv1%2fmodels', 404],
      ] as const) {
        const send = async (headers: Record<string, string>): Promise<number> =>
          (await fetch(server.url + path, { method, headers })).status;
        assert.equal(await send({}), 401, `${method} ${path}`);
        assert.equal(await send(bearer(BAD_KEYS.revoked)), 401, `${method} ${path}`);
        assert.equal(await send(bearer(KEYS.none.key)), status, `${method} ${path}`);
      }
    });

    test('negative control: the same server without keys refuses nobody', async (t) => {
      const server = await startKeyServer(t, backend, { asksForKeys: false });
      for (const route of server.routes)
        for (const headers of [{}, bearer(BAD_KEYS.revoked), bearer(KEYS.none.key)]) {
          const { status } = await call(server, route, headers);
          assert.equal(status, ALLOWED_STATUS[nameOf(route)] ?? 200, nameOf(route));
        }
    });

    test('lists show the models of the key', async (t) => {
      const server = await startKeyServer(t, backend);
      for (const [key, expected] of [
        [KEYS.all.key, ['half_plus_two', 'other_model']],
        [KEYS.half.key, ['half_plus_two']],
        [KEYS.none.key, []],
      ] as const) {
        const list = await fetch(`${server.url}/v1/models`, { headers: bearer(key) });
        const { models, data } = (await list.json()) as { models: string[]; data: { id: string }[] };
        const index = await fetch(`${server.url}/v2/repository/index`, {
          method: 'POST',
          headers: bearer(key),
        });
        const entries = (await index.json()) as { name: string }[];
        assert.deepEqual(models, expected);
        assert.deepEqual(
          data.map(({ id }) => id),
          expected,
        );
        assert.deepEqual(
          entries.map(({ name }) => name),
          expected,
        );
      }
    });

    test('the holder of the key is who runs the model', async (t) => {
      const server = await startKeyServer(t, backend);
      const inferring = server.routes.filter((route) => BODIES[nameOf(route)] !== undefined);
      for (const { key } of [KEYS.predict, KEYS.half])
        for (const route of inferring) await call(server, route, bearer(key));
      assert.deepEqual(
        server.runtime.submitted.map(({ principal }) => principal.id),
        [KEYS.predict.id, KEYS.predict.id, KEYS.half.id, KEYS.half.id],
      );
    });

    test('nothing of a key is in answers, logs and metrics; the access log names its id', async (t) => {
      const server = await startKeyServer(t, backend);
      const keys = [...Object.values(KEYS).map(({ key }) => key), ...Object.values(BAD_KEYS)];
      const secrets = keys.flatMap((key) => /[0-9a-f]{64}/.exec(key)?.[0] ?? []);
      assert.ok(secrets.length >= 12);
      const answers: string[] = [];
      for (const route of server.routes)
        for (const key of keys) answers.push((await call(server, route, bearer(key))).text);
      const written = [
        ...answers,
        JSON.stringify(server.access),
        ...server.logged,
        await server.metrics.render(),
      ];
      for (const text of written)
        for (const secret of secrets) assert.ok(!text.includes(secret.slice(0, 12)), text.slice(0, 500));
      const ids = new Set(server.access.flatMap(({ notes }) => notes['key'] ?? []));
      const { expired, future, revoked, ...good } = KEYS;
      for (const { id } of [expired, future, revoked]) assert.ok(!ids.has(id));
      assert.deepEqual(
        [...ids].toSorted(),
        Object.values(good)
          .map(({ id }) => id)
          .toSorted(),
      );
    });

    test('refusals are counted by reason', async (t) => {
      const server = await startKeyServer(t, backend);
      const get = (headers: Record<string, string>): Promise<Response> =>
        fetch(`${server.url}/v1/models/half_plus_two`, { headers });
      await get({});
      for (const key of Object.values(BAD_KEYS)) await get(bearer(key));
      await get(bearer(KEYS.predict.key));
      await get(bearer(KEYS.other.key));
      await get({ ...bearer(KEYS.all.key), 'api-key': 'other' });
      const text = await server.metrics.render();
      const counts = [...text.matchAll(/^skylift_auth_denied_total\{reason="([^"]+)"\} (\d+)$/gm)];
      assert.deepEqual(Object.fromEntries(counts.map(([, reason, count]) => [reason, Number(count)])), {
        'no-key': 1,
        ambiguous: 1,
        malformed: 4,
        checksum: 1,
        'unknown-key': 2, // one of them was revoked
        'wrong-secret': 1,
        expired: 1,
        'not-yet-valid': 1,
        permission: 1,
        model: 1,
      });
    });

    test('a connection outlives a refusal with a small body', async (t) => {
      const server = await startKeyServer(t, backend);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      const send = (headers: Record<string, string>): Promise<[number, boolean]> =>
        new Promise((resolve, reject) => {
          const url = `${server.url}/v1/models/half_plus_two:predict`;
          const sent = requestHttp(url, { method: 'POST', agent, headers }, (response) => {
            response.resume();
            response.on('end', () =>
              setImmediate(() => resolve([response.statusCode ?? 0, sent.reusedSocket])),
            );
          });
          sent.on('error', reject);
          sent.end('{"instances": [1]}');
        });
      assert.deepEqual(await send({}), [401, false]);
      assert.deepEqual(await send(bearer(BAD_KEYS.expired)), [401, true]);
      assert.deepEqual(await send(bearer(KEYS.read.key)), [403, true]);
      assert.deepEqual(await send(bearer(KEYS.all.key)), [200, true]);
    });

    test('a refusal comes before the body, and nobody is told to send it', async (t) => {
      const { url, runtime } = await startKeyServer(t, backend);
      const client = await RawClient.open({ host: '127.0.0.1', port: Number(new URL(url).port) });
      t.after(() => client.socket.destroy());
      client.send(
        'POST /v1/models/half_plus_two:predict HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n',
      );
      assert.equal((await client.reply()).status, 401);
      assert.deepEqual(runtime.submitted, []);
    });

    test('a browser is told that it may send a key, where keys are asked for', async (t) => {
      for (const asksForKeys of [true, false]) {
        const server = await startKeyServer(t, backend, { asksForKeys, cors: true });
        const reply = await fetch(`${server.url}/v1/models/half_plus_two:predict`, {
          method: 'OPTIONS',
          headers: { origin: 'https://example.org' },
        });
        assert.equal(
          reply.headers.get('access-control-allow-headers'),
          asksForKeys ? 'Content-Type, Authorization, X-Api-Key, Api-Key' : 'Content-Type',
        );
      }
    });
  });
