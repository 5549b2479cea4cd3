/** Who we are: versions of the product and of the parts that matter for a report. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface ProductVersions {
  readonly skylift: string;
  readonly node: string;
  /** Version of the installed native engine, undefined when it is not installed. */
  readonly onnxruntime: string | undefined;
  readonly platform: string;
}

/** Reads the versions; loads no native code. */
export function productVersions(): ProductVersions {
  return {
    skylift: versionIn(new URL('../../package.json', import.meta.url)) ?? 'unknown',
    node: process.versions.node,
    onnxruntime: engineVersion(),
    platform: `${process.platform}-${process.arch}`,
  };
}

function engineVersion(): string | undefined {
  try {
    return versionIn(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  } catch {
    return undefined;
  }
}

function versionIn(manifest: URL | string): string | undefined {
  const parsed: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
  const version =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined;
  return typeof version === 'string' ? version : undefined;
}
