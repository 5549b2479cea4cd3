/** Globs over models agree with the regular expressions that they stand for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matcherOf } from './model-glob.ts';

const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '+'), maxLength: 12 });
const glob = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), minLength: 1, maxLength: 8 });

/** What a glob means. */
function expected(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll('.', String.raw`\.`));
  return new RegExp(`^${parts.join('[^]*')}$`);
}

test('a glob matches what its regular expression matches', () => {
  fc.assert(
    fc.property(fc.array(glob, { maxLength: 3 }), name, (globs, model) => {
      const isExpected = globs.some((pattern) => expected(pattern).test(model));
      assert.equal(matcherOf(globs)(model), isExpected);
    }),
    { numRuns: 5000 },
  );
});

test('fewer globs never match more', () => {
  fc.assert(
    fc.property(fc.array(glob, { minLength: 1, maxLength: 4 }), name, (globs, model) => {
      if (matcherOf(globs.slice(1))(model)) assert.ok(matcherOf(globs)(model));
    }),
  );
});

test('no globs: no model', () => {
  assert.equal(matcherOf([])('digits'), false);
  assert.equal(matcherOf([])(''), false);
});

test('characters of regular expressions stand for themselves', () => {
  for (const model of ['a.c', 'a+', '[x]', '(a|b)', '^$', String.raw`\d`]) {
    assert.ok(matcherOf([model])(model));
    assert.equal(matcherOf([model])('abc'), false);
  }
});

test('a name or a path through the store is nothing special', () => {
  const isTeam = matcherOf(['team-*']);
  assert.ok(isTeam('team-a') && isTeam('team-') && isTeam('team-../other'));
  assert.equal(isTeam('Team-a'), false);
  assert.equal(isTeam('other'), false);
});
