/**
 * One engine process as the front sees it: sessions are loaded into it and control calls answered. Whatever it sends that
 * is not allowed ends it.
 */
import type { Clock } from '../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type {
  Engine,
  EngineLauncher,
  ExitReport,
  LaunchSpec,
  LoadSpec,
  MemoryReport,
  Packing,
  Session,
} from '../port.ts';
import { ChildLink } from './child-link.ts';
import { ControlCalls } from './control-calls.ts';
import { frameError } from './frame.ts';
import type { Frame, FrameKind, OutgoingFrame } from './frame.ts';
import { parseCapacity, parseHello, parseMemory } from './messages.ts';
import type { NativeLoadSpec } from './native.ts';
import { SessionProxy } from './session-proxy.ts';
import type { SessionHost } from './session-proxy.ts';
import { SilenceWatch } from './silence-watch.ts';

/** Tag of the hello, which answers no frame of ours. */
const HELLO_TAG = 0;
const OUT_OF_MEMORY_HINT = 'Give engines more memory: --engine_memory_bytes=4GiB, or leave it at 0.';
const MAX_TAG = 0xffff_ffff;

export interface LauncherOptions {
  readonly kind: string;
  /** Module that the child process runs; made by `siblingEntry`. */
  readonly entry: string;
  readonly packing?: Packing;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
}

/** Makes the launcher of one engine kind. */
export function createLauncher(options: LauncherOptions): EngineLauncher {
  let nextId = 1;
  return {
    kind: options.kind,
    ...(options.packing && { packing: options.packing }),
    launch: (spec) => launch(nextId++, options, spec),
  };
}

async function launch(id: number, options: LauncherOptions, spec: LaunchSpec): Promise<Engine> {
  try {
    const engine = new EngineProcess(id, options, spec);
    await engine.hello();
    return engine;
  } catch (error) {
    const failure = toSkyliftError(error, 'SKY_ENGINE_START');
    throw new SkyliftError('SKY_ENGINE_START', `${options.kind} engine: ${failure.message}`, {
      cause: error,
      ...(/bad_alloc|out of memory/i.test(failure.message) && { hint: OUT_OF_MEMORY_HINT }),
    });
  }
}

class EngineProcess implements Engine, SessionHost {
  readonly id: number;
  readonly exited: Promise<ExitReport>;
  readonly #options: LauncherOptions;
  readonly #link: ChildLink;
  readonly #calls: ControlCalls;
  readonly #silence: SilenceWatch;
  readonly #sessions = new Map<number, SessionProxy>();
  #lastTag = HELLO_TAG;
  #lastSession = 0;

