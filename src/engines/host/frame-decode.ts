/** Reads frames. Nothing of them is trusted: they may come from a process in which foreign code runs. */
import { toSkyliftError } from '../../core/errors.ts';
import { checkStrings } from '../../tensor/strings.ts';
import { ELEMENT_BYTES } from '../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../tensor/tensor.ts';
import {
  DATA_TYPES,
  DIM_BYTES,
  HEADER_BYTES,
  JOB_BYTES,
  KINDS,
  LAST_BIT,
  SLOT_BIT,
  TENSOR_BYTES,
  aligned,
  frameError,
} from './frame.ts';
import type { Frame, FrameJob } from './frame.ts';

/** Gives the bytes that were written to a slot. May throw SKY_ENGINE_PROTOCOL. */
export type ReadSlot = (offset: number, sizeBytes: number) => Uint8Array;

export interface DecodeOptions {
  /** Reads payloads that are not in their frames. @default they must be */
  readonly readSlot?: ReadSlot;
  /** Jobs and JSON of a frame become objects, which take many times the memory of their bytes. @default no bound */
  readonly maxJobs?: number;
  /** @default no bound */
  readonly maxJsonBytes?: number;
}

/**
 * Reads one whole frame. Checks that everything lies inside it and that dims, dtype and bytes of every tensor fit together.
 * Throws SKY_ENGINE_PROTOCOL.
 */
export function decodeFrame(
  frame: Uint8Array,
  { readSlot, maxJobs = Infinity, maxJsonBytes = Infinity }: DecodeOptions = {},
): Frame {
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.length); // never a Buffer: its slice() does not copy
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const kind = KINDS[view.getUint8(4)];
  if (kind === undefined) throw frameError(`frame kind ${view.getUint8(4)} is unknown`);
  const tensorCount = view.getUint16(6, true);
  const jobCount = view.getUint32(16, true);
  const jsonBytes = view.getUint32(20, true);
  if (jobCount > maxJobs || jsonBytes > maxJsonBytes)
    throw frameError(`a frame with ${jobCount} jobs and ${jsonBytes} bytes of JSON`);
  const tensorsAt = HEADER_BYTES + jobCount * JOB_BYTES;
  requireInside(tensorsAt + tensorCount * TENSOR_BYTES, bytes.length);
  const heads = readTensorHeads(view, tensorsAt, tensorCount);
  requireInside(heads.end + jsonBytes, bytes.length);
  const flags = view.getUint8(5);
  const payloadsAt = aligned(heads.end + jsonBytes);
  const isInSlot = (flags & SLOT_BIT) !== 0;
  const memory = isInSlot ? slotBytes(readSlot, view.getUint32(32, true), heads.tensors) : bytes;
  return {
    memory,
    kind,
    isLast: (flags & LAST_BIT) !== 0,
    session: view.getUint32(8, true),
    tag: view.getUint32(12, true),
    ranUs: view.getUint32(24, true),
    signature: view.getUint32(28, true),
    jobs: readJobs(view, jobCount),
    tensors: readTensors(memory, isInSlot ? 0 : payloadsAt, heads.tensors),
    json: jsonBytes === 0 ? undefined : readJson(bytes.subarray(heads.end, heads.end + jsonBytes)),
  };
}

function slotBytes(readSlot: ReadSlot | undefined, offset: number, heads: readonly TensorHead[]): Uint8Array {
  if (!readSlot) throw frameError('payloads are in a slot, and there is none');
  return readSlot(
    offset,
    heads.reduce((sum, { sizeBytes }) => sum + aligned(sizeBytes), 0),
  );
}

function requireInside(end: number, sizeBytes: number): void {
  if (end > sizeBytes) throw frameError(`frame of ${sizeBytes} bytes names ${end} bytes of content`);
}

function readJobs(view: DataView, count: number): FrameJob[] {
  const jobs: FrameJob[] = [];
  for (let at = HEADER_BYTES; jobs.length < count; at += JOB_BYTES)
    jobs.push({ id: view.getUint32(at, true), rows: view.getUint32(at + 4, true) });
  return jobs;
}

interface TensorHead {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly sizeBytes: number;
}

function readTensorHeads(
  view: DataView,
  start: number,
  count: number,
): { tensors: TensorHead[]; end: number } {
  const tensors: TensorHead[] = [];
  let at = start;
  while (tensors.length < count) {
    requireInside(at + TENSOR_BYTES, view.byteLength);
    const dtype = DATA_TYPES[view.getUint8(at)];
    if (dtype === undefined) throw frameError(`dtype code ${view.getUint8(at)} is unknown`);
    const rank = view.getUint8(at + 1);
    const sizeBytes = view.getUint32(at + 4, true);
    at += TENSOR_BYTES;
    requireInside(at + rank * DIM_BYTES, view.byteLength);
    const dims: number[] = [];
    for (; dims.length < rank; at += DIM_BYTES) dims.push(view.getUint32(at, true));
    tensors.push({ dtype, dims, sizeBytes });
  }
  return { tensors, end: at };
}

function readTensors(bytes: Uint8Array, start: number, heads: readonly TensorHead[]): Tensor[] {
  let at = start;
  return heads.map(({ dtype, dims, sizeBytes }) => {
    requireInside(at + sizeBytes, bytes.length);
    const payload = bytes.subarray(at, at + sizeBytes);
    at = aligned(at + sizeBytes);
    requireFit(dtype, dims, payload);
    return { dtype, dims, bytes: payload };
  });
}

/** Products beyond 2^53 are inexact but never equal a u32, so that plain arithmetic is enough. */
function requireFit(dtype: DataType, dims: readonly number[], payload: Uint8Array): void {
  let count = 1;
  for (const dim of dims) count *= dim;
  const isFit =
    dtype === 'string' ? areStrings(payload, count) : count * ELEMENT_BYTES[dtype] === payload.length;
  if (!isFit) throw frameError(`${dtype}[${dims.join(',')}] does not fit ${payload.length} bytes`);
}

function areStrings(payload: Uint8Array, count: number): boolean {
  try {
    checkStrings(payload, count);
    return true;
  } catch {
    return false;
  }
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (error) {
    throw toSkyliftError(error, 'SKY_ENGINE_PROTOCOL');
  }
}
