/** Has a process of its own make the packed form of a package, and proves on runs that both answer the same. */
import type { Clock } from '../../core/clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import type { PackageHandle } from '../../package/manifest.ts';
import type { Engine, EngineLauncher, Session } from '../port.ts';

export interface PackOptions {
  readonly launcher: EngineLauncher;
  readonly pkg: PackageHandle;
  /** RLIMIT_DATA of the process in bytes. */
  readonly memoryBytes: number;
  readonly clock: Clock;
  /** Time that the proof may take. */
  readonly limitMs: number;
  /** Resolves to true when both sessions answer the same, to the last bit. */
  readonly agree: (plain: Session, packed: Session) => Promise<boolean>;
  /** Ends the process. */
  readonly signal: AbortSignal;
}

/** Leaves the files in `dir`. Throws SKY_ENGINE_START, SKY_ENGINE_LOAD, SKY_ENGINE_LOST, SKY_ENGINE_TIMEOUT. */
export async function packWeights(options: PackOptions, dir: string): Promise<void> {
  const { launcher, pkg, memoryBytes, signal } = options;
  const engine = await launcher.launch({ memoryBytes });
  const stop = (): void => engine.kill('it is not wanted any more');
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    const spec = { pkg, device: 'cpu', threads: 1 } as const;
    const plain = await engine.load({ ...spec, packed: { dir, use: 'write' } });
    const packed = await engine.load({ ...spec, packed: { dir, use: 'read' } });
    await prove(engine, () => options.agree(plain, packed), options);
  } finally {
    signal.removeEventListener('abort', stop);
    await engine.close();
  }
}

async function prove(
  engine: Engine,
  agree: () => Promise<boolean>,
  { clock, limitMs }: PackOptions,
): Promise<void> {
  const timer = clock.setTimer(clock.nowMs() + limitMs, () =>
    engine.kill(`the runs took more than ${limitMs} ms`),
  );
  const lost = engine.exited.then(({ kind, reason }) => {
    throw new SkyliftError('SKY_ENGINE_LOST', `the engine ${kind}: ${reason}`);
  });
  try {
    if (await Promise.race([agree(), lost])) return;
    throw new SkyliftError('SKY_ENGINE_LOAD', 'the packed form does not answer exactly as the model does');
  } finally {
    clock.clear(timer);
    lost.catch(() => {}); // it ends later, too
  }
}
