/**
 * A faster way than the pipe for large payloads to an engine: a file in memory that both processes have open, cut into
 * slots. The front writes a payload whole, however busy the engine is; a pipe takes 200 KB at a time and wakes both sides
 * for each. The engine can only read. Where there is no such file, or no free slot, payloads go through the pipe.
 */
import { closeSync, constants, openSync, readSync, unlinkSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { frameError } from './frame.ts';

/** A file system in memory, on Linux. */
const MEMORY_DIR = '/dev/shm';
const SLOTS = 4;
const SLOT_BYTES = 4 * 1024 * 1024;

export class PayloadSlots {
  /** Read-only, for the engine; to be closed with `handedOver`. */
  readonly engineDescriptor: number;
  /** undefined once closed: the number may then be another file's. */
  #descriptor: number | undefined;
  /** Tag of the frame whose payload is in the slot. */
  readonly #tags: (number | undefined)[] = Array.from({ length: SLOTS });

  private constructor(descriptor: number, engineDescriptor: number) {
    this.#descriptor = descriptor;
    this.engineDescriptor = engineDescriptor;
  }

  /** undefined where the platform has no files in memory. They have no name and go with their last descriptor. */
  static open(dir = MEMORY_DIR): PayloadSlots | undefined {
    if (process.platform !== 'linux') return undefined;
    const path = join(dir, `skylift-${randomUUID()}`);
    let descriptor: number | undefined;
    try {
      descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
      const engineDescriptor = openSync(path, constants.O_RDONLY);
      return new PayloadSlots(descriptor, engineDescriptor);
    } catch {
      if (descriptor !== undefined) closeSync(descriptor);
      return undefined;
    } finally {
      if (descriptor !== undefined) unlinkSync(path);
    }
  }

  /** The engine has its descriptor. */
  handedOver(): void {
    closeSync(this.engineDescriptor);
  }

  /** Copies a payload; it stays until `release`. Returns its offset, undefined when there is no room. */
  write(tag: number, chunks: readonly Uint8Array[]): number | undefined {
    const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const slot = this.#tags.indexOf(undefined);
    if (slot < 0 || sizeBytes > SLOT_BYTES || !this.#tryWrite(slot * SLOT_BYTES, chunks, sizeBytes))
      return undefined;
    this.#tags[slot] = tag;
    return slot * SLOT_BYTES;
  }

  /** The engine has answered this frame: its payload is not read any more. Tags without a slot are ignored. */
  release(tag: number): void {
    const slot = this.#tags.indexOf(tag);
    if (slot >= 0) this.#tags[slot] = undefined;
  }

  close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  /** The file system may be full: then the pipe must do. */
  #tryWrite(offset: number, chunks: readonly Uint8Array[], sizeBytes: number): boolean {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return false;
    try {
      return writevSync(descriptor, chunks, offset) === sizeBytes;
    } catch {
      return false;
    }
  }
}

/** Fills `buffer` with the payload at `offset`. Throws SKY_ENGINE_PROTOCOL when it is not there. */
export function readSlot(descriptor: number, buffer: Uint8Array, offset: number): void {
  const readBytes = readSync(descriptor, buffer, 0, buffer.length, offset);
  if (readBytes !== buffer.length)
    throw frameError(`a payload of ${buffer.length} bytes has ${readBytes} at ${offset}`);
}