  /** Starts the process. Throws SKY_ENGINE_START. */
  constructor(id: number, options: LauncherOptions, { memoryBytes }: LaunchSpec) {
    const { entry, clock, limits } = options;
    this.id = id;
    this.#options = options;
    this.#link = new ChildLink({
      entry,
      memoryBytes,
      clock,
      limits,
      onFrame: (frame) => this.#receive(frame),
      onViolation: (error) => this.#punish(error),
    });
    this.#calls = new ControlCalls(clock);
    this.#silence = new SilenceWatch({
      clock,
      limits,
      isBusy: () => this.#isBusy(),
      onSilence: (silentMs) => this.kill(`no sign of life for ${silentMs} ms`),
    });
    this.exited = this.#link.exited.then((report) => this.#bury(report));
  }

  get pid(): number {
    return this.#link.pid;
  }

  get isLive(): boolean {
    return this.#link.isLive;
  }

  /** Resolves when the process has said hello; when it fails to, the process has ended. Throws SKY_ENGINE_*. */
  async hello(): Promise<void> {
    const { log, kind, limits } = this.#options;
    try {
      const frame = await this.#calls.expect(HELLO_TAG, 'hello', limits.load_limit_ms);
      log('debug', 'engine started', { ...parseHello(frame.json), engine: this.id, kind, pid: this.pid });
    } catch (error) {
      this.kill(toSkyliftError(error).message);
      await this.exited;
      throw error;
    }
  }

  async load(spec: LoadSpec): Promise<Session> {
    const id = ++this.#lastSession;
    const request: NativeLoadSpec = { ...spec, maxRows: this.#options.limits.max_batch_rows };
    const frame = await this.#limitedCall({ kind: 'load', session: id, json: request }, 'loaded');
    const session = new SessionProxy({
      id,
      host: this,
      capacity: this.#trusting(() => parseCapacity(frame.json)),
      signatures: spec.pkg.manifest.signatures,
    });
    this.#sessions.set(id, session);
    return session;
  }

  async unload(session: number): Promise<void> {
    await this.#limitedCall({ kind: 'unload', session }, 'unloaded');
    this.#sessions.delete(session);
  }

  async memory(): Promise<MemoryReport> {
    const frame = await this.#call({ kind: 'memory' }, 'memoryIs');
    return this.#trusting(() => parseMemory(frame.json));
  }

  kill(reason: string): void {
    this.#link.kill(reason);
  }

  async close(): Promise<void> {
    await this.#link.close();
    await this.exited;
  }

  send(frame: OutgoingFrame): void {
    this.#link.send(frame);
  }

  isWritten(tag: number): boolean {
    return this.#link.isWritten(tag);
  }

  release(tag: number): void {
    this.#link.release(tag);
  }

  nextTag(): number {
    this.#lastTag = this.#lastTag === MAX_TAG ? HELLO_TAG + 1 : this.#lastTag + 1;
    return this.#lastTag;
  }

  async #call(frame: OutgoingFrame, expects: FrameKind, limitMs?: number): Promise<Frame> {
    const tag = this.nextTag();
    this.send({ ...frame, tag });
    return this.#calls.expect(tag, expects, limitMs);
  }

  /** A call that ends the engine when it is not answered in time. */
  async #limitedCall(frame: OutgoingFrame, expects: FrameKind): Promise<Frame> {
    try {
      return await this.#call(frame, expects, this.#options.limits.load_limit_ms);
    } catch (error) {
      const failure = toSkyliftError(error);
      if (failure.code === 'SKY_ENGINE_TIMEOUT') this.kill(failure.message);
      throw failure;
    }
  }

  #receive(frame: Frame): void {
    this.#silence.heard();
    switch (frame.kind) {
      case 'heartbeat':
        return;
      case 'part':
      case 'result':
      case 'fail':
        return this.#session(frame).receive(frame);
      case 'hello':
      case 'loaded':
      case 'unloaded':
      case 'memoryIs':
      case 'refused':
        return this.#calls.receive(frame);
      case 'load':
      case 'unload':
      case 'memory':
      case 'run':
      case 'drop':
        throw frameError(`a "${frame.kind}" frame is not for the front`);
    }
  }

  #session(frame: Frame): SessionProxy {
    const session = this.#sessions.get(frame.session);
    if (!session) throw frameError(`${frame.kind} for session ${frame.session}, which is not loaded`);
    return session;
  }

  /** Reads what the engine says; the engine is ended when it is not allowed. */
  #trusting<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#punish(toSkyliftError(error));
      throw error;
    }
  }

  #punish(error: SkyliftError): void {
    this.#options.log('error', 'engine broke the protocol', { engine: this.id, reason: error.message });
    this.kill(`${error.code}: ${error.message}`);
  }

  #isBusy(): boolean {
    return this.#calls.isBusy || [...this.#sessions.values()].some((session) => session.isBusy);
  }

  #bury(report: ExitReport): ExitReport {
    const { log, kind } = this.#options;
    this.#silence.stop();
    this.#link.destroy();
    for (const session of this.#sessions.values()) session.abandon();
    const tail = report.stderrTail === '' ? '' : `\n${report.stderrTail}`;
    this.#calls.failAll(this.#link.lost(`${report.kind}, ${report.reason}${tail}`));
    const { kind: how, reason } = report;
    log(how === 'closed' ? 'debug' : 'warn', 'engine ended', {
      engine: this.id,
      kind,
      pid: this.pid,
      how,
      reason,
    });
    return report;
  }
}
