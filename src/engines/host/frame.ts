/**
 * The frames between the front and an engine process: how one frame looks in bytes.
 *
 * Little-endian. The length counts the bytes after itself; a frame is padded to a multiple of 64, and every payload starts
 * at a multiple of 64 from the start of its frame, so that a frame at an aligned address holds aligned tensors.
 *
 * | offset | type | field                                                  |
 * | ------ | ---- | ------------------------------------------------------ |
 * | 0      | u32  | length                                                 |
 * | 4      | u8   | kind                                                   |
 * | 5      | u8   | bit 0 isLast: nothing more follows for this tag;       |
 * |        |      | bit 1: the payloads are in a slot, not in the frame    |
 * | 6      | u16  | number of tensors                                      |
 * | 8      | u32  | session                                                |
 * | 12     | u32  | tag: id of the batch or of the control call            |
 * | 16     | u32  | number of jobs                                         |
 * | 20     | u32  | bytes of JSON                                          |
 * | 24     | u32  | microseconds in native code                            |
 * | 28     | u32  | index of the signature in the order of the manifest    |
 * | 32     | u32  | offset of the payloads in the slots                    |
 * | 36     |      | jobs: u32 place in the batch, u32 rows                 |
 * |        |      | tensors: u8 dtype, u8 rank, u16 0, u32 bytes, u32 dims |
 * |        |      | JSON, padding, payloads                                |
 */
import { SkyliftError } from '../../core/errors.ts';
import type { ScatteredTensor } from '../../tensor/rows.ts';
import { ELEMENT_BYTES } from '../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../tensor/tensor.ts';

/** Raised with every change of the frames; both sides come from one package, so that a difference is a broken install. */
export const PROTOCOL_VERSION = 2;

export const ALIGNMENT_BYTES = 64;
export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 36;
export const LAST_BIT = 1;
export const SLOT_BIT = 2;
export const JOB_BYTES = 8;
export const TENSOR_BYTES = 8;
export const DIM_BYTES = 4;

/** Front to engine: load, unload, run, drop, memory. Engine to front: the rest. Their order is their code. */
export const KINDS = [
  'hello',
  'heartbeat',
  'load',
  'loaded',
  'unload',
  'unloaded',
  'memory',
  'memoryIs',
  'run',
  'drop',
  'part',
  'result',
  'fail',
  'refused',
] as const;
export type FrameKind = (typeof KINDS)[number];

export const DATA_TYPES = [...Object.keys(ELEMENT_BYTES), 'string'] as readonly DataType[];

export interface FrameJob {
  /** Place in its batch. */
  readonly id: number;
  readonly rows: number;
}

/** A frame to write. What is absent is zero or empty. */
export interface OutgoingFrame {
  readonly kind: FrameKind;
  readonly isLast?: boolean;
  readonly session?: number;
  readonly tag?: number;
  readonly ranUs?: number;
  readonly signature?: number;
  readonly jobs?: readonly FrameJob[];
  readonly tensors?: readonly ScatteredTensor[];
  readonly json?: unknown;
}

/** A frame that was read. Tensors are views over it. */
export interface Frame {
  /** The bytes that its tensors are views of. */
  readonly memory: Uint8Array;
  readonly kind: FrameKind;
  readonly isLast: boolean;
  readonly session: number;
  readonly tag: number;
  readonly ranUs: number;
  readonly signature: number;
  readonly jobs: readonly FrameJob[];
  readonly tensors: readonly Tensor[];
  /** `undefined` when the frame has none. Not checked: it comes from another process. */
  readonly json: unknown;
}

/** An error about a frame that breaks the rules above. */
export function frameError(message: string): SkyliftError {
  return new SkyliftError('SKY_ENGINE_PROTOCOL', message);
}

/** `value` rounded up to the next multiple of the alignment. */
export function aligned(value: number): number {
  return Math.ceil(value / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
