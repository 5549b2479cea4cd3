/**
 * The warm-up file of a version: recorded requests that it must answer before it is offered. Sources:
 * tensorflow_serving/apis/prediction_log.proto, servables/tensorflow/saved_model_warmup_util.cc.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SkyliftError, toSkyliftError } from '../../../../core/errors.ts';
import type { Limits } from '../../../../core/limits.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { readSettingsFile } from '../../../../package/settings-file.ts';
import type {
  RecordedRequest,
  RecordedRequests,
  Signatures,
} from '../../../runtime/loading/version-options.ts';
import { readFirstSpec } from '../grpc/model-spec.ts';
import { readPredictRequest } from '../grpc/read-predict.ts';
import { readTfRecords } from './tf-record.ts';

const FILE = join('assets.extra', 'tf_serving_warmup_requests');

/** Kinds of a PredictionLog by the number of their field. */
const PREDICT = 6;
const KINDS: Readonly<Record<number, string>> = {
  2: 'classify_log',
  3: 'regress_log',
  4: 'multi_inference_log',
  5: 'session_run_log',
  7: 'predict_streamed_log',
};
/** What the original replays and there is no model for here. */
const SKIPPED: ReadonlySet<number> = new Set([2, 3, 4]);

/** Of a folder with a model; undefined when it holds no warm-up file. @param say told of records that are skipped */
export function recordedRequestsIn(
  folder: string,
  limits: Limits,
  say: (line: string) => void,
): RecordedRequests | undefined {
  const path = join(folder, FILE);
  if (!existsSync(path)) return undefined;
  return {
    path,
    async read(signatures) {
      const { bytes } = await readSettingsFile(
        path,
        limits.max_warmup_bytes,
        'Make the warm-up file smaller.',
      );
      const records = [...readTfRecords(bytes, path)];
      if (records.length > limits.max_warmup_records)
        throw invalid(
          path,
          `Number of warmup records exceeds the maximum (${limits.max_warmup_records}) at ${path}: ${records.length}`,
        );
      return parseRecords(records, signatures, { path, limits, say });
    },
  };
}

interface Context {
  readonly path: string;
  readonly limits: Limits;
  readonly say: (line: string) => void;
}

function* parseRecords(
  records: readonly Buffer[],
  signatures: Signatures,
  { path, limits, say }: Context,
): Generator<RecordedRequest, void, undefined> {
  for (const [i, record] of records.entries()) {
    const { kind, request } = readLog(record, path, i);
    if (SKIPPED.has(kind)) say(`${path}: record ${i} is skipped: ${KINDS[kind]} is not served here`);
    else if (kind !== PREDICT)
      throw invalid(path, `record ${i}: Unsupported log_type for warmup: ${KINDS[kind] ?? 'none'}`);
    else yield readPredict(request, signatures, { path, limits, say }, i);
  }
}

/** Model and version of the record are not looked at, as in the original. */
function readPredict(
  request: Buffer,
  signatures: Signatures,
  { path, limits }: Context,
  i: number,
): RecordedRequest {
  try {
    const name = readFirstSpec(new ProtoReader(request))?.signature;
    const { signature } = signatures.signature(name);
    let leftBytes = limits.max_inflight_bytes;
    const { inputs } = readPredictRequest(request, signature, limits, {
      reserve: (sizeBytes) => (leftBytes -= sizeBytes) >= 0,
      allocate: (sizeBytes) => Buffer.alloc(sizeBytes),
    });
    return { signature: name, inputs };
  } catch (error) {
    throw failedRecord(path, i, error);
  }
}

/** A record that makes the load fail, with the code of its own failure. */
function failedRecord(path: string, index: number, error: unknown): SkyliftError {
  const { code, message, hint } = toSkyliftError(error);
  return new SkyliftError(code, `${path}: record ${index}: ${message}`, { hint, cause: error });
}

/** PredictionLog, and the `request` of what it holds. */
function readLog(record: Buffer, path: string, index: number): { kind: number; request: Buffer } {
  let kind = 0;
  let request: Buffer = Buffer.alloc(0);
  try {
    const reader = new ProtoReader(record);
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field !== PREDICT && KINDS[field] === undefined) continue;
      kind = field;
      request = reader.message(() => readRequest(reader));
    }
    return { kind, request };
  } catch (error) {
    const { message } = toSkyliftError(error);
    throw invalid(path, `Failed to parse warmup record: ${index}: ${message}`, error);
  }
}

function readRequest(reader: ProtoReader): Buffer {
  let request: Buffer = Buffer.alloc(0);
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) request = reader.bytes();
  return request;
}

function invalid(path: string, problem: string, cause?: unknown): SkyliftError {
  return new SkyliftError('SKY_WARMUP_INVALID', `${path}: ${problem}`, cause === undefined ? {} : { cause });
}
