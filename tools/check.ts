/** `npm run check`: every static check, two at a time, one line each in a fixed order, all failures shown; exit 1 on any. */
import { runScript, runTool } from './support/command.ts';
import type { Outcome } from './support/command.ts';

/** Checks that run at the same time; the machine that matters has two cores. */
const PARALLEL_CHECKS = 2;

interface Check {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
  /** What the line says of a passed check. */
  readonly summary?: (outcome: Outcome) => string;
}

const checks: readonly Check[] = [
  { name: 'compiler', run: () => runTool('tsc', ['--version']), summary: (outcome) => outcome.output.trim() },
  { name: 'types', run: () => runTool('tsc', ['-p', '.', '--pretty', 'false']) },
  { name: 'lint', run: () => runTool('oxlint', ['--deny-warnings', '--report-unused-disable-directives']) },
  { name: 'format', run: () => runTool('oxfmt', ['--check', '.']) },
  { name: 'boundaries', run: () => runTool('depcruise', ['src', '--output-type', 'err']) },
  { name: 'dead code', run: () => runTool('knip', ['--no-progress', '--treat-config-hints-as-errors']) },
  { name: 'docs in step', run: () => runScript('tools/generate-docs.ts', ['--check']) },
  { name: 'package', run: checkPackage, summary: lastLine },
];

/** publint reads the built files, so the build comes first. */
async function checkPackage(): Promise<Outcome> {
  const built = await runScript('tools/build.ts');
  if (built.code !== 0) return built;
  const linted = await runTool('publint', ['--strict']);
  const seconds = built.seconds + linted.seconds;
  return linted.code === 0 ? { ...built, seconds } : { ...linted, seconds };
}

function lastLine(outcome: Outcome): string {
  return outcome.output.trim().split('\n').at(-1) ?? '';
}

/** Starts the checks in order, `PARALLEL_CHECKS` at a time: one promise per check. */
function startAll(): readonly Promise<Outcome>[] {
  const results = checks.map(() => Promise.withResolvers<Outcome>());
  const waiting = checks.entries(); // one iterator, shared by the workers
  const work = async () => {
    for (const [i, check] of waiting) results[i]?.resolve(await check.run());
  };
  for (let i = 0; i < PARALLEL_CHECKS; i++) void work();
  return results.map((result) => result.promise);
}

function report(check: Check, outcome: Outcome): void {
  const isOk = outcome.code === 0;
  const summary = isOk ? (check.summary?.(outcome) ?? '') : `exit ${outcome.code}`;
  const seconds = outcome.seconds.toFixed(1).padStart(5);
  console.log(`${isOk ? '✔' : '✖'} ${check.name.padEnd(14)}${seconds} s  ${summary}`.trimEnd());
  if (!isOk) console.log(outcome.output.trimEnd().replaceAll(/^/gm, '    '));
}

const outcomes = startAll();
const failed: string[] = [];
for (const [i, check] of checks.entries()) {
  const outcome = await outcomes[i];
  if (outcome === undefined) continue;
  report(check, outcome);
  if (outcome.code !== 0) failed.push(check.name);
}
console.log(failed.length === 0 ? 'all checks passed' : `${failed.length} failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
