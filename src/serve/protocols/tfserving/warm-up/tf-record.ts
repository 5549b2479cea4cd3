/** Records of a TFRecord file in memory: length, its checksum, bytes, their checksum. Source: tensorflow/core/lib/io/record_reader.cc. */
import { SkyliftError } from '../../../../core/errors.ts';
import { maskedCrc32c } from './crc32c.ts';

const LENGTH_BYTES = 8;
const CHECKSUM_BYTES = 4;
const HEADER_BYTES = LENGTH_BYTES + CHECKSUM_BYTES;

/** Views into `bytes`, one record after the other. Throws SKY_WARMUP_INVALID where the framing is wrong. @param file for messages */
export function* readTfRecords(bytes: Buffer, file: string): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length;) {
    const broken = (what: string): SkyliftError => misframed(file, `${what} at byte ${at}`);
    if (bytes.length - at < HEADER_BYTES) throw broken('truncated record');
    const length = bytes.readBigUInt64LE(at);
    const isIntact =
      bytes.readUInt32LE(at + LENGTH_BYTES) === maskedCrc32c(bytes.subarray(at, at + LENGTH_BYTES));
    if (!isIntact) throw broken('corrupted record');
    const left = bytes.length - at - HEADER_BYTES - CHECKSUM_BYTES;
    if (length > BigInt(Math.max(0, left)) || left < 0) throw broken('truncated record');
    const start = at + HEADER_BYTES;
    const end = start + Number(length);
    const record = bytes.subarray(start, end);
    if (bytes.readUInt32LE(end) !== maskedCrc32c(record)) throw broken('corrupted record');
    yield record;
    at = end + CHECKSUM_BYTES;
  }
}

/** In the words of the original. */
function misframed(file: string, what: string): SkyliftError {
  return new SkyliftError(
    'SKY_WARMUP_INVALID',
    `${file}: ${what}. Please verify your warmup data is in TFRecord format.`,
  );
}
