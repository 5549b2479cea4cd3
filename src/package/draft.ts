/** What an importer hands over so that a package is made of it: the files to copy, and what is said about them. */
import type { FileRole, PackageFile, PackageManifest } from './manifest.ts';

/** A file to copy into a package. */
export interface DraftFile {
  /** Absolute path of a regular file; symbolic links are refused, so pass the real path. */
  readonly from: string;
  /** Plain name inside the package. */
  readonly path: string;
  readonly role: FileRole;
}

/** Everything that the manifest says, with files that still lie elsewhere. */
export interface PackageDraft {
  readonly engine: PackageManifest['engine'];
  readonly programs: PackageManifest['programs'];
  readonly signatures: PackageManifest['signatures'];
  readonly labels: PackageManifest['labels'];
  readonly lineage: PackageManifest['lineage'];
  readonly files: readonly DraftFile[];
}

/** A package whose files somebody wrote where they shall stay. */
export interface MadePackage extends Omit<PackageDraft, 'files'> {
  readonly files: readonly Omit<DraftFile, 'from'>[];
}

/**
 * Checks the copied bytes and describes them; the copies are what will be loaded, the originals may change meanwhile.
 * `files` has the size and sha256 of each copy. An error thrown here leaves nothing behind.
 */
export type DescribePackage = (
  stagingDir: string,
  files: readonly PackageFile[],
) => Promise<Omit<PackageDraft, 'files'>>;
