/** Control calls to an engine that await one answer frame: hello, load, unload, memory. */
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import type { Frame, FrameKind } from './frame.ts';
import { frameError } from './frame.ts';
import { parseError } from './messages.ts';

interface Call {
  readonly expects: FrameKind;
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: SkyliftError) => void;
  readonly timer: TimerHandle | undefined;
}

export class ControlCalls {
  readonly #clock: Clock;
  readonly #calls = new Map<number, Call>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True while the engine works on a call and may be silent. */
  get isBusy(): boolean {
    return [...this.#calls.values()].some((call) => call.expects !== 'memoryIs');
  }

  /**
   * The answer to `tag`. Rejects with the engine's refusal, with SKY_ENGINE_TIMEOUT after `limitMs`, or as `failAll` says.
   * @param limitMs default none: a call that waits behind a run is as patient as the limit of that run
   */
  expect(tag: number, expects: FrameKind, limitMs?: number): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const timer = limitMs === undefined ? undefined : this.#startTimer(tag, limitMs);
      this.#calls.set(tag, { expects, resolve, reject, timer });
    });
  }

  /** Takes an answer. Throws SKY_ENGINE_PROTOCOL when nobody asked for it. */
  receive(frame: Frame): void {
    const call = this.#calls.get(frame.tag);
    if (!call || (frame.kind !== call.expects && frame.kind !== 'refused'))
      throw frameError(`unexpected "${frame.kind}" for call ${frame.tag}`);
    if (frame.kind === 'refused') this.#fail(frame.tag, parseError(frame.json));
    else this.#take(frame.tag)?.resolve(frame);
  }

  /** Rejects everything that is awaited. */
  failAll(error: SkyliftError): void {
    for (const tag of this.#calls.keys()) this.#fail(tag, error);
  }

  #startTimer(tag: number, limitMs: number): TimerHandle {
    return this.#clock.setTimer(this.#clock.nowMs() + limitMs, () => {
      const expects = this.#calls.get(tag)?.expects;
      const message = `no "${expects}" from the engine within ${limitMs} ms`;
      this.#fail(tag, new SkyliftError('SKY_ENGINE_TIMEOUT', message));
    });
  }

  #fail(tag: number, error: SkyliftError): void {
    this.#take(tag)?.reject(error);
  }

  #take(tag: number): Call | undefined {
    const call = this.#calls.get(tag);
    this.#calls.delete(tag);
    if (call?.timer) this.#clock.clear(call.timer);
    return call;
  }
}
