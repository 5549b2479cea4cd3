/** skylift.json: what a package says of itself. The types; the schema that checks them is manifest-schema.ts. */
import type { TensorSpec } from '../tensor/tensor.ts';

export const MANIFEST_FILE = 'skylift.json';

export type SignatureMethod = 'predict' | 'classify' | 'regress' | 'generate';
export type FileRole = 'graph' | 'weights' | 'asset' | 'doc';

export interface PackageFile {
  /** Plain file name inside the flat package directory. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly role: FileRole;
  readonly encryption?: 'age';
}

/** One step of a program that runs on the host before or after the graph. None is defined yet. */
export interface Step {
  readonly kind: string;
}

/** What an engine executes: the graph `<program>.onnx` with host steps around it. */
export interface Program {
  readonly steps: readonly Step[];
  /** 0: rows of several requests may be concatenated along the first axis; null: one request a run. */
  readonly batchAxis: 0 | null;
}

export interface Signature {
  readonly program: string;
  readonly method: SignatureMethod;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Where a package came from: one record per thing done to the model. */
export interface Stage {
  readonly kind: 'import';
  readonly tool: string;
  readonly source: string;
  readonly sourceSha256: string;
  readonly at: string;
}

export interface PackageManifest {
  readonly schema: 1;
  readonly engine: 'onnx' | 'gguf';
  readonly files: readonly PackageFile[];
  readonly programs: Readonly<Record<string, Program>>;
  readonly signatures: Readonly<Record<string, Signature>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly lineage: readonly Stage[];
}

/** A package on this machine whose files were verified. `digest` is the sha256 of skylift.json, lower-case hex. */
export interface PackageHandle {
  readonly dir: string;
  readonly digest: string;
  readonly manifest: PackageManifest;
}

/** TensorFlow Serving's name for the signature that is used when none is named. */
export const DEFAULT_SIGNATURE = 'serving_default';
