/** Runs the contract of engines against every implementation. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { onnxruntimeLauncher } from '../../src/engines/onnxruntime/launcher.ts';
import type { PackageHandle, Signature } from '../../src/package/manifest.ts';
import type { DataType, Tensor } from '../../src/tensor/tensor.ts';
import { echoLauncher, echoPackage, UNLOADABLE } from '../support/echo-engine.ts';
import { floats } from '../support/engine-runs.ts';
import { halfPlusTwo, loop } from '../support/onnx-models.ts';
import { floatTensor, graph, model, node, value } from '../support/onnx-writer.ts';
import { engineContract, floatWork, work } from './engine.ts';

const x = { name: 'x', dtype: 'float32', dims: ['batch'] } as const;

engineContract('echo', {
  makeLauncher: echoLauncher,
  pkg: echoPackage([x]),
  unloadable: echoPackage([x], UNLOADABLE),
  answer: (value) => value,
  goodAndBad: () => [floatWork(1), floatWork(Number.NaN)],
  endless: work('serving_default', floats(1), new Map([['hang', true]])),
  greedy: work('serving_default', floats(1), new Map([['greed', true]])),
});

/** `y = table[x]`; an index outside the table is refused when it runs. */
function pick(): Uint8Array {
  return model({
    graph: graph({
      inputs: [value('x', 'int64', ['batch'])],
      outputs: [value('y', 'float32', ['batch'])],
      initializers: [floatTensor('table', [3], [10, 20, 30])],
      nodes: [node({ op: 'Gather', inputs: ['table', 'x'], outputs: ['y'] })],
    }),
  });
}

/** A small file that doubles its input 36 times. */
function doubling(): Uint8Array {
  const names = Array.from({ length: 36 }, (_, i) => `t${i}`);
  const nodes = names.map((name, i) => {
    const before = names[i - 1] ?? 'x';
    const attributes = { axis: 0n };
    return node({ op: 'Concat', inputs: [before, before], outputs: [name], attributes });
  });
  return model({
    graph: graph({
      inputs: [value('x', 'float32', ['batch'])],
      outputs: [value('y', 'float32', ['rows'])],
      nodes: [...nodes, node({ op: 'Identity', inputs: ['t35'], outputs: ['y'] })],
    }),
  });
}

const FILES = { half: halfPlusTwo(), pick: pick(), endless: loop(2n ** 62n), greedy: doubling() };

function signature(program: string, dtype: DataType): Signature {
  return { program, method: 'predict', inputs: [{ ...x, dtype }], outputs: [{ ...x, name: 'y' }] };
}

function onnxPackage(dir: string, signatures: Record<string, Signature>): PackageHandle {
  const batched = { steps: [], batchAxis: 0 } as const;
  return {
    dir,
    digest: '',
    manifest: {
      schema: 1,
      engine: 'onnx',
      files: [],
      programs: { half: batched, pick: batched, endless: batched, greedy: { steps: [], batchAxis: null } },
      signatures,
      labels: {},
      lineage: [],
    },
  };
}

const dir = mkdtempSync(join(tmpdir(), 'skylift-engine-'));
for (const [program, bytes] of Object.entries(FILES)) writeFileSync(join(dir, `${program}.onnx`), bytes);
after(() => rmSync(dir, { recursive: true }));

function indices(...values: bigint[]): Tensor {
  return { dtype: 'int64', dims: [values.length], bytes: new Uint8Array(new BigInt64Array(values).buffer) };
}

engineContract('onnxruntime', {
  makeLauncher: onnxruntimeLauncher,
  pkg: onnxPackage(dir, {
    serving_default: signature('half', 'float32'),
    pick: signature('pick', 'int64'),
    endless: signature('endless', 'float32'),
    greedy: signature('greedy', 'float32'),
  }),
  unloadable: onnxPackage(dir, { serving_default: signature('half', 'float64') }),
  answer: (value) => value / 2 + 2,
  goodAndBad: () => [work('pick', indices(0n, 2n)), work('pick', indices(1n, 7n))],
  endless: work('endless', floats(1)),
  greedy: work('greedy', floats(1)),
});
