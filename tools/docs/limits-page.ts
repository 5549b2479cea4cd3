/** docs/reference/limits.md: the table of limits with units, defaults and flags. */
import { allowedValues, LIMITS } from '../../src/core/limits.ts';
import type { Limit } from '../../src/core/limits.ts';
import { formatBytes } from '../../src/core/units.ts';
import { GENERATED_NOTE } from './page.ts';
import type { Page } from './page.ts';

export function limitsPage(): Page {
  const entries: [string, Limit][] = Object.entries(LIMITS);
  const rows = entries.map(
    ([name, limit]) =>
      `| \`${name}\` | ${formatLimit(limit)} | ${allowedValues(limit)} | ${limit.why.replaceAll('|', '\\|')} |`,
  );
  return {
    path: 'docs/reference/limits.md',
    text: `${GENERATED_NOTE}

# Limits

Everything that can grow is bounded. What a bound protects stands beside it. A value that is not allowed ends the start with
SKY_CONFIG_INVALID; \`heartbeat_missed_ms\` must also be more than \`heartbeat_ms\`, and \`max_body_bytes\` no more than
\`max_inflight_bytes\`.

| limit | default | allowed | what it bounds |
| --- | --- | --- | --- |
${rows.join('\n')}
`,
  };
}

function formatLimit({ unit, default: value }: Limit): string {
  switch (unit) {
    case 'bytes':
      return value === 0 ? '0' : `${value} (${formatBytes(value)})`;
    case 'ms':
      return `${value} ms`;
    case 'count':
      return String(value);
  }
}
