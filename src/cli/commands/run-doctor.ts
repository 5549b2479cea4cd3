/** Runs `skylift doctor`. */
import type { CliContext } from '../define-command.ts';
import { examine } from '../doctor/checks.ts';
import type { Check } from '../doctor/checks.ts';
import { renderPairs } from '../render/table.ts';
import type { Terminal } from '../terminal.ts';

/** Prints the checks; exit code 1 when an essential one fails. */
export async function runDoctor(context: CliContext): Promise<void> {
  const checks = await examine();
  const isFit = checks.every((check) => check.isGood || !check.isEssential);
  context.terminal.result(renderChecks(checks, context.terminal), { isFit, checks });
  if (!isFit) context.setExitCode(1);
}

function renderChecks(checks: readonly Check[], terminal: Terminal): string {
  const rows = checks.map((check) => {
    const hint = check.hint === undefined ? '' : `. Fix: ${check.hint}`;
    return [check.name, `${mark(check, terminal)} ${check.found}${hint}`] as const;
  });
  return renderPairs(rows);
}

function mark({ isGood, isEssential }: Check, { paintResult }: Terminal): string {
  if (isGood) return paintResult('green', '✔');
  return isEssential ? paintResult('red', '✖') : paintResult('yellow', '!');
}
