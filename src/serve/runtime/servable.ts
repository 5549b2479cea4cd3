/** A loaded version as the protocols see it: its manifest and its signatures by name. */
import { SkyliftError, unreachable } from '../../core/errors.ts';
import { DEFAULT_SIGNATURE } from '../../package/manifest.ts';
import type { PackageManifest } from '../../package/manifest.ts';
import type { ModelConfiguration } from './loading/version-options.ts';
import type { NamedSignature, ServableVersion, VersionSelector } from './requests.ts';

export function createServable(
  model: string,
  version: bigint,
  manifest: PackageManifest,
  configuration?: ModelConfiguration,
): ServableVersion {
  const signatures = new Map<string, NamedSignature>();
  for (const [name, signature] of Object.entries(manifest.signatures))
    signatures.set(name, {
      name,
      signature,
      isBatched: manifest.programs[signature.program]?.batchAxis === 0,
      key: String(signatures.size),
    });
  const [only] = signatures.values();
  const implied = signatures.get(DEFAULT_SIGNATURE) ?? (signatures.size === 1 ? only : undefined);
  return {
    model,
    version,
    manifest,
    configuration,
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

/** The error of a request for a version that is not there, in TensorFlow Serving's words: clients match on them. */
export function versionNotFound(model: string, selector: VersionSelector): SkyliftError {
  switch (selector.kind) {
    case 'label':
      // INVALID_ARGUMENT in the original, whether the model or only the label is unknown
      return new SkyliftError(
        'SKY_REQUEST_INVALID',
        `Unrecognized servable version label: ${selector.label}`,
        { hint: 'Give the label to a version in the model config file, or ask for a version by number.' },
      );
    case 'version':
      return notFound(`Specific(${model}, ${selector.version})`);
    case 'latest':
      return notFound(`Latest(${model})`);
    default:
      return unreachable(selector);
  }
}

function notFound(request: string): SkyliftError {
  return new SkyliftError('SKY_MODEL_NOT_FOUND', `Servable not found for request: ${request}`);
}
