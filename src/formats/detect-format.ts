/**
 * Tells the format of a file by its content. An .onnx file has no magic number: it is whatever starts with a field of
 * ModelProto and is nothing else. Sources: GGUF and safetensors specifications, APPNOTE.TXT of PKWARE, pickletools.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SkyliftError } from '../core/errors.ts';
import { isModelFileName, judgeFolder } from '../package/model-files.ts';
import { openByteFile } from './byte-file.ts';

const HEAD_BYTES = 64;

interface Mark {
  /** With its article, to follow "looks like". */
  readonly what: string;
  readonly matches: (head: Uint8Array, sizeBytes: number) => boolean;
}

/** One character per byte; TextDecoder's latin1 is windows-1252 and changes some. */
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const textAt = (offset: number, wanted: string) => (head: Uint8Array) =>
  latin1(head.subarray(offset, offset + wanted.length)) === wanted;

/** The first that matches counts. */
const FOREIGN_MARKS: readonly Mark[] = [
  { what: 'a GGUF model', matches: textAt(0, 'GGUF') },
  { what: 'a zip archive (PyTorch, Keras or NumPy)', matches: textAt(0, 'PK\x03\x04') },
  { what: 'an HDF5 file (Keras)', matches: textAt(0, '\x89HDF\r\n\x1a\n') },
  { what: 'a TensorFlow Lite model', matches: textAt(4, 'TFL3') },
  { what: 'an ONNX Runtime (.ort) model', matches: textAt(4, 'ORTM') },
  { what: 'a gzip archive', matches: textAt(0, '\x1f\x8b') },
  {
    what: 'a Git LFS pointer instead of the file (run: git lfs pull)',
    matches: textAt(0, 'version https://git-lfs'),
  },
  { what: 'a NumPy array', matches: textAt(0, '\x93NUMPY') },
  { what: 'safetensors weights', matches: isSafetensors },
  { what: 'a Python pickle (PyTorch, scikit-learn or joblib)', matches: isPickle },
  { what: 'a JSON document', matches: (head) => /^\s*[{[]/.test(latin1(head)) },
];

/** Returns when the file may be ONNX; the reader decides. Throws SKY_MODEL_FORMAT_UNKNOWN naming what it looks like. */
export function requireOnnx(path: string): void {
  const what = isFolder(path) ? describeFolder(path) : describeFile(path);
  if (what !== undefined)
    throw new SkyliftError('SKY_MODEL_FORMAT_UNKNOWN', `${path} ${what}`, { details: { path } });
}

/** What the file is instead of ONNX, or undefined. */
function describeFile(path: string): string | undefined {
  using file = openByteFile(path);
  const head = new Uint8Array(Math.min(HEAD_BYTES, file.sizeBytes));
  file.readInto(head, 0);
  if (head.length === 0) return 'is empty';
  const mark = FOREIGN_MARKS.find(({ matches }) => matches(head, file.sizeBytes));
  if (mark) return `looks like ${mark.what}`;
  if (basename(path) === 'saved_model.pb') return 'looks like the graph of a TensorFlow SavedModel';
  return MODEL_TAGS.has(head[0] ?? 0) ? undefined : 'does not start as an ONNX model does';
}

/** First bytes of ModelProto: field * 8 + wire type of ir_version, producer_name, ... metadata_props (onnx-ml.proto). */
const MODEL_TAGS: ReadonlySet<number> = new Set([0x08, 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72]);

/** Eight bytes with the length of a JSON header, then the header. */
function isSafetensors(head: Uint8Array, sizeBytes: number): boolean {
  if (head.length < 9) return false;
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  return length <= BigInt(sizeBytes - 8) && head[8] === 0x7b;
}

/** Protocol 2 and newer start with PROTO and the version. */
function isPickle(head: Uint8Array): boolean {
  const version = head[1] ?? 0;
  return head[0] === 0x80 && version >= 2 && version <= 5;
}

function describeFolder(path: string): string {
  const names = readdirSync(path);
  const content = judgeFolder(names);
  if (content?.kind === 'foreign') return `looks like ${content.what}`;
  const models = names.filter(isModelFileName);
  return models.length === 0
    ? 'is a folder without a model file'
    : `is a folder; name the file: ${models.map((name) => join(path, name)).join(' or ')}`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
