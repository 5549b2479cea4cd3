/** A loaded version as the protocols see it: its manifest and its signatures by name. */
import { SkyliftError } from '../../core/errors.ts';
import { DEFAULT_SIGNATURE } from '../../package/manifest.ts';
import type { PackageManifest } from '../../package/manifest.ts';
import type { NamedSignature, ServableVersion } from './requests.ts';

export function createServable(model: string, version: bigint, manifest: PackageManifest): ServableVersion {
  const signatures = new Map<string, NamedSignature>();
  for (const [name, signature] of Object.entries(manifest.signatures))
    signatures.set(name, { name, signature, key: String(signatures.size) });
  const [only] = signatures.values();
  const implied = signatures.get(DEFAULT_SIGNATURE) ?? (signatures.size === 1 ? only : undefined);
  return {
    model,
    version,
    manifest,
    signature(name) {
      const found = name === undefined ? implied : signatures.get(name);
      if (found) return found;
      throw new SkyliftError(
        'SKY_SIGNATURE_NOT_FOUND',
        `Serving signature name: "${name ?? DEFAULT_SIGNATURE}" not found in signature def`,
        {
          details: { model, signatures: [...signatures.keys()] },
        },
      );
    },
  };
}
