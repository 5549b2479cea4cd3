/**
 * Random-access bytes for the readers of foreign files: one open descriptor (or a buffer), no mapping, no whole-file
 * reads. Reads are synchronous because imports run in a process of their own.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SkyliftError } from '../core/errors.ts';
import { errnoOf, fileFailure, isAbsence, notRegularFile } from '../package/file-failure.ts';

/** Bytes that can be read at any offset. `close` is idempotent. */
export interface ByteFile extends Disposable {
  readonly sizeBytes: number;
  /** Fills `target` from `offset` as far as the file reaches; returns the number of bytes read. */
  readInto(target: Uint8Array, offset: number): number;
}

/** A part of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Views a buffer as a file. */
export function memoryFile(bytes: Uint8Array): ByteFile {
  return {
    sizeBytes: bytes.byteLength,
    readInto(target, offset) {
      const part = bytes.subarray(offset, offset + target.byteLength);
      target.set(part);
      return part.byteLength;
    },
    [Symbol.dispose]: () => {},
  };
}

/**
 * Opens a regular file for reading. Links are followed: a model hub's cache consists of them. Throws SKY_MODEL_NOT_FOUND
 * when there is none, SKY_MODEL_FORMAT_UNKNOWN for folders, pipes and devices, SKY_STORE_IO.
 */
export function openByteFile(path: string): ByteFile {
  const descriptor = openDescriptor(path);
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw new SkyliftError('SKY_MODEL_FORMAT_UNKNOWN', `${path} is a folder`);
    if (!stat.isFile()) throw notRegularFile(path);
    return {
      sizeBytes: stat.size,
      readInto: (target, offset) => readFully(descriptor, target, offset),
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function openDescriptor(path: string): number {
  try {
    // O_NONBLOCK: opening a named pipe must not wait for a writer
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (errnoOf(error) === 'ENXIO') throw notRegularFile(path, error); // how a socket answers open(2)
    if (!isAbsence(error)) throw fileFailure(`open ${path}`, error);
    throw new SkyliftError('SKY_MODEL_NOT_FOUND', `there is no file ${path}`, { cause: error });
  }
}

/** read(2) may return less than asked for, at most 2 GiB at a time. */
function readFully(descriptor: number, target: Uint8Array, offset: number): number {
  let total = 0;
  while (total < target.byteLength) {
    const count = readSync(descriptor, target, total, target.byteLength - total, offset + total);
    if (count === 0) break;
    total += count;
  }
  return total;
}
