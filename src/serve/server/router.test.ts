/** Tests of the route matcher. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Route } from '../protocols/http-call.ts';
import { createRouter } from './router.ts';
import type { RouteMatch } from './router.ts';

function route(method: Route['method'], pattern: string, match: RegExp): Route {
  return {
    protocol: 'skylift',
    method,
    pattern,
    match,
    permission: 'public',
    plane: 'data',
    maxBodyBytes: 0,
    summary: '',
    handle: () => {},
  };
}

const PREDICT = route(
  'POST',
  '/v1/models/{model}:predict',
  /^\/v1\/models\/(?<model>[^/:]+)(?:\/versions\/(?<version>\d+))?:predict$/i,
);
const LIST = route('GET', '/v1/models', /^\/v1\/models$/i);
const STATUS = route('GET', '/v1/models/{model}', /^\/v1\/models\/(?<model>[^/:]+)$/i);
const LOOSE = route('GET', '/loose', /loose/);
const router = createRouter([PREDICT, STATUS, LIST, LOOSE]);

function found(match: RouteMatch): [string, Record<string, string>] {
  assert.equal(match.kind, 'found');
  return match.kind === 'found' ? [match.route.pattern, { ...match.params }] : ['', {}];
}

describe('router', () => {
  test('finds exact paths, also in another case when the pattern allows it', () => {
    assert.deepEqual(found(router.match('GET', '/v1/models')), [LIST.pattern, {}]);
    assert.deepEqual(found(router.match('GET', '/V1/Models')), [LIST.pattern, {}]);
  });

  test('gives the named groups as parameters and leaves out those that did not take part', () => {
    assert.deepEqual(found(router.match('POST', '/v1/models/half:predict')), [
      PREDICT.pattern,
      { model: 'half' },
    ]);
    assert.deepEqual(found(router.match('POST', '/v1/models/half/versions/12:predict')), [
      PREDICT.pattern,
      { model: 'half', version: '12' },
    ]);
  });

  test('decodes parameters exactly once', () => {
    assert.deepEqual(found(router.match('GET', '/v1/models/a%2Fb%253A'))[1], { model: 'a/b%3A' });
  });

  test('tells which parameter cannot be decoded', () => {
    const match = router.match('GET', '/v1/models/%ff');
    assert.equal(match.kind, 'undecodable');
    assert.deepEqual(match.kind === 'undecodable' && [match.param, match.value], ['model', '%ff']);
  });

  test('knows the methods of a path that is asked with another one', () => {
    assert.deepEqual(router.match('DELETE', '/v1/models'), { kind: 'wrong-method', allowed: ['GET'] });
    assert.deepEqual(router.match('HEAD', '/v1/models/x'), { kind: 'wrong-method', allowed: ['GET'] });
  });

  test('a pattern without anchors answers nothing beyond itself', () => {
    assert.deepEqual(router.match('GET', '/loose'), { kind: 'unknown' });
    assert.deepEqual(router.match('GET', 'loose-ends'), { kind: 'unknown' });
  });

  test('names of Object.prototype are no methods and no paths', () => {
    assert.deepEqual(router.match('constructor', '/v1/models').kind, 'wrong-method');
    assert.deepEqual(router.match('GET', '__proto__'), { kind: 'unknown' });
  });

  test('any name survives encoding and matching', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const path = `/v1/models/${encodeURIComponent(name)}`;
        assert.deepEqual(found(router.match('GET', path))[1], { model: name });
      }),
    );
  });

  test('no path makes it throw', () => {
    const path = fc.string({
      unit: fc.constantFrom('/', '%', 'v', '1', 'f', ':', 'models', 'é', '\0'),
      maxLength: 30,
    });
    fc.assert(fc.property(path, (text) => void router.match('GET', `/v1/models/${text}`)));
  });
});
