/** Tests of request ids. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callerRequestId, createRequestIds } from './request-id.ts';

describe('request ids', () => {
  test("a caller's id is kept when it is short and harmless", () => {
    for (const id of ['a', 'A.b_c-9', 'x'.repeat(128)]) assert.equal(callerRequestId(id), id);
    for (const id of [undefined, '', 'a b', 'a\n', 'é', 'x'.repeat(129), '"'])
      assert.equal(callerRequestId(id), undefined);
  });

  test('own ids count up behind a prefix and are harmless themselves', () => {
    const next = createRequestIds('p');
    assert.deepEqual([next(), next()], ['p-1', 'p-2']);
    assert.equal(callerRequestId(createRequestIds()()) === undefined, false);
  });
});
