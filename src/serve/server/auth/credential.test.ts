/** Where a key is looked for in a request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { credentialIn } from './credential.ts';

const found = (headers: Readonly<Record<string, string>>): unknown => {
  const credential = credentialIn({ get: (name) => headers[name] });
  return typeof credential === 'object' ? credential.key : credential;
};

test('a bearer token in any case of the scheme, x-api-key or api-key', () => {
  for (const headers of [
    { authorization: 'Bearer k' },
    { authorization: 'bearer k' },
    { authorization: 'BEARER   k' },
    { 'x-api-key': 'k' },
    { 'api-key': 'k' },
    { authorization: 'Bearer k', 'x-api-key': 'k', 'api-key': 'k' },
    { authorization: 'Basic a2V5', 'api-key': 'k' },
  ])
    assert.equal(found(headers), 'k');
});

test('another scheme is no key', () => {
  for (const authorization of [
    '',
    'Bearer',
    'Bearerk',
    'Basic k',
    'Token k',
    'k',
    '"Bearer" k',
    'Digest Bearer k',
  ])
    assert.equal(found({ authorization }), undefined, authorization);
});

test('different keys are never taken for one', () => {
  const value = fc.option(fc.constantFrom('a', 'b', ''), { nil: undefined });
  fc.assert(
    fc.property(value, value, value, (bearer, first, second) => {
      const given = [bearer, first, second].filter((key) => key !== undefined);
      const headers = {
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(first !== undefined && { 'x-api-key': first }),
        ...(second !== undefined && { 'api-key': second }),
      };
      const different = new Set(given).size;
      if (different > 1) assert.equal(found(headers), 'ambiguous');
      else assert.equal(found(headers), given[0]);
    }),
  );
});
