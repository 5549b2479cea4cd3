/** The error table, its pages and the code stay together, both ways. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ERROR_CODES } from '../../src/core/error-codes.ts';
import type { ErrorRecord } from '../../src/core/error-codes.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const entries: [string, ErrorRecord][] = Object.entries(ERROR_CODES);
const codes = entries.map(([code]) => code).toSorted();

const read = (pattern: string): Map<string, string> =>
  new Map(globSync(pattern, { cwd: ROOT }).map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));

test('every code has a page and every page has a code', () => {
  const pages = globSync('docs/errors/SKY_*.md', { cwd: ROOT }).map((path) => basename(path, '.md'));
  assert.deepEqual(pages.toSorted(), codes);
});

test('every code is raised somewhere outside the table', () => {
  const sources = [...read('src/**/*.ts')]
    .filter(([path]) => !path.endsWith('.test.ts') && basename(path) !== 'error-codes.ts')
    .map(([, text]) => text);
  const unused = codes.filter((code) => !sources.some((text) => text.includes(`'${code}'`)));
  assert.deepEqual(unused, []);
});

test('every code that the source or a guide names is in the table', () => {
  const texts = [...read('src/**/*.ts'), ...read('docs/guide/*.md'), ...read('*.md')];
  const unknown = texts.flatMap(([path, text]) =>
    [...text.matchAll(/\bSKY_[A-Z]+(?:_[A-Z]+)*\b(?![_*])/g)]
      .filter(([code]) => !codes.includes(code))
      .map(([code]) => `${path}: ${code}`),
  );
  assert.deepEqual(unknown, []);
});

test('every code says what happened and what to do, in sentences, and has an exit code that is not success', () => {
  for (const [code, record] of entries) {
    assert.match(code, /^SKY_[A-Z]+(_[A-Z]+)*$/);
    assert.match(record.summary, /^[A-Z].+\.$/, `${code}: summary`);
    assert.match(record.hint, /^\S.+\.?$/, `${code}: hint`);
    assert.ok([1, 2, 3, 4, 5, 6, 7, 8, 124, 130].includes(record.exit), `${code}: exit ${record.exit}`);
  }
});
