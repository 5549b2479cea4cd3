/**
 * The main loop of an engine process: frames of the front on descriptor 3 in, answers out. The process ends when that pipe
 * closes, so that no engine outlives its front. The entry of each engine kind calls `runEngine` with its native part.
 */
import { Socket } from 'node:net';
import { BufferPool } from '../../core/buffer-pool.ts';
import { readInto } from '../../core/read-into.ts';
import type { ReadTarget } from '../../core/read-into.ts';
import { systemClock } from '../../core/clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import { ownMemory } from './child-memory.ts';
import { ChildRunner } from './child-runner.ts';
import { PROTOCOL_VERSION } from './frame.ts';
import type { Frame, OutgoingFrame } from './frame.ts';
import { FrameChannel } from './frame-channel.ts';
import { formatError, parseParams } from './messages.ts';
import { readSlot } from './payload-slots.ts';
import type { NativeEngine, NativeLoadSpec, NativeSession } from './native.ts';

/** Descriptor of the pipe to the front. */
const CHANNEL_DESCRIPTOR = 3;
/** Descriptor of the payload slots. */
const SLOTS_DESCRIPTOR = 4;

/** Of small frames; large ones are read where they stay. */
const READ_BUFFER_BYTES = 256 * 1024;

/** Frames of finished runs, kept for the next ones. */
const KEPT_FRAME_BYTES = 64 * 1024 * 1024;

interface LoadedSession {
  readonly native: NativeSession;
  /** In the order of the manifest: frames name a signature by its place. */
  readonly signatures: readonly string[];
}

/** Serves `native` to the front until the front closes the pipe. Settings come as arguments: heartbeat in ms, longest frame in bytes, 1 when there are payload slots. */
export function runEngine(native: NativeEngine): void {
  const [heartbeatMs, maxBytes, hasSlots] = process.argv.slice(2).map(Number);
  if (!heartbeatMs || !maxBytes)
    throw new SkyliftError('SKY_INTERNAL', 'an engine is started by the front only');
  const child = new EngineChild(native, maxBytes, hasSlots === 1);
  child.send({ kind: 'hello', json: { protocol: PROTOCOL_VERSION, versions: native.versions } });
  setInterval(() => child.send({ kind: 'heartbeat' }), heartbeatMs);
}

class EngineChild {
  readonly #native: NativeEngine;
  readonly #channel: FrameChannel;
  readonly #runner: ChildRunner;
  readonly #sessions = new Map<number, LoadedSession>();

  constructor(native: NativeEngine, maxBytes: number, hasSlots: boolean) {
    const frames = new BufferPool(KEPT_FRAME_BYTES);
    this.#native = native;
    this.#channel = new FrameChannel({
      open: openPipe,
      isMemoryShared: true,
      allocate: (sizeBytes) => frames.take(sizeBytes),
      ...(hasSlots && { readSlot: (offset, sizeBytes) => takeSlot(frames.take(sizeBytes), offset) }),
      maxBytes,
      later: (fn) => systemClock.endOfTurn(fn),
      onFrame: (frame) => this.#receive(frame),
      onViolation: (error) => {
        throw error;
      },
      onClosed: () => process.exit(0),
    });
    this.#runner = new ChildRunner({
      send: (frame) => this.#channel.send(frame),
      flush: () => this.#channel.flush(),
      release: (frame) => frames.give(frame.memory),
      nowMs: () => systemClock.nowMs(),
    });
  }

  send(frame: OutgoingFrame): void {
    this.#channel.send(frame);
  }

  #receive(frame: Frame): void {
    switch (frame.kind) {
      case 'run':
        return this.#run(frame);
      case 'drop':
        return this.#runner.drop(frame);
      case 'load':
        return void this.#load(frame);
      case 'unload':
        return this.#runner.enqueue(() => this.#unload(frame));
      case 'memory':
        return this.send({ kind: 'memoryIs', tag: frame.tag, json: ownMemory() });
      case 'hello':
      case 'heartbeat':
      case 'loaded':
      case 'unloaded':
      case 'memoryIs':
      case 'part':
      case 'result':
      case 'fail':
      case 'refused':
        throw new SkyliftError('SKY_INTERNAL', `a "${frame.kind}" frame is not for an engine`);
    }
  }

  async #load(frame: Frame): Promise<void> {
    const { session, tag } = frame;
    const spec = frame.json as NativeLoadSpec; // from the front
    try {
      const native = await this.#native.load(spec);
      this.#sessions.set(session, { native, signatures: Object.keys(spec.pkg.manifest.signatures) });
      this.send({ kind: 'loaded', session, tag, json: native.capacity });
    } catch (error) {
      this.send({ kind: 'refused', session, tag, json: formatError(error, 'SKY_ENGINE_LOAD') });
    }
  }

  #unload({ session, tag }: Frame): void {
    this.#sessions.get(session)?.native.unload();
    this.#sessions.delete(session);
    this.send({ kind: 'unloaded', session, tag });
  }

  #run(frame: Frame): void {
    const loaded = this.#sessions.get(frame.session);
    const signature = loaded?.signatures[frame.signature];
    if (!loaded || signature === undefined)
      throw new SkyliftError('SKY_INTERNAL', `run for session ${frame.session}, which is not loaded`);
    const params = parseParams(frame.json, frame.jobs.length);
    this.#runner.run({ session: loaded.native, signature, frame, params });
  }
}

function takeSlot(buffer: Buffer, offset: number): Buffer {
  readSlot(SLOTS_DESCRIPTOR, buffer, offset);
  return buffer;
}

function openPipe(target: ReadTarget): Socket {
  const onread = readInto(target, Buffer.allocUnsafeSlow(READ_BUFFER_BYTES));
  const pipe = new Socket({ fd: CHANNEL_DESCRIPTOR, readable: true, writable: true, onread });
  pipe.resume();
  return pipe;
}
