/** The throw-away engine that makes the packed form: what it may do wrong ends it, and is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoLauncher, echoPackage } from '../../../test/support/echo-engine.ts';
import { runJobs } from '../../../test/support/engine-runs.ts';
import { systemClock } from '../../core/clock.ts';
import { resolveLimits } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import type { Engine, EngineLauncher, LaunchSpec, Session } from '../port.ts';
import { packWeights } from './pack-weights.ts';
import type { PackOptions } from './pack-weights.ts';

const SPEC = { name: 'x', dtype: 'float32', dims: ['batch'] } as const;
const GiB = 1024 ** 3;

/** Options on echo engines, and the engines that they started. */
function optionsWith(changes: Partial<PackOptions>) {
  const real = echoLauncher({ clock: systemClock, log: silentLog, limits: resolveLimits() });
  const engines: Engine[] = [];
  const launcher: EngineLauncher = {
    ...real,
    launch: async (spec: LaunchSpec) => {
      const engine = await real.launch(spec);
      engines.push(engine);
      return engine;
    },
  };
  const options: PackOptions = {
    launcher,
    pkg: echoPackage([SPEC]),
    memoryBytes: 4 * GiB,
    clock: systemClock,
    limitMs: 60_000,
    agree: async () => true,
    signal: new AbortController().signal,
    ...changes,
  };
  return { options, engines };
}

/** A run that ends the engine, or never ends. */
async function runWith(session: Session, param: 'crash' | 'hang'): Promise<boolean> {
  const job = { id: 1, signature: 'serving_default', rows: 1, inputs: [], params: new Map([[param, 1]]) };
  await runJobs(session, [job]);
  return true;
}

test('both forms are loaded in one process, which ends', async () => {
  const seen: Session[] = [];
  const agree = async (...sessions: Session[]): Promise<boolean> => seen.push(...sessions) === 2;
  const { options, engines } = optionsWith({ agree });
  await packWeights(options, '/tmp');
  assert.notEqual(seen[0], seen[1]);
  assert.equal((await engines[0]?.exited)?.kind, 'closed');
});

test('forms that answer differently are refused', async () => {
  const { options, engines } = optionsWith({ agree: async () => false });
  await assert.rejects(packWeights(options, '/tmp'), { code: 'SKY_ENGINE_LOAD', message: /exactly/ });
  assert.equal((await engines[0]?.exited)?.kind, 'closed');
});

test('a process that dies of the proof is told', async () => {
  const { options } = optionsWith({ agree: (_, packed) => runWith(packed, 'crash') });
  await assert.rejects(packWeights(options, '/tmp'), { code: 'SKY_ENGINE_LOST' });
});

test('a proof that does not end is ended', async () => {
  const { options, engines } = optionsWith({ agree: (_, packed) => runWith(packed, 'hang'), limitMs: 50 });
  await assert.rejects(packWeights(options, '/tmp'), { code: 'SKY_ENGINE_LOST', message: /50 ms/ });
  assert.equal((await engines[0]?.exited)?.kind, 'killed');
});

test('whoever does not want it any more has the process ended', async () => {
  const closing = new AbortController();
  const agree = async (_: Session, packed: Session): Promise<boolean> => {
    const running = runWith(packed, 'hang');
    closing.abort();
    return running;
  };
  const { options } = optionsWith({ agree, signal: closing.signal });
  await assert.rejects(packWeights(options, '/tmp'), { code: 'SKY_ENGINE_LOST', message: /not wanted/ });
});
