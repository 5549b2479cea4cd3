/**
 * External data of a model: which files it names and whether each is a plain file of its own beside the model that
 * really has the bytes. Paths are never checked as text alone: CVE-2022-25882 and CVE-2024-27318 are one hole in onnx/onnx,
 * closed that way twice. Format: docs/ExternalData.md of onnx/onnx.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSkyliftError, SkyliftError } from '../../core/errors.ts';
import { isAbsence } from '../../package/file-failure.ts';
import { PLAIN_FILE_NAME } from '../../package/manifest-schema.ts';
import type { OnnxModel } from './model.ts';
import { tensorBytes } from './validate-tensor.ts';
import { walkTensors } from './walk.ts';

/** A file beside the model that holds tensors. */
export interface ExternalFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Where one tensor lies. */
interface ExternalRange {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
  /** The tensor, for messages. */
  readonly where: string;
}

/** `checksum` is advisory. Others have no meaning in a file, or hand the engine prepared memory (`prepacked_`). */
const KNOWN_KEYS: ReadonlySet<string> = new Set(['location', 'offset', 'length', 'checksum']);
const STRICT_DECIMAL = /^(?:0|[1-9]\d{0,15})$/;

/**
 * Checks every external tensor against the files in `folder` and returns these files, sorted by name.
 * Throws SKY_ONNX_EXTERNAL_DATA, and what `validateTensor` throws.
 */
export function checkExternalData(model: OnnxModel, folder: string): readonly ExternalFile[] {
  const sizes = new Map<string, number>();
  for (const range of externalRanges(model)) {
    const sizeBytes = sizes.get(range.location) ?? plainFileSize(folder, range);
    sizes.set(range.location, sizeBytes);
    if (range.length > sizeBytes || range.offset > sizeBytes - range.length)
      throw refuse(
        range.where,
        `needs ${range.length} bytes at offset ${range.offset}, but "${range.location}" has ${sizeBytes}`,
      );
  }
  return [...sizes]
    .map(([name, sizeBytes]) => ({ name, sizeBytes }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function* externalRanges(model: OnnxModel): Generator<ExternalRange> {
  for (const named of walkTensors(model)) {
    const { data } = named.tensor;
    if (data.kind === 'external') yield externalRange(data.entries, tensorBytes(named), named.where);
  }
}

function externalRange(entries: ReadonlyMap<string, string>, wanted: number, where: string): ExternalRange {
  for (const key of entries.keys())
    if (!KNOWN_KEYS.has(key)) throw refuse(where, `has the unknown external_data key "${key}"`);
  const location = entries.get('location') ?? '';
  if (!PLAIN_FILE_NAME.test(location))
    throw refuse(where, `lies in "${location}", which is not a plain file name`);
  const offset = decimal(entries.get('offset') ?? '0', where);
  const length = decimal(entries.get('length') ?? String(wanted), where);
  if (length !== wanted) throw refuse(where, `needs ${wanted} bytes, but its external length is ${length}`);
  return { location, offset, length, where };
}

function decimal(text: string, where: string): number {
  const value = Number(text);
  if (!STRICT_DECIMAL.test(text) || !Number.isSafeInteger(value))
    throw refuse(where, `has the external offset or length "${text}", which is not a plain number`);
  return value;
}

/** Size of the file, once it is certain that it is one, has no other name and lies in the folder itself. */
function plainFileSize(folder: string, { location, where }: ExternalRange): number {
  const path = join(folder, location);
  try {
    if (lstatSync(path).isSymbolicLink())
      throw refuse(where, `lies in "${location}", which is a symbolic link`);
    if (dirname(realpathSync(path)) !== realpathSync(folder))
      throw refuse(where, `lies in "${location}", which leads out of the model's folder`);
    return singleFileSize(path, location, where);
  } catch (error) {
    if (isSkyliftError(error)) throw error;
    if (isAbsence(error))
      throw refuse(where, `lies in "${location}", which is missing from ${folder}`, error);
    throw refuse(where, `lies in "${location}", which cannot be read: ${String(error)}`, error);
  }
}

function singleFileSize(path: string, location: string, where: string): number {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const descriptor = openSync(path, flags);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw refuse(where, `lies in "${location}", which is not a regular file`);
    if (stat.nlink !== 1) throw refuse(where, `lies in "${location}", which has ${stat.nlink} hard links`);
    return stat.size;
  } finally {
    closeSync(descriptor);
  }
}

function refuse(where: string, what: string, cause?: unknown): SkyliftError {
  return new SkyliftError('SKY_ONNX_EXTERNAL_DATA', `${where} ${what}`, { cause });
}
