/** ModelStatistics over gRPC. */
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { ModelStatistics } from '../../../runtime/requests.ts';
import type { Duration } from '../../../runtime/version-statistics.ts';
import { durationsOf, nanoseconds } from '../statistics.ts';

/** ModelStatisticsResponse. */
export function statisticsMessage(versions: readonly ModelStatistics[]): ProtoWriter {
  const writer = new ProtoWriter();
  for (const version of versions) writer.message(1, () => writeVersion(writer, version));
  return writer;
}

function writeVersion(writer: ProtoWriter, version: ModelStatistics): void {
  const { lastInferenceMs, inferenceCount, executionCount, batches } = version.statistics;
  writer
    .string(1, version.model)
    .string(2, String(version.version))
    .int64(3, BigInt(Math.trunc(lastInferenceMs)))
    .int64(4, BigInt(inferenceCount))
    .int64(5, BigInt(executionCount))
    .message(6, () => {
      for (const [i, [, duration]] of durationsOf(version).entries()) writeDuration(writer, i + 1, duration);
    });
  for (const [rows, native] of batches)
    writer.message(7, () => {
      const passed = { count: native.count, us: 0 };
      writer.integer(1, rows);
      for (const [i, duration] of [passed, native, passed].entries()) writeDuration(writer, i + 2, duration);
    });
}

function writeDuration(writer: ProtoWriter, field: number, duration: Duration): void {
  writer.message(field, () => writer.int64(1, BigInt(duration.count)).int64(2, nanoseconds(duration)));
}
