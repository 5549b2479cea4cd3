/**
 * The echo engine's process. Outputs are the inputs; float32 inputs with a NaN are refused. Parameters of a job:
 * `error` fails with that text, `delayMs` answers later, `parts` streams so many parts `delayMs` apart, `crash` ends the
 * process with that code, `grow` repeats the rows so often, `hang` never ends, `greed` takes memory until there is none.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runEngine } from '../../src/engines/host/child-main.ts';
import type { NativeAnswer, NativeSession, NativeStream, Params } from '../../src/engines/host/native.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { SLOTS, UNLOADABLE } from './echo-engine.ts';

runEngine({
  versions: { echo: '1' },
  load: async ({ pkg, maxRows }): Promise<NativeSession> => {
    if (pkg.digest === UNLOADABLE) throw new Error('this package cannot be loaded');
    const capacity =
      pkg.digest === SLOTS ? ({ kind: 'slots', slots: 4 } as const) : ({ kind: 'batch', maxRows } as const);
    return { capacity, run: (_, inputs, params) => run(inputs, params), unload: () => {} };
  },
});

function run(inputs: readonly Tensor[], params: Params): NativeAnswer {
  if (params.has('crash')) process.exit(Number(params.get('crash')));
  if (params.has('greed')) takeAllMemory();
  if (params.has('error')) throw new Error(String(params.get('error')));
  while (params.has('hang'));
  for (const input of inputs) refuseNaN(input);
  if (params.has('grow')) return inputs.map((input) => grown(input, Number(params.get('grow'))));
  const delayMs = Number(params.get('delayMs') ?? 0);
  if (params.has('parts')) return stream(inputs, Number(params.get('parts')), delayMs);
  return delayMs > 0 ? sleep(delayMs, inputs) : inputs;
}

async function* stream(inputs: readonly Tensor[], parts: number, delayMs: number): NativeStream {
  for (let i = 0; i < parts; i++) {
    await sleep(delayMs);
    yield inputs;
  }
  return inputs;
}

function grown({ dtype, dims, bytes }: Tensor, times: number): Tensor {
  const copies = Array.from({ length: times }, () => bytes);
  return { dtype, dims: [(dims[0] ?? 1) * times, ...dims.slice(1)], bytes: Buffer.concat(copies) };
}

function refuseNaN({ dtype, bytes }: Tensor): void {
  if (dtype !== 'float32') return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 4)
    if (Number.isNaN(view.getFloat32(at, true))) throw new Error(`NaN at byte ${at}`);
}

function takeAllMemory(): void {
  const kept: Buffer[] = [];
  for (;;) kept.push(Buffer.alloc(2 ** 28, 1));
}
