/** Runs the model for a call and answers it: what all protocols do between reading a request and writing a reply. */
import type { RunRequest, RunResult, RunSink } from '../runtime/requests.ts';
import type { ProtocolContext } from './context.ts';
import { replyError } from './failures.ts';
import type { HttpCall } from './http-call.ts';
import { requireVisible } from './visible-models.ts';

const NO_PARAMS: ReadonlyMap<string, never> = new Map<string, never>();

/** What a request asks for, in the terms of every protocol. */
export interface Asked extends Pick<RunRequest, 'model' | 'version' | 'inputs' | 'deadlineAtMs'> {
  readonly signature: string;
  /** @default interactive */
  readonly priority?: RunRequest['priority'];
  /** Answers a failure of the run. @default as every failure of the protocol */
  readonly fail?: (call: HttpCall, failure: unknown) => void;
}

/**
 * Submits what `call` asks for. `answer` replies with the result; what it throws is answered like a failure of the run.
 * A client that goes away cancels the run. No promise per request.
 */
export function runCall(
  call: HttpCall,
  { runtime }: ProtocolContext,
  asked: Asked,
  answer: (result: RunResult) => void,
): void {
  requireVisible(call.principal, asked.model);
  const request: RunRequest = {
    id: call.id,
    principal: call.principal,
    model: asked.model,
    version: asked.version,
    signature: asked.signature,
    inputs: asked.inputs,
    params: NO_PARAMS,
    deadlineAtMs: asked.deadlineAtMs,
    priority: asked.priority ?? 'interactive',
    retry: 'idempotent',
  };
  const handle = runtime.submit(request, new CallSink(call, answer, asked.fail ?? replyError));
  call.onGone(() => handle.cancel());
}

class CallSink implements RunSink {
  readonly #call: HttpCall;
  readonly #answer: (result: RunResult) => void;
  readonly #fail: NonNullable<Asked['fail']>;

  constructor(call: HttpCall, answer: (result: RunResult) => void, fail: NonNullable<Asked['fail']>) {
    this.#call = call;
    this.#answer = answer;
    this.#fail = fail;
  }

  /** These protocols answer whole results only. */
  part(): 'more' {
    return 'more';
  }

  done(result: RunResult): void {
    this.#call.note('version', String(result.version));
    this.#call.ran(result.timing);
    try {
      this.#answer(result);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    this.#fail(this.#call, error);
  }
}
