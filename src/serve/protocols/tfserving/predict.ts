/** POST predict: body -> run request -> answer in the format of the request. No promise per request. */
import { SkyliftError, isSkyliftError } from '../../../core/errors.ts';
import { DEFAULT_SIGNATURE } from '../../../package/manifest.ts';
import type { Runtime, RunResult, RunSink } from '../../runtime/requests.ts';
import type { HttpCall } from '../http-call.ts';
import type { TfservingContext } from './context.ts';
import { deadlineOf } from './deadline.ts';
import { JSON_TYPE, replyError, servableError } from './errors.ts';
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
    new PredictSink(call, path, parsed.format, context.limits.max_reply_bytes),
  );
  call.onGone(() => handle.cancel());
}

/** Signatures of the model that the URL names; failures in the original's words. */
export function signatureLookup(runtime: Runtime, { model, version }: ModelPath): SignatureLookup {
  return (name) => {
    try {
      return runtime.resolve(model, version).signature(name);
    } catch (error) {
      if (!isSkyliftError(error) || error.code !== 'SKY_SIGNATURE_NOT_FOUND')
        throw servableError(error, model, version);
      const text = `Serving signature name: "${name ?? DEFAULT_SIGNATURE}" not found in signature def`;
      throw new SkyliftError('SKY_SIGNATURE_NOT_FOUND', text, { cause: error });
    }
  };
}

class PredictSink implements RunSink {
  readonly #call: HttpCall;
  readonly #path: ModelPath;
  readonly #format: PredictFormat;
  readonly #maxBytes: number;

  constructor(call: HttpCall, path: ModelPath, format: PredictFormat, maxBytes: number) {
    this.#call = call;
    this.#path = path;
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
    const { model, version } = this.#path;
    replyError(this.#call, servableError(error, model, version));
  }
}
