import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../core/errors.ts';
import { SERVE_FLAGS } from './commands/serve-flags.ts';
import { parseServeConfig } from './serve-config.ts';
import type { ServeConfig } from './serve-config.ts';

const KNOWN = Object.keys(SERVE_FLAGS);
const read = (text: string): ServeConfig => parseServeConfig(Buffer.from(text), 'f.json', KNOWN);

const WHOLE = `{
  "port": 8080, "access-log": true, "max_body_bytes": "16MiB", "load_model": ["a", "b"],
  "models": [
    { "name": "m", "path": "/models/m", "versions": { "latest": 2 }, "labels": { "stable": 3, "big": "9007199254740993" } },
    { "name": "n", "path": "./n.onnx", "versions": "all", "order": "unload-first" },
    { "name": "o", "path": "./o", "versions": [1, "2"] }
  ]
}`;

test('keys are flags with either spelling, and models', () => {
  const { flags, models } = read(WHOLE);
  assert.deepEqual(Object.fromEntries(flags), {
    port: ['8080'],
    access_log: ['true'],
    max_body_bytes: ['16MiB'],
    load_model: ['a', 'b'],
  });
  assert.deepEqual(models, {
    m: {
      path: '/models/m',
      versions: { kind: 'latest', count: 2 },
      labels: { stable: 3n, big: 9007199254740993n },
    },
    n: { path: './n.onnx', versions: { kind: 'all' }, order: 'unload-first' },
    o: { path: './o', versions: { kind: 'specific', versions: [1n, 2n] } },
  });
  assert.equal(read('{}').models, undefined);
});

test('what is wrong is named by its key', () => {
  for (const [text, words] of [
    ['{"prot": 1}', /^f\.json: "prot" is no key of this file/],
    ['{"config": "other.json"}', /"config" is no key/],
    ['{"port": null}', /^f\.json: port: must be text/],
    ['{"port": {"a": 1}}', /^f\.json: port: must be text/],
    ['{"access_log": true, "access-log": true}', /access_log is given twice/],
    ['{"models": {}}', /^f\.json: models: /],
    ['{"models": [{"name": "m"}]}', /^f\.json: models\[0\]\.path: /],
    ['{"models": [{"name": "m", "path": "p", "version": 1}]}', /^f\.json: models\[0\]: .*"version"/],
    ['{"models": [{"name": "m", "path": "p", "versions": 1}]}', /models\[0\]\.versions: must be "all"/],
    ['{"models": [{"name": "m", "path": "p", "labels": {"a": -1}}]}', /models\[0\]\.labels\.a: /],
    ['{"models": [{"name": "m", "path": "p"}, {"name": "m", "path": "q"}]}', /two models are named "m"/],
    ['{"models": [{"name": "a/b", "path": "p"}]}', /models\[0\]\.name: /],
    ['{"models": [], "model_repository": "/r"}', /by models and by model_repository/],
    ['[]', /^f\.json: the document: /],
    ['{', /f\.json is not JSON/],
    ['{"__proto__": 1}', /reserved/],
  ] as const)
    assert.throws(() => read(text), { code: 'SKY_CONFIG_INVALID', message: words }, text);
});

test('broken and mutated files are understood or refused', () => {
  const change = fc.record({
    at: fc.nat(WHOLE.length),
    drop: fc.oneof(fc.nat(4), fc.constant(WHOLE.length)),
    insert: fc.constantFrom('', '"', '{', '}', '[', ']', '-', '1e999', '\n', 'null', ',', '\\'),
  });
  fc.assert(
    fc.property(change, ({ at, drop, insert }) => {
      try {
        read(WHOLE.slice(0, at) + insert + WHOLE.slice(at + drop));
      } catch (error) {
        assert.ok(isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
