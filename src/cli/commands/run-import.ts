/** Runs `skylift import`: the file is read in a process of its own, the package is copied from the store. */
import { join } from 'node:path';
import { formatBytes } from '../../core/units.ts';
import type { PackageHandle } from '../../package/manifest.ts';
import { writePackage } from '../../package/write-package.ts';
import { importToStore } from '../compose.ts';
import type { CliContext } from '../define-command.ts';
import { startProgress } from '../render/progress.ts';

export interface ImportFlags {
  readonly out?: string;
  readonly name?: string;
}

/** Imports and prints the folder of the package. */
export async function runImport(
  context: CliContext,
  { out, name }: ImportFlags,
  path: string,
): Promise<void> {
  using progress = startProgress(context.terminal, `importing ${path}`);
  const stored = await importToStore(path, name);
  const handle = out === undefined ? stored : await copyTo(out, stored);
  progress.done();
  const { files, signatures } = handle.manifest;
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  context.terminal.say(
    `${context.terminal.paint('green', '✔')} ${path} -> package of ${files.length} file${files.length === 1 ? '' : 's'}, ${formatBytes(sizeBytes)}; next: skylift serve ${name ?? handle.dir}`,
  );
  context.terminal.result(handle.dir, {
    dir: handle.dir,
    digest: handle.digest,
    sizeBytes,
    files,
    signatures,
  });
}

function copyTo(dir: string, { dir: from, manifest }: PackageHandle): Promise<PackageHandle> {
  const { files, ...description } = manifest;
  const drafts = files.map(({ path, role }) => ({ from: join(from, path), path, role }));
  return writePackage(dir, drafts, async () => description);
}
