/** POST predict: body -> run request -> answer in the format of the request. No promise per request. */
import type { Runtime, RunResult, RunSink } from '../../runtime/requests.ts';
import type { HttpCall } from '../http-call.ts';
import type { TfservingContext } from './context.ts';
import { deadlineOf } from './deadline.ts';
import { JSON_TYPE, replyError } from './errors.ts';
import { parsePredict } from './parse-predict.ts';
import type { SignatureLookup } from './parse-predict.ts';
import { modelPath } from './paths.ts';
import type { ModelPath } from './paths.ts';
import type { PredictFormat } from './request-object.ts';
import { writePredict } from './write-predict.ts';

const NO_PARAMS: ReadonlyMap<string, never> = new Map<string, never>();

/** Answers the call now or when the run ends. Throws what makes the request wrong. */
export function predict(call: HttpCall, context: TfservingContext): void {
  const path = modelPath(call);
  const deadlineAtMs = deadlineOf(call, context);
  const allocate = (sizeBytes: number): Buffer => call.allocate(sizeBytes);
  const lookup = signatureLookup(context.runtime, path);
  const parsed = parsePredict(call.body, lookup, context.limits, allocate);
  call.note('signature', parsed.signature);
  const request = {
    id: call.id,
    principal: call.principal,
    ...path,
    signature: parsed.signature,
    inputs: parsed.inputs,
    params: NO_PARAMS,
    deadlineAtMs,
    priority: 'interactive',
    retry: 'idempotent',
  } as const;
  const handle = context.runtime.submit(
    request,
    new PredictSink(call, parsed.format, context.limits.max_reply_bytes),
  );
  call.onGone(() => handle.cancel());
}

/** Signatures of the model that the URL names. */
export function signatureLookup(runtime: Runtime, { model, version }: ModelPath): SignatureLookup {
  return (name) => runtime.resolve(model, version).signature(name);
}

class PredictSink implements RunSink {
  readonly #call: HttpCall;
  readonly #format: PredictFormat;
  readonly #maxBytes: number;

  constructor(call: HttpCall, format: PredictFormat, maxBytes: number) {
    this.#call = call;
    this.#format = format;
    this.#maxBytes = maxBytes;
  }

  /** This API answers whole results only. */
  part(): 'more' {
    return 'more';
  }

  done({ version, outputs }: RunResult): void {
    this.#call.note('version', String(version));
    try {
      const body = writePredict(outputs, this.#format, this.#maxBytes);
      this.#call.reply(200, JSON_TYPE, body);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    replyError(this.#call, error);
  }
}
