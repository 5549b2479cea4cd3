/** `openModel`: one model behind engine processes, for programs that embed Skylift. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import type { Signature } from '../package/manifest.ts';
import { ANONYMOUS, LATEST } from '../serve/runtime/requests.ts';
import type { RunRequest } from '../serve/runtime/requests.ts';
import type { ModelRuntime, VersionReport } from '../serve/runtime/model-runtime.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { LATEST_ONE } from '../serve/runtime/versions/version-policy.ts';
import { openWorkshop } from './workshop.ts';
import type { WorkshopOptions } from './workshop.ts';

export interface PredictOptions {
  /** @default limit rest_api_timeout_in_ms */
  readonly timeoutMs?: number;
  /** @default serving_default, or the only signature */
  readonly signature?: string;
  /** The run goes on, but its result is dropped and the promise rejects with SKY_CANCELLED. */
  readonly signal?: AbortSignal;
}

/** Only one model lives in the runtime of an OpenModel. */
const NAME = 'model';

/** A model that answers. Ends its engines with `close` or `await using`. */
export class OpenModel {
  readonly #runtime: ModelRuntime;
  readonly #timeoutMs: number;

  constructor(runtime: ModelRuntime, timeoutMs: number) {
    this.#runtime = runtime;
    this.#timeoutMs = timeoutMs;
  }

  /** Named inputs and outputs with dtypes and dims. Throws SKY_SIGNATURE_NOT_FOUND. */
  signature(name?: string): Signature {
    return this.#runtime.resolve(NAME, LATEST).signature(name).signature;
  }

  /** Engines, batch curve and threads as measured at warm-up. */
  report(): VersionReport | undefined {
    return this.#runtime.report()[0];
  }

  /**
   * Runs the model once; requests made in the same turn share a run where shapes agree.
   * Throws SKY_INPUT_UNKNOWN, SKY_TENSOR_SHAPE_MISMATCH, SKY_DEADLINE_EXCEEDED, SKY_CANCELLED, SKY_OVERLOADED, SKY_ENGINE_*.
   * @example const { probabilities } = await model.predict({ image: tensor('float32', [1, 1, 28, 28], pixels) });
   */
  predict(
    inputs: Readonly<Record<string, Tensor>>,
    options: PredictOptions = {},
  ): Promise<Record<string, Tensor>> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(cancelled());
      const handle = this.#runtime.submit(this.#request(inputs, options), {
        part: () => 'more',
        done: (result) => {
          signal?.removeEventListener('abort', cancel);
          resolve(Object.fromEntries(result.outputs));
        },
        fail: (error) => {
          signal?.removeEventListener('abort', cancel);
          reject(error);
        },
      });
      const cancel = (): void => {
        handle.cancel();
        reject(cancelled());
      };
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  async close(): Promise<void> {
    await this.#runtime.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #request(inputs: Readonly<Record<string, Tensor>>, options: PredictOptions): RunRequest {
    return {
      id: randomUUID(),
      principal: ANONYMOUS,
      model: NAME,
      version: LATEST,
      inputs: new Map(Object.entries(inputs)),
      params: new Map(),
      deadlineAtMs: systemClock.nowMs() + (options.timeoutMs ?? this.#timeoutMs),
      priority: 'interactive',
      retry: 'idempotent',
      ...(options.signature !== undefined && { signature: options.signature }),
    };
  }
}

/**
 * Opens the model at `path` (an .onnx file, a package, or a folder of numbered versions) with engines in child processes.
 * Throws SKY_MODEL_*, SKY_ONNX_*, SKY_PACKAGE_*, SKY_STORE_*, SKY_ENGINE_*.
 */
export async function openModel(path: string, options: WorkshopOptions = {}): Promise<OpenModel> {
  const { runtime, createSource, limits } = await openWorkshop(options);
  try {
    const offered = await createSource(path).list();
    runtime.wish(NAME, { offered, policy: LATEST_ONE, order: 'load-first' });
    await runtime.whenStarted(NAME);
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return new OpenModel(runtime, limits.rest_api_timeout_in_ms);
}

function cancelled(): SkyliftError {
  return new SkyliftError('SKY_CANCELLED', 'the caller aborted the prediction');
}
