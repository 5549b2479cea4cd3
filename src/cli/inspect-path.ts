/** What lies under a path, read and checked but not loaded: a model file or a package. */
import { join } from 'node:path';
import { SkyliftError, unreachable } from '../core/errors.ts';
import { inspectModel } from '../formats/inspect.ts';
import type { ModelSummary } from '../formats/inspect.ts';
import { locateModel } from '../package/locate.ts';
import type { PackageHandle } from '../package/manifest.ts';
import { openPackage } from '../package/open-package.ts';

export interface PathReport {
  readonly kind: 'file' | 'package';
  readonly path: string;
  /** Absent for a path without numbered versions. */
  readonly version?: bigint;
  readonly package?: Pick<PackageHandle, 'digest'> &
    Pick<PackageHandle['manifest'], 'files' | 'lineage' | 'labels'>;
  /** One per graph. */
  readonly models: readonly ModelSummary[];
  readonly signatures: ModelSummary['signatures'];
}

/** The newest version under a path with numbered ones. Throws SKY_MODEL_*, SKY_ONNX_*, SKY_PACKAGE_*. */
export async function inspectPath(path: string): Promise<PathReport> {
  const located = await locateModel(path);
  switch (located.kind) {
    case 'package':
      return inspectPackage(located.path);
    case 'versions': {
      const newest = located.versions.at(-1);
      if (!newest) throw new SkyliftError('SKY_MODEL_NO_VERSIONS', `no versions under ${path}`);
      return { ...(await inspectPath(newest.path)), version: newest.version };
    }
    case 'file':
    case 'foreign-folder': {
      const model = await inspectModel(located.path);
      return { kind: 'file', path: located.path, models: [model], signatures: model.signatures };
    }
    default:
      return unreachable(located);
  }
}

async function inspectPackage(dir: string): Promise<PathReport> {
  const { digest, manifest } = await openPackage(dir);
  const { files, lineage, labels, signatures } = manifest;
  const graphs = files.filter((file) => file.role === 'graph');
  const models = await Promise.all(graphs.map((graph) => inspectModel(join(dir, graph.path))));
  return { kind: 'package', path: dir, package: { digest, files, lineage, labels }, models, signatures };
}
