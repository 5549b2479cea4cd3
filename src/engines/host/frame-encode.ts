/** Writes frames. */
import { SkyliftError } from '../../core/errors.ts';
import type { ScatteredTensor } from '../../tensor/rows.ts';
import type { DataType } from '../../tensor/tensor.ts';
import {
  ALIGNMENT_BYTES,
  DATA_TYPES,
  DIM_BYTES,
  HEADER_BYTES,
  JOB_BYTES,
  KINDS,
  LAST_BIT,
  LENGTH_BYTES,
  SLOT_BIT,
  TENSOR_BYTES,
  aligned,
} from './frame.ts';
import type { FrameKind, OutgoingFrame } from './frame.ts';
import type { PayloadSlots } from './payload-slots.ts';

/** Frames up to this size are made as one buffer; larger ones leave the payloads where they are. */
const INLINE_BYTES = 16 * 1024;

const MAX_RANK = 255; // what the field holds; the protocols in front are stricter

const KIND_CODES = Object.fromEntries(KINDS.map((kind, code) => [kind, code])) as Record<FrameKind, number>;
const DATA_TYPE_CODES = Object.fromEntries(DATA_TYPES.map((dtype, code) => [dtype, code])) as Record<
  DataType,
  number
>;

/**
 * The bytes of a frame, to be written one after the other. Large payloads are not copied: they must stay as they are
 * until they are written, unless one of `slots` takes them: then the frame is one chunk. Throws SKY_REQUEST_TOO_LARGE
 * when the frame exceeds `maxBytes`, SKY_TENSOR_INVALID for dims that do not fit their field.
 */
export function encodeFrame(
  frame: OutgoingFrame,
  maxBytes: number,
  slots?: PayloadSlots,
): readonly Uint8Array[] {
  const { jobs = [], tensors = [] } = frame;
  for (const tensor of tensors) requireEncodable(tensor.dims);
  const json = frame.json === undefined ? undefined : Buffer.from(JSON.stringify(frame.json));
  const ranks = tensors.reduce((sum, tensor) => sum + tensor.dims.length, 0);
  const descriptorBytes = jobs.length * JOB_BYTES + tensors.length * TENSOR_BYTES + ranks * DIM_BYTES;
  const payloadStart = aligned(HEADER_BYTES + descriptorBytes + (json?.length ?? 0));
  const sizes = tensors.map((tensor) => tensor.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  const totalBytes = sizes.reduce((sum, size) => sum + aligned(size), payloadStart);
  if (totalBytes > maxBytes) throw tooLarge(totalBytes, maxBytes);
  const isInline = totalBytes <= INLINE_BYTES;
  const payloads = isInline ? [] : tensors.flatMap(paddedChunks);
  const slotOffset = payloads.length === 0 ? undefined : slots?.write(frame.tag ?? 0, payloads);
  const sizeBytes = slotOffset === undefined ? totalBytes : payloadStart;
  const head = Buffer.alloc(isInline ? totalBytes : payloadStart);
  writeHead(head, { frame, sizes, sizeBytes, slotOffset, jsonBytes: json?.length ?? 0 });
  json?.copy(head, HEADER_BYTES + descriptorBytes);
  if (isInline) copyPayloads(head, payloadStart, tensors);
  return slotOffset === undefined ? [head, ...payloads] : [head];
}

function tooLarge(sizeBytes: number, maxBytes: number): SkyliftError {
  return new SkyliftError(
    'SKY_REQUEST_TOO_LARGE',
    `a frame of ${sizeBytes} bytes exceeds ${maxBytes} bytes (max_frame_bytes)`,
    { hint: 'Send smaller batches, or raise --max_frame_bytes.' },
  );
}

interface HeadValues {
  readonly frame: OutgoingFrame;
  readonly sizes: readonly number[];
  /** Of the frame. */
  readonly sizeBytes: number;
  /** Of the payloads when they are not in the frame. */
  readonly slotOffset: number | undefined;
  readonly jsonBytes: number;
}

function writeHead(head: Buffer, { frame, sizes, sizeBytes, slotOffset, jsonBytes }: HeadValues): void {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const { jobs = [], tensors = [] } = frame;
  view.setUint32(0, sizeBytes - LENGTH_BYTES, true);
  view.setUint8(4, KIND_CODES[frame.kind]);
  view.setUint8(5, (frame.isLast ? LAST_BIT : 0) | (slotOffset === undefined ? 0 : SLOT_BIT));
  view.setUint16(6, tensors.length, true);
  view.setUint32(8, frame.session ?? 0, true);
  view.setUint32(12, frame.tag ?? 0, true);
  view.setUint32(16, jobs.length, true);
  view.setUint32(20, jsonBytes, true);
  view.setUint32(24, frame.ranUs ?? 0, true);
  view.setUint32(28, frame.signature ?? 0, true);
  view.setUint32(32, slotOffset ?? 0, true);
  let at = HEADER_BYTES;
  for (const job of jobs) {
    view.setUint32(at, job.id, true);
    view.setUint32(at + 4, job.rows, true);
    at += JOB_BYTES;
  }
  for (const [i, tensor] of tensors.entries()) at = writeTensorHead(view, at, tensor, sizes[i] ?? 0);
}

function writeTensorHead(view: DataView, at: number, tensor: ScatteredTensor, sizeBytes: number): number {
  view.setUint8(at, DATA_TYPE_CODES[tensor.dtype]);
  view.setUint8(at + 1, tensor.dims.length);
  view.setUint32(at + 4, sizeBytes, true);
  let dimAt = at + TENSOR_BYTES;
  for (const dim of tensor.dims) {
    view.setUint32(dimAt, dim, true);
    dimAt += DIM_BYTES;
  }
  return dimAt;
}

function copyPayloads(head: Buffer, start: number, tensors: readonly ScatteredTensor[]): void {
  let at = start;
  for (const tensor of tensors) {
    for (const chunk of tensor.chunks) {
      head.set(chunk, at);
      at += chunk.length;
    }
    at = aligned(at);
  }
}

const ZEROS = new Uint8Array(ALIGNMENT_BYTES);

function paddedChunks(tensor: ScatteredTensor): readonly Uint8Array[] {
  const sizeBytes = tensor.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const padding = aligned(sizeBytes) - sizeBytes;
  return padding === 0 ? tensor.chunks : [...tensor.chunks, ZEROS.subarray(0, padding)];
}

function requireEncodable(dims: readonly number[]): void {
  if (dims.length > MAX_RANK || dims.some((dim) => dim > 0xffff_ffff))
    throw new SkyliftError('SKY_TENSOR_INVALID', `shape [${dims.join(',')}] cannot be sent to an engine`);
}
