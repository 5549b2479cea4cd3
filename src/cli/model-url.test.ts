import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createClient, modelPath } from '../client/client.ts';
import { isSkyliftError } from '../core/errors.ts';
import { isHttpUrl, parseModelUrl } from './model-url.ts';

test('a URL of a model gives server, name and version', () => {
  assert.deepEqual(parseModelUrl('http://h:1/v1/models/my%20model/versions/3:predict'), {
    server: 'http://h:1',
    model: 'my model',
    target: { version: 3n },
  });
  assert.deepEqual(parseModelUrl('https://h/base/v1/models/m/labels/stable'), {
    server: 'https://h/base',
    model: 'm',
    target: { label: 'stable' },
  });
});

test('what the client asks for is what the URL says', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.option(fc.bigInt(0n, 2n ** 60n), { nil: undefined }),
      (model, version) => {
        const target = version === undefined ? {} : { version };
        const url = `http://h:1${modelPath(model, target)}`;
        fc.pre(!/^\.{1,2}$/.test(model) && model.isWellFormed());
        assert.deepEqual(parseModelUrl(url), { server: 'http://h:1', model, target });
      },
    ),
  );
});

test('anything else is no URL of a model, or a coded error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
      try {
        const parsed = parseModelUrl(text);
        if (parsed && isHttpUrl(text)) createClient(parsed.server).close();
      } catch (error) {
        assert.ok(isSkyliftError(error) && error.code === 'SKY_USAGE', String(error));
      }
    }),
  );
  assert.throws(() => parseModelUrl('http://h/v1/models/%zz'), { code: 'SKY_USAGE' });
});
