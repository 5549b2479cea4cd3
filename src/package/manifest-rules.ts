/** The rules of skylift.json that span several places: names are unique, references lead somewhere, nothing is left over. */
import { MANIFEST_FILE } from './manifest.ts';
import type { PackageManifest, Signature } from './manifest.ts';

/** A broken rule and where: `path` leads into the document. */
export interface ManifestFault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** The file that the engine loads for a program. */
export function programFile(engine: PackageManifest['engine'], program: string): string {
  return `${program}.${engine}`;
}

/** The first broken rule, or undefined. */
export function findManifestFault(manifest: PackageManifest): ManifestFault | undefined {
  return findFileFault(manifest) ?? findSignatureFault(manifest) ?? findProgramFault(manifest);
}

/** Names that differ in case only would be one file on macOS and Windows. */
function findFileFault({ files }: PackageManifest): ManifestFault | undefined {
  const seen = new Set([MANIFEST_FILE]);
  let totalBytes = 0;
  for (const [i, file] of files.entries()) {
    const folded = file.path.toLowerCase();
    if (seen.has(folded))
      return { path: ['files', i, 'path'], message: 'the name is taken (letter case aside)' };
    seen.add(folded);
    totalBytes += file.sizeBytes;
    if (!Number.isSafeInteger(totalBytes))
      return { path: ['files', i, 'sizeBytes'], message: 'the sum of the sizes is beyond 2^53' };
  }
  return undefined;
}

function findProgramFault({
  engine,
  files,
  programs,
  signatures,
}: PackageManifest): ManifestFault | undefined {
  const graphs = new Set(files.filter((file) => file.role === 'graph').map((file) => file.path));
  const used = new Set(Object.values(signatures).map((signature) => signature.program));
  for (const program of Object.keys(programs)) {
    const graph = programFile(engine, program);
    if (!graphs.delete(graph))
      return { path: ['programs', program], message: `no file "${graph}" with role graph` };
    if (!used.has(program)) return { path: ['programs', program], message: 'no signature uses the program' };
  }
  const spare = files.findIndex((file) => graphs.has(file.path));
  return spare === -1 ? undefined : { path: ['files', spare], message: 'the graph belongs to no program' };
}

function findSignatureFault({ programs, signatures }: PackageManifest): ManifestFault | undefined {
  const entries = Object.entries(signatures);
  if (entries.length === 0) return { path: ['signatures'], message: 'at least one signature is needed' };
  for (const [name, signature] of entries) {
    if (!Object.hasOwn(programs, signature.program))
      return { path: ['signatures', name, 'program'], message: 'there is no such program' };
    const fault = findTensorFault(signature, 'inputs') ?? findTensorFault(signature, 'outputs');
    if (fault) return { path: ['signatures', name, ...fault.path], message: fault.message };
  }
  return undefined;
}

function findTensorFault(signature: Signature, side: 'inputs' | 'outputs'): ManifestFault | undefined {
  const seen = new Set<string>();
  for (const [i, tensor] of signature[side].entries()) {
    if (seen.has(tensor.name)) return { path: [side, i, 'name'], message: 'the name is taken' };
    seen.add(tensor.name);
  }
  return undefined;
}
