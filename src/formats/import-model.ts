/**
 * Foreign model -> package: which files to copy, and what the copies are. The copies are checked again in the store's
 * staging folder, because those are the bytes that an engine will load; nothing is rewritten on the way.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { DescribePackage, DraftFile } from '../package/draft.ts';
import { digestOf, withRegularFile } from '../package/file-copy.ts';
import { diskFiles } from '../package/file-port.ts';
import { MANIFEST_FILE } from '../package/manifest.ts';
import type { PackageHandle, Stage } from '../package/manifest.ts';
import type { PackageStore } from '../package/store.ts';
import { requireOnnx } from './detect-format.ts';
import { checkExternalData } from './onnx/external-data.ts';
import type { ExternalFile } from './onnx/external-data.ts';
import type { OnnxModel } from './onnx/model.ts';
import { readOnnxFile } from './onnx/read-model.ts';
import { GRAPH_FILE, readSignatures } from './onnx/to-package.ts';
import { validateModel } from './onnx/validate.ts';

export interface ImportSource {
  /** Path of the model file. */
  readonly path: string;
  /** Name and version of the importing program, for the lineage. */
  readonly tool: string;
  readonly limits: Limits;
}

/** What `PackageStore.publish` takes. */
export interface ModelImport {
  readonly files: readonly DraftFile[];
  readonly describe: DescribePackage;
}

/**
 * Imports a model into `store`, or returns the package that was made of the same bytes before.
 * Throws SKY_MODEL_NOT_FOUND, SKY_MODEL_FORMAT_UNKNOWN, SKY_ONNX_*, SKY_PACKAGE_*, SKY_STORE_*.
 */
export async function importInto(store: PackageStore, source: ImportSource): Promise<PackageHandle> {
  const { files, describe } = importModel(source);
  const known = await store.findImport(await digestSource(files));
  if (known) return known;
  const handle = await store.publish(files, describe);
  for (const { sourceSha256 } of handle.manifest.lineage)
    await store.recordImport(sourceSha256, handle.digest);
  return handle;
}

/** Checks the model where it lies and says what to copy. Throws SKY_MODEL_*, SKY_ONNX_*. */
export function importModel({ path, tool, limits }: ImportSource): ModelImport {
  const absolute = resolve(path);
  requireOnnx(absolute);
  const { external } = checkOnnx(absolute, dirname(absolute), limits);
  const files = [
    { from: realpathSync(absolute), path: GRAPH_FILE, role: 'graph' as const },
    ...external.map(({ name }) => weightsFile(dirname(absolute), name)),
  ];
  const describe: DescribePackage = async (stagingDir, copies) => {
    const staged = checkOnnx(join(stagingDir, GRAPH_FILE), stagingDir, limits);
    if (staged.external.length !== external.length)
      throw new SkyliftError('SKY_PACKAGE_DIGEST_MISMATCH', `${absolute} changed while it was imported`);
    const lineage = [importStage(absolute, tool, combineDigests(copies))];
    return { engine: 'onnx', ...readSignatures(staged.model), labels: {}, lineage };
  };
  return { files, describe };
}

interface CheckedOnnx {
  readonly model: OnnxModel;
  readonly external: readonly ExternalFile[];
}

function checkOnnx(path: string, folder: string, limits: Limits): CheckedOnnx {
  const model = readOnnxFile(path, limits);
  validateModel(model, limits);
  return { model, external: checkExternalData(model, folder) };
}

/** External files keep their names: the graph refers to them. */
function weightsFile(folder: string, name: string): DraftFile {
  if ([GRAPH_FILE, MANIFEST_FILE].includes(name.toLowerCase()))
    throw new SkyliftError(
      'SKY_ONNX_EXTERNAL_DATA',
      `external data is called "${name}", a name that packages use`,
    );
  return { from: join(folder, name), path: name, role: 'weights' };
}

function importStage(path: string, tool: string, sourceSha256: string): Stage {
  const source = basename(path).replaceAll(/\p{Cc}/gu, '?'); // the folder would tell of this machine
  return { kind: 'import', tool, source, sourceSha256, at: new Date(systemClock.wallMs()).toISOString() };
}

async function digestSource(files: readonly DraftFile[]): Promise<string> {
  const digests = [];
  for (const { from, path } of files) {
    const { sha256 } = await withRegularFile(diskFiles, from, (file) => digestOf(file));
    digests.push({ path, sha256 });
  }
  return combineDigests(digests);
}

/** The sha256 of a single file; of several, that of their `sha256sum` listing in the order of their names. */
function combineDigests(files: readonly { readonly path: string; readonly sha256: string }[]): string {
  const [first, ...others] = files;
  if (first && others.length === 0) return first.sha256;
  const lines = files.map(({ path, sha256 }) => `${sha256}  ${path}\n`);
  return createHash('sha256')
    .update(lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join(''))
    .digest('hex');
}
