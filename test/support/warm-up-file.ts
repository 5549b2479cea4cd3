/** Warm-up files of TensorFlow Serving: TFRecords of PredictionLogs. */
import { ProtoWriter } from '../../src/core/proto-writer.ts';
import { maskedCrc32c } from '../../src/serve/protocols/tfserving/warm-up/crc32c.ts';

/** A TFRecord file. */
export function tfRecordFile(records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const header = Buffer.alloc(12);
      header.writeBigUInt64LE(BigInt(record.length));
      header.writeUInt32LE(maskedCrc32c(header.subarray(0, 8)), 8);
      const footer = Buffer.alloc(4);
      footer.writeUInt32LE(maskedCrc32c(record));
      return [header, record, footer];
    }),
  );
}

export interface LoggedPredict {
  readonly signature?: string;
  /** Alias and float values, a vector. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

/** A PredictionLog with a predict_log. */
export function predictLog({ signature = '', inputs }: LoggedPredict): Uint8Array {
  const writer = new ProtoWriter();
  writer.message(6, () =>
    writer.message(1, () => {
      writer.message(1, () => writer.string(1, 'recorded_elsewhere').string(3, signature));
      for (const [alias, values] of Object.entries(inputs))
        writer.message(2, () =>
          writer.string(1, alias).message(2, () => {
            writer.integer(1, 1);
            writer.message(2, () => writer.message(2, () => writer.integer(1, values.length)));
            for (const value of values) writer.float(5, value);
          }),
        );
    }),
  );
  return writer.finish();
}

/** A PredictionLog with an empty log of another kind. @param field its number */
export function otherLog(field: number): Uint8Array {
  const writer = new ProtoWriter();
  return writer.message(field, () => writer.message(1, () => {})).finish();
}
