/** Runs `skylift ps`. */
import { createClient } from '../../client/client.ts';
import type { ModelState } from '../../client/model-states.ts';
import { formatBytes, formatMs } from '../../core/units.ts';
import { apiKeyIn } from '../api-key.ts';
import type { CliContext, NoFlags } from '../define-command.ts';
import { renderTable } from '../render/table.ts';
import type { Column } from '../render/table.ts';

const DEFAULT_URL = 'http://127.0.0.1:8501';

const COLUMNS: readonly Column[] = [
  { title: 'model' },
  { title: 'version', align: 'right' },
  { title: 'state' },
  { title: 'requests', align: 'right' },
  { title: 'failed', align: 'right' },
  { title: 'mean', align: 'right' },
  { title: 'rows/run', align: 'right' },
  { title: 'memory', align: 'right' },
  { title: 'reason' },
];

/** Prints a table; as JSON the same with exact numbers. */
export async function runPs({ terminal }: CliContext, _flags: NoFlags, url = DEFAULT_URL): Promise<void> {
  using client = createClient(url, { connections: 1, apiKey: apiKeyIn(terminal.process.env) });
  const models = await client.states();
  terminal.result(renderTable(COLUMNS, models.map(row)), { url, models });
}

function row({ name, version = '', state, reason, statistics }: ModelState): readonly string[] {
  if (!statistics) return [name, version, state, '', '', '', '', '', reason];
  const { requests, failed, meanMs, rows, runs, memoryBytes } = statistics;
  return [
    name,
    version,
    state,
    String(requests),
    String(failed),
    requests === 0 ? '' : formatMs(meanMs),
    runs === 0 ? '' : (rows / runs).toFixed(1),
    formatBytes(memoryBytes),
    reason,
  ];
}
