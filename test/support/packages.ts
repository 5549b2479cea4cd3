/** Small packages for tests: a folder that goes away, files with given bytes, and what a package of them says. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescribePackage, DraftFile } from '../../src/package/draft.ts';
import type { PackageManifest } from '../../src/package/manifest.ts';

/** A temporary folder that is removed with the scope it is declared in (`await using`). */
export interface Scratch extends AsyncDisposable {
  readonly dir: string;
}

export async function openScratch(): Promise<Scratch> {
  const dir = await mkdtemp(join(tmpdir(), 'skylift-test-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

/** Writes a graph and its weights to `dir` and returns them as a draft. Contents depend on `variant` alone. */
export async function draftFiles(dir: string, variant: number, weightBytes = 4096): Promise<DraftFile[]> {
  const graph = join(dir, `graph-${variant}`);
  const weights = join(dir, `weights-${variant}`);
  await writeFile(graph, `graph ${variant}`);
  await writeFile(weights, new Uint8Array(weightBytes).fill(variant));
  return [
    { from: graph, path: 'model.onnx', role: 'graph' },
    { from: weights, path: 'weights-00001.bin', role: 'weights' },
  ];
}

/** The description that goes with `draftFiles`. */
export const describeDraft: DescribePackage = async () => DESCRIPTION;

const DESCRIPTION: Omit<PackageManifest, 'schema' | 'files'> = {
  engine: 'onnx',
  programs: { model: { steps: [], batchAxis: 0 } },
  signatures: {
    serving_default: {
      program: 'model',
      method: 'predict',
      inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 4] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: ['batch', 2] }],
    },
  },
  labels: { framework: 'none' },
  lineage: [
    {
      kind: 'import',
      tool: 'test',
      source: 'graph',
      sourceSha256: 'a'.repeat(64),
      at: '2026-01-02T03:04:05.000Z',
    },
  ],
};

/** A valid manifest with the files of `draftFiles`. */
export const MANIFEST: PackageManifest = {
  schema: 1,
  ...DESCRIPTION,
  files: [
    { path: 'model.onnx', sizeBytes: 7, sha256: 'b'.repeat(64), role: 'graph' },
    { path: 'weights-00001.bin', sizeBytes: 4096, sha256: 'c'.repeat(64), role: 'weights' },
  ],
};
