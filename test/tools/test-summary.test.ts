/** What the test reporter shows, from events as node:test sends them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { summarize } from '../../tools/support/test-summary.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FILE = join(ROOT, 'src', 'x.test.ts');

/** Events carry more fields than the reporter reads; the rest is left out here. */
const event = (type: TestEvent['type'], data: Readonly<Record<string, unknown>>): TestEvent =>
  ({ type, data }) as unknown as TestEvent;

async function textOf(...events: readonly TestEvent[]): Promise<string> {
  const stream = (async function* () {
    yield* events;
  })();
  const parts: string[] = [];
  for await (const text of summarize(stream, { root: ROOT, minLineCoverage: 85 })) parts.push(text);
  return parts.join('');
}

const failure = (name: string, failureType: string): TestEvent =>
  event('test:fail', {
    name,
    file: FILE,
    line: 7,
    nesting: 0,
    details: {
      error: Object.assign(new Error('failed', { cause: new Error('one is not two') }), { failureType }),
    },
  });

test('a failure is shown with its place and cause, and named again before the closing lines', async () => {
  const text = await textOf(
    failure('counts', 'testCodeFailure'),
    event('test:diagnostic', { nesting: 0, message: 'tests 1' }),
  );
  assert.match(text, /✖ counts {2}\(src\/x\.test\.ts:7\)\n.*one is not two/);
  assert.match(text, /failed:\n {2}src\/x\.test\.ts: counts\nℹ tests 1\n$/);
});

test('a parent that failed because of its subtests is not a failure of its own', async () => {
  assert.equal(await textOf(failure('parent', 'subtestsFailed')), '');
});

test('a skipped test is shown with its reason', async () => {
  const text = await textOf(event('test:pass', { name: 'limits memory', skip: 'no prlimit', nesting: 0 }));
  assert.equal(text, '  skipped: limits memory (no prlimit)\n');
});

test('files below the coverage that is asked for are listed, the least covered first', async () => {
  const file = (name: string, coveredLinePercent: number) => ({
    path: join(ROOT, 'src', name),
    coveredLinePercent,
  });
  const text = await textOf(
    event('test:coverage', {
      summary: {
        files: [file('a.ts', 80), file('b.ts', 12.34), file('c.ts', 99)],
        totals: { coveredLinePercent: 91, coveredBranchPercent: 90, coveredFunctionPercent: 89 },
      },
    }),
  );
  assert.match(text, /lines 91\.0 %/);
  assert.match(text, /files below:\n {2}12\.3 % {2}src\/b\.ts\n {2}80\.0 % {2}src\/a\.ts\n$/);
});
