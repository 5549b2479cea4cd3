/** The onnxruntime engine in this process: types, text, alignment, load errors, both of its interfaces. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { halfPlusTwo, identity } from '../../../test/support/onnx-models.ts';
import type { Signature } from '../../package/manifest.ts';
import { encodeStrings } from '../../tensor/strings.ts';
import { ELEMENT_BYTES } from '../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../tensor/tensor.ts';
import type { NativeLoadSpec, NativeSession } from '../host/native.ts';
import { loadOrt } from './binding.ts';
import type { Ort } from './binding.ts';
import { onnxruntimeNative } from './native.ts';
import { toOrt } from './tensors.ts';

const NO_PARAMS = new Map<string, string>();
const dir = mkdtempSync(join(tmpdir(), 'skylift-ort-'));
after(() => rmSync(dir, { recursive: true }));

const ort = loadOrt();

interface Program {
  readonly bytes: Uint8Array;
  readonly dtype: DataType;
  readonly batchAxis?: 0 | null;
}

/** Writes the programs and names a signature after each: x to y of its dtype. */
function specOf(
  programs: Readonly<Record<string, Program>>,
  overrides: Partial<NativeLoadSpec> = {},
): NativeLoadSpec {
  const signatures: Record<string, Signature> = {};
  for (const [program, { bytes, dtype }] of Object.entries(programs)) {
    writeFileSync(join(dir, `${program}.onnx`), bytes);
    const x = { name: 'x', dtype, dims: null };
    signatures[program] = { program, method: 'predict', inputs: [x], outputs: [{ ...x, name: 'y' }] };
  }
  const entries = Object.entries(programs).map(
    ([name, { batchAxis = 0 }]) => [name, { steps: [], batchAxis }] as const,
  );
  const manifest = {
    schema: 1,
    engine: 'onnx',
    files: [],
    programs: Object.fromEntries(entries),
    signatures,
    labels: {},
    lineage: [],
  } as const;
  return { pkg: { dir, digest: '', manifest }, device: 'cpu', threads: 1, maxRows: 16, ...overrides };
}

function load(spec: NativeLoadSpec, library: Ort = ort): Promise<NativeSession> {
  return onnxruntimeNative(library).load(spec);
}

async function runOne(session: NativeSession, signature: string, input: Tensor): Promise<Tensor | undefined> {
  const answer = await (session.run(signature, [input], NO_PARAMS) as Promise<Tensor[]> | Tensor[]);
  return answer[0];
}

const NUMERIC = (Object.keys(ELEMENT_BYTES) as (keyof typeof ELEMENT_BYTES)[]).filter(
  (dtype) => dtype !== 'bfloat16',
);

for (const dtype of NUMERIC)
  test(`${dtype} goes through bit by bit, aligned or not, and empty`, async () => {
    const session = await load(specOf({ [dtype]: { bytes: identity(dtype), dtype } }));
    const sizeBytes = 3 * ELEMENT_BYTES[dtype];
    const pattern = Uint8Array.from({ length: sizeBytes + 1 }, (_, i) => (dtype === 'bool' ? i % 2 : 17 * i));
    for (const offset of [0, 1]) {
      const bytes = pattern.subarray(offset, offset + sizeBytes);
      const output = await runOne(session, dtype, { dtype, dims: [3], bytes });
      assert.deepEqual([output?.dtype, output?.dims, [...(output?.bytes ?? [])]], [dtype, [3], [...bytes]]);
    }
    const empty = await runOne(session, dtype, { dtype, dims: [0], bytes: new Uint8Array() });
    assert.deepEqual([empty?.dims, empty?.bytes.length], [[0], 0]);
    session.unload();
  });

function strings(...texts: readonly Uint8Array[]): Tensor {
  return { dtype: 'string', dims: [texts.length], bytes: encodeStrings(texts) };
}

test('strings go through as UTF-8, with a byte order mark and empty ones', async () => {
  const session = await load(specOf({ text: { bytes: identity('string'), dtype: 'string' } }));
  const input = strings(Buffer.from('né 漢字'), Buffer.from(''), Buffer.from('\uFEFFx'));
  const output = await runOne(session, 'text', input);
  assert.deepEqual([output?.dims, [...(output?.bytes ?? [])]], [[3], [...input.bytes]]);
  session.unload();
});

test('text that is not UTF-8 is refused, not changed', async () => {
  const session = await load(specOf({ text: { bytes: identity('string'), dtype: 'string' } }));
  await assert.rejects(
    async () => runOne(session, 'text', strings(Buffer.from('ok'), Buffer.from([0xff, 0xfe]))),
    {
      code: 'SKY_TENSOR_INVALID',
      message: 'string 1 of 2 bytes is not UTF-8, which onnxruntime-node needs',
    },
  );
  session.unload();
});

test('aligned inputs are handed over without a copy', () => {
  const bytes = new Uint8Array(new ArrayBuffer(64), 8, 16);
  const { data } = toOrt({ dtype: 'float64', dims: [2], bytes });
  assert.ok(ArrayBuffer.isView(data));
  assert.equal(data.buffer, bytes.buffer);
});

