/**
 * `npm test [-- FILE...]`: all tests of src, test and tools with coverage of src, or only the given files without it.
 * End-to-end tests start the checkout's CLI, or the installed package when SKYLIFT_E2E_INSTALLED names its folder.
 */
import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from 'node:test';
import { ROOT } from './support/command.ts';
import { summarize } from './support/test-summary.ts';
import { limitTime } from './support/time-limits.ts';

/** Lines of src that the tests must reach, in per cent. */
const MIN_LINE_COVERAGE = 85;
/** Test files at the same time. */
const CONCURRENCY = 2;
/** One file, in milliseconds; its process is ended when it takes longer. */
const FILE_LIMIT_MS = 2 * 60_000;
/** The whole run, in milliseconds. */
const TIME_LIMIT_MS = 8 * 60_000;

function allTestFiles(): string[] {
  return globSync(['{src,test,tools}/**/*.test.ts'], { cwd: ROOT })
    .map((file) => join(ROOT, file))
    .toSorted();
}

const given = process.argv.slice(2).map((file) => resolve(file));
const events = run({
  files: given.length > 0 ? given : allTestFiles(),
  cwd: ROOT,
  concurrency: CONCURRENCY,
  ...(given.length === 0 && {
    coverage: true,
    coverageIncludeGlobs: ['src/**/*.ts'],
    coverageExcludeGlobs: ['src/**/*.test.ts'],
    lineCoverage: MIN_LINE_COVERAGE,
  }),
});
limitTime(events, { fileMs: FILE_LIMIT_MS, allMs: TIME_LIMIT_MS });
events.on('test:fail', (event) => {
  if (event.todo === undefined) process.exitCode = 1;
});
for await (const text of summarize(events, { root: ROOT, minLineCoverage: MIN_LINE_COVERAGE })) {
  process.stdout.write(text);
}
