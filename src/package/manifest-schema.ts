/**
 * The strict schema of skylift.json: bytes -> PackageManifest and back. A manifest comes from outside, so unknown keys,
 * names with a path in them and dangling references are refused before any other part sees it.
 */
import { z } from 'zod';
import { SkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { ELEMENT_BYTES } from '../tensor/tensor.ts';
import type { DataType } from '../tensor/tensor.ts';
import { formatBytes } from '../core/units.ts';
import { documentPath, parseDocument } from './json-document.ts';
import { MANIFEST_FILE } from './manifest.ts';
import type { PackageFile, PackageManifest } from './manifest.ts';
import { findManifestFault } from './manifest-rules.ts';
import type { ManifestFault } from './manifest-rules.ts';

/** Names of the files of a package: no separator, no leading dot, nothing that a shell or file system reads specially. */
export const PLAIN_FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const DATA_TYPES: readonly DataType[] = [...(Object.keys(ELEMENT_BYTES) as DataType[]), 'string'];
const PRINTABLE = /^[^\p{Cc}]+$/u;
const MAX_ENTRIES = 4096; // of one table: programs, signatures, tensors, labels, stages
const MAX_SHOWN_CHARS = 80; // of a refused value in a message
const MAX_PATH_CHARS = 400; // of the place of a refused value in a message
const MAX_VALUES = 100_000; // of the document: 10,000 files and as much again; bounds what the schema check can cost

const text = (maxLength: number) =>
  z.string().max(maxLength).regex(PRINTABLE, 'must be printable text and not empty');
const key = text(256);
const size = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');
const plainName = z
  .string()
  .regex(PLAIN_FILE_NAME, 'must be a plain file name (letters, digits, ".", "_", "-"; at most 128)');

const file = z.strictObject({
  path: plainName,
  sizeBytes: size,
  sha256,
  role: z.enum(['graph', 'weights', 'asset', 'doc']),
  encryption: z.exactOptional(z.literal('age')),
});

const tensorSpec = z.strictObject({
  name: text(1024),
  dtype: z.enum(DATA_TYPES),
  dims: z.nullable(
    z
      .array(z.union([size, text(256)], 'must be a size or the name of a symbolic dimension'))
      .max(LIMITS.max_tensor_rank.max),
  ),
});

const program = z.strictObject({
  steps: z.array(z.strictObject({ kind: text(64) })).max(0, 'must be empty: this release has no host steps'),
  batchAxis: z.nullable(z.literal(0)),
});

const signature = z.strictObject({
  program: plainName,
  method: z.enum(['predict', 'classify', 'regress', 'generate']),
  inputs: z.array(tensorSpec).max(MAX_ENTRIES),
  outputs: z.array(tensorSpec).min(1).max(MAX_ENTRIES),
});

const stage = z.strictObject({
  kind: z.literal('import'),
  tool: text(256),
  source: text(4096),
  sourceSha256: sha256,
  at: z.iso.datetime(),
});

const manifest = z.strictObject({
  schema: z.literal(1),
  engine: z.enum(['onnx', 'gguf']),
  files: z.array(file).min(1).max(LIMITS.max_package_files.default),
  programs: z.record(plainName, program),
  signatures: z.record(key, signature),
  labels: z.record(key, z.string().max(4096)),
  lineage: z.array(stage).max(MAX_ENTRIES),
});

/**
 * The manifest in `bytes` (UTF-8 JSON, at most 16 MiB).
 * Throws SKY_PACKAGE_INVALID with the path inside the document and the value there.
 */
export function parseManifest(bytes: Uint8Array): PackageManifest {
  const document = parseBounded(bytes);
  const checked = manifest.safeParse(document);
  if (!checked.success) throw schemaError(checked.error.issues, document);
  const parsed: PackageManifest = checked.data;
  const fault = findManifestFault(parsed);
  if (fault) throw invalid(describeFault(fault, document));
  return parsed;
}

/** Canonical text of a manifest: fixed order of keys, tables sorted by name, a newline at the end. Same content, same digest. */
export function formatManifest(value: PackageManifest): string {
  const ordered: PackageManifest = {
    schema: value.schema,
    engine: value.engine,
    files: [...value.files].sort((a, b) => compareText(a.path, b.path)).map(orderFile),
    programs: sortTable(value.programs, ({ steps, batchAxis }) => ({ steps, batchAxis })),
    signatures: sortTable(value.signatures, ({ program, method, inputs, outputs }) => ({
      program,
      method,
      inputs: inputs.map(({ name, dtype, dims }) => ({ name, dtype, dims })),
      outputs: outputs.map(({ name, dtype, dims }) => ({ name, dtype, dims })),
    })),
    labels: sortTable(value.labels, (label) => label),
    lineage: value.lineage.map(({ kind, tool, source, sourceSha256, at }) => ({
      kind,
      tool,
      source,
      sourceSha256,
      at,
    })),
  };
  return `${JSON.stringify(ordered, null, 2)}\n`;
}

/** Text of schemas/skylift.schema.json, for editors and other tools. */
export function manifestJsonSchema(): string {
  const schema = z.toJSONSchema(manifest, { target: 'draft-2020-12' });
  return `${JSON.stringify({ title: 'skylift.json, the manifest of a Skylift package', ...schema }, null, 2)}\n`;
}

function parseBounded(bytes: Uint8Array): unknown {
  const limit = LIMITS.max_manifest_bytes.default;
  if (bytes.length > limit)
    throw invalid(`has ${formatBytes(bytes.length)}, more than ${formatBytes(limit)} (max_manifest_bytes)`);
  return parseDocument(bytes, MAX_VALUES, (problem, cause) =>
    invalid(cause instanceof Error ? `${problem}: ${cause.message}` : problem, cause),
  );
}

function schemaError(issues: readonly z.core.$ZodIssue[], document: unknown): SkyliftError {
  const first = issues[0];
  if (!first) return invalid('is not a manifest');
  const others = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return invalid(describeFault({ path: first.path, message: issueText(first) }, document) + others);
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `unknown key ${showText(issue.keys.join(', '))}`;
  if (issue.code === 'invalid_key') return `the name ${issue.issues[0]?.message ?? 'is invalid'}`;
  return issue.message;
}

function describeFault(fault: ManifestFault, document: unknown): string {
  return `${documentPath(fault.path).slice(0, MAX_PATH_CHARS)} is ${showValue(document, fault.path)}: ${fault.message}`;
}

function invalid(message: string, cause?: unknown): SkyliftError {
  return new SkyliftError('SKY_PACKAGE_INVALID', `${MANIFEST_FILE}: ${message}`, { cause });
}

function showValue(document: unknown, path: readonly PropertyKey[]): string {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return 'absent';
    value = Reflect.get(value, part);
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? showText(value) : String(value);
}

function showText(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text);
}

function orderFile({ path, sizeBytes, sha256, role, encryption }: PackageFile): PackageFile {
  const base = { path, sizeBytes, sha256, role };
  return encryption === undefined ? base : { ...base, encryption };
}

function sortTable<T>(
  table: Readonly<Record<string, T>>,
  order: (value: T) => T,
): Readonly<Record<string, T>> {
  const entries = Object.entries(table).sort(([a], [b]) => compareText(a, b));
  return Object.fromEntries(entries.map(([name, value]) => [name, order(value)]));
}

/** By UTF-16 units: the same everywhere, unlike `localeCompare`. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