test('several programs answer side by side, and any that can be batched makes the session take batches', async () => {
  const half = { bytes: halfPlusTwo(), dtype: 'float32' } as const;
  const session = await load(
    specOf({ half, same: { bytes: identity('int64'), dtype: 'int64', batchAxis: null } }),
  );
  const four = new Uint8Array(new Float32Array([4]).buffer);
  const output = await runOne(session, 'half', { dtype: 'float32', dims: [1], bytes: four });
  assert.deepEqual([...(output?.bytes ?? [])], [...four]);
  const seven = new Uint8Array(new BigInt64Array([7n]).buffer);
  const same = await runOne(session, 'same', { dtype: 'int64', dims: [1], bytes: seven });
  assert.deepEqual([...(same?.bytes ?? [])], [...seven]);
  assert.deepEqual(session.capacity, { kind: 'batch', maxRows: 16 });
  session.unload();
  const alone = await load(specOf({ alone: { ...half, batchAxis: null } }));
  assert.deepEqual(alone.capacity, { kind: 'batch', maxRows: 1 });
  alone.unload();
});

test('a wrong shape is refused by the run', async () => {
  const session = await load(specOf({ half: { bytes: halfPlusTwo(), dtype: 'float32' } }));
  const bytes = new Uint8Array(8);
  await assert.rejects(
    async () => runOne(session, 'half', { dtype: 'float32', dims: [1, 2], bytes }),
    /rank/i,
  );
  session.unload();
});

test('a manifest that disagrees with its graph is refused at load', async () => {
  await assert.rejects(load(specOf({ half: { bytes: halfPlusTwo(), dtype: 'int8' } })), {
    code: 'SKY_ENGINE_LOAD',
    message: 'the graph does not have the input of signature "half" "x" as int8; it has x (float32)',
  });
});

test('a damaged file, a missing file and another device are refused at load', async () => {
  await assert.rejects(
    load(specOf({ bad: { bytes: Buffer.from('not a graph'), dtype: 'int8' } })),
    /bad\.onnx/,
  );
  const gone = specOf({ gone: { bytes: halfPlusTwo(), dtype: 'float32' } });
  rmSync(join(dir, 'gone.onnx'));
  await assert.rejects(load(gone), /gone\.onnx/);
  await assert.rejects(load(specOf({}, { device: 'cuda:0' })), { code: 'SKY_ENGINE_DEVICE' });
});

test('a program outside the package directory is refused', async () => {
  const spec = specOf({ half: { bytes: halfPlusTwo(), dtype: 'float32' } });
  const { half } = spec.pkg.manifest.signatures;
  assert.ok(half);
  const signatures = { half: { ...half, program: '../half' } };
  const programs = { '../half': { steps: [], batchAxis: null } };
  const manifest = { ...spec.pkg.manifest, programs, signatures };
  await assert.rejects(load({ ...spec, pkg: { ...spec.pkg, manifest } }), { code: 'SKY_PACKAGE_INVALID' });
});

test('without the expected binding the public interface gives the same answers', async () => {
  const require = createRequire(import.meta.url);
  const library = loadOrt((name) => (name.endsWith('binding.js') ? {} : require(name)));
  assert.deepEqual([ort.api, library.api], ['binding', 'public']);
  const session = await load(specOf({ half: { bytes: halfPlusTwo(), dtype: 'float32' } }), library);
  const bytes = new Uint8Array(new Float32Array([10]).buffer);
  const output = await runOne(session, 'half', { dtype: 'float32', dims: [1], bytes });
  assert.deepEqual([...(output?.bytes ?? [])], [...new Uint8Array(new Float32Array([7]).buffer)]);
  session.unload();
});

test('the packed form of a real network gives the same bytes as the network', async () => {
  const bytes = readFileSync(new URL('../../../examples/01-digits/mnist-lenet.onnx', import.meta.url));
  const [input = '', output = ''] = await namesIn(bytes);
  const packed = join(dir, 'packed');
  mkdirSync(packed);
  const spec = specOf({ lenet: { bytes, dtype: 'float32' } });
  const { lenet } = spec.pkg.manifest.signatures;
  assert.ok(lenet);
  const named = {
    ...lenet,
    inputs: lenet.inputs.map((each) => ({ ...each, name: input })),
    outputs: lenet.outputs.map((each) => ({ ...each, name: output })),
  };
  const pkg = { ...spec.pkg, manifest: { ...spec.pkg.manifest, signatures: { lenet: named } } };
  const pixels = Float32Array.from({ length: 28 * 28 }, (_, i) => Math.abs(Math.sin(i)));
  const image: Tensor = {
    dtype: 'float32',
    dims: [1, 1, 28, 28],
    bytes: new Uint8Array(pixels.buffer),
  };
  const answers: Buffer[] = [];
  for (const form of [undefined, 'write', 'read'] as const) {
    const session = await load({ ...spec, pkg, ...(form && { packed: { dir: packed, use: form } }) });
    answers.push(Buffer.from((await runOne(session, 'lenet', image))?.bytes ?? []));
    session.unload();
  }
  assert.deepEqual(readdirSync(packed).toSorted(), ['lenet.bin', 'lenet.onnx']);
  assert.equal(answers[0]?.length, 40);
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
});

async function namesIn(bytes: Uint8Array): Promise<string[]> {
  const path = join(dir, 'names.onnx');
  writeFileSync(path, bytes);
  const { inputs, outputs } = await ort.open(path, {});
  return [...inputs.keys(), ...outputs.keys()];
}
