/** Proves that the native engine works here: a child process loads a graph of one node and runs it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import { resolveLimits } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import { formatMs } from '../../core/units.ts';
import { onnxruntimeLauncher } from '../../engines/onnxruntime/launcher.ts';
import type { Engine, Session } from '../../engines/port.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { TINY_MANIFEST, tinyGraph } from './tiny-graph.ts';

const MEMORY_BYTES = 4 * 1024 ** 3;
const INPUT = [1.5, -2];

/** How long it took, for people. Throws SKY_ENGINE_*. */
export async function tryEngine(): Promise<string> {
  const startedAtMs = performance.now();
  const dir = await mkdtemp(join(tmpdir(), 'skylift-doctor-'));
  try {
    await writeFile(join(dir, 'model.onnx'), tinyGraph());
    const launcher = onnxruntimeLauncher({ clock: systemClock, log: silentLog, limits: resolveLimits() });
    const engine = await launcher.launch({ memoryBytes: MEMORY_BYTES });
    try {
      await runTinyGraph(engine, dir);
    } finally {
      await engine.close();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return `${formatMs(performance.now() - startedAtMs)} from start to answer`;
}

async function runTinyGraph(engine: Engine, dir: string): Promise<void> {
  const pkg = { dir, digest: '0'.repeat(64), manifest: TINY_MANIFEST };
  const session = await engine.load({ pkg, device: 'cpu', threads: 1 });
  const [output] = await Promise.race([run(session), lost(engine)]);
  const values = output ? new Float32Array(Uint8Array.from(output.bytes).buffer) : [];
  if (values.length !== INPUT.length || INPUT.some((value, i) => values[i] !== -value))
    throw new SkyliftError(
      'SKY_ENGINE_RUN',
      `the engine answered [${values.join(', ')}] to -[${INPUT.join(', ')}]`,
      {
        hint: 'Install onnxruntime-node again: npm rebuild onnxruntime-node',
      },
    );
}

function run(session: Session): Promise<readonly Tensor[]> {
  const input: Tensor = {
    dtype: 'float32',
    dims: [INPUT.length],
    bytes: new Uint8Array(Float32Array.from(INPUT).buffer),
  };
  const job = { id: 1, signature: 'serving_default', rows: 1, inputs: [input], params: new Map() };
  return new Promise((resolve, reject) => {
    session.dispatch([job], {
      part() {},
      done: (_job, outputs) => resolve(outputs),
      fail: (_job, error) => reject(error),
      finished() {},
    });
  });
}

async function lost(engine: Engine): Promise<never> {
  const { kind, reason } = await engine.exited;
  throw new SkyliftError('SKY_ENGINE_LOST', `the engine ${kind}: ${reason}`);
}
