/** The child process under an engine with its pipe: start, frames, end. Knows nothing of what the frames mean. */
import type { ChildProcess } from 'node:child_process';
import { Duplex } from 'node:stream';
import { spawnLimited } from '../../core/child-process.ts';
import type { Clock } from '../../core/clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { ExitReport } from '../port.ts';
import { ExitWatch } from './exit-watch.ts';
import { FrameChannel } from './frame-channel.ts';
import type { Frame, OutgoingFrame } from './frame.ts';
import { PayloadSlots } from './payload-slots.ts';

/** Time that a process gets to end in order, and that one whose pipe broke gets to end by itself. */
const CLOSE_GRACE_MS = 1000;

/** Engines send versions, capacities and errors as JSON; all of them are cut far below. */
const MAX_JSON_BYTES = 64 * 1024;

export interface ChildLinkOptions {
  /** Module that the child process runs. */
  readonly entry: string;
  /** RLIMIT_DATA. */
  readonly memoryBytes: number;
  readonly clock: Clock;
  readonly limits: Limits;
  /** May throw SKY_ENGINE_PROTOCOL, which goes to `onViolation`. Not called after `kill`. */
  readonly onFrame: (frame: Frame) => void;
  readonly onViolation: (error: SkyliftError) => void;
}

export class ChildLink {
  readonly pid: number;
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  readonly #exit: ExitWatch;
  readonly #channel: FrameChannel;
  readonly #slots: PayloadSlots | undefined;
  #isPipeClosed = false;

  /** Throws SKY_ENGINE_START. */
  constructor(options: ChildLinkOptions) {
    const { entry, memoryBytes, clock, limits } = options;
    this.#clock = clock;
    this.#slots = PayloadSlots.open();
    const slots = this.#slots && [this.#slots.engineDescriptor];
    const settings = [limits.heartbeat_ms, limits.max_frame_bytes, slots ? 1 : 0];
    try {
      this.#child = spawnLimited({
        entry,
        args: settings.map(String),
        memoryBytes,
        channel: true,
        ...(slots && { descriptors: slots }),
      });
    } catch (error) {
      throw this.#notStarted(error);
    } finally {
      this.#slots?.handedOver();
    }
    this.#exit = new ExitWatch(this.#child, clock); // before anything is thrown: the child tells of its failure by an event
    const pipe = pipeOf(this.#child);
    if (!pipe) throw this.#notStarted('it has no pipe to the front');
    this.pid = this.#child.pid ?? 0;
    this.#channel = new FrameChannel({
      open: (target) => pipe.on('data', (piece: Buffer) => target.received(piece)),
      isMemoryShared: false,
      slots: this.#slots,
      maxBytes: limits.max_frame_bytes,
      maxJobs: limits.max_batch_rows,
      maxJsonBytes: MAX_JSON_BYTES,
      later: queueMicrotask, // the scheduler has combined what arrived in this turn: the engine should not wait
      onFrame: options.onFrame,
      onViolation: options.onViolation,
      onClosed: () => this.#pipeClosed(),
    });
  }

  /** Resolves when the process is gone and what it wrote was read. */
  get exited(): Promise<ExitReport> {
    return this.#exit.exited;
  }

  /** False once the end is near: it has ended, lost its pipe, or was told to end. */
  get isLive(): boolean {
    return !this.#exit.isGone && this.#exit.intent === undefined && !this.#isPipeClosed;
  }

  /** Queues a frame. Throws SKY_ENGINE_LOST, SKY_REQUEST_TOO_LARGE, SKY_TENSOR_INVALID. */
  send(frame: OutgoingFrame): void {
    if (!this.isLive) throw this.lost(this.#exit.intent?.reason ?? 'it has ended');
    this.#channel.send(frame);
  }

  /** SIGKILL, at once; nothing that it sent is read any more. */
  kill(reason: string): void {
    if (this.#exit.isGone || this.#exit.intent?.kind === 'killed') return;
    this.#exit.intent = { kind: 'killed', reason };
    this.#channel.stopReading();
    this.#child.kill('SIGKILL');
  }

  /** Ends the process by closing the pipe; kills it after a second. */
  async close(): Promise<void> {
    if (this.isLive) {
      this.#exit.intent = { kind: 'closed', reason: 'closed' };
      this.#channel.end();
    }
    const timer = this.#afterGrace(`did not end within ${CLOSE_GRACE_MS} ms`);
    await this.exited;
    this.#clock.clear(timer);
  }

  /** Whether the engine can have read the frame with this tag. */
  isWritten(tag: number): boolean {
    return this.#channel.isWritten(tag);
  }

  /** The engine has answered everything that the frame asked: its payload is not read any more. */
  release(tag: number): void {
    this.#slots?.release(tag);
  }

  /** Drops the pipe of a process that has ended. */
  destroy(): void {
    this.#channel.destroy();
    this.#slots?.close();
  }

  /** The error of what was asked of a process that is gone. */
  lost(reason: string): SkyliftError {
    return new SkyliftError('SKY_ENGINE_LOST', `engine process ${this.pid}: ${reason}`);
  }

  /** Normally the exit follows at once; a process that lives on without its pipe is ended. */
  #pipeClosed(): void {
    if (this.#isPipeClosed) return;
    this.#isPipeClosed = true;
    this.#afterGrace('closed its pipe');
  }

  #notStarted(reason: unknown): SkyliftError {
    this.#slots?.close();
    const why = reason instanceof Error ? reason.message : String(reason);
    return new SkyliftError('SKY_ENGINE_START', `an engine process could not be started: ${why}`);
  }

  #afterGrace(reason: string): ReturnType<Clock['setTimer']> {
    return this.#clock.setTimer(this.#clock.nowMs() + CLOSE_GRACE_MS, () => this.kill(reason));
  }
}

function pipeOf(child: ChildProcess): Duplex | undefined {
  const stream = child.stdio?.[3]; // no stdio at all when the system is out of descriptors
  return stream instanceof Duplex ? stream : undefined;
}
