/** Frames: what is written is read, wherever the stream is cut; foreign bytes end in one error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeStrings } from '../../tensor/strings.ts';
import { ELEMENT_BYTES } from '../../tensor/tensor.ts';
import type { DataType } from '../../tensor/tensor.ts';
import { ALIGNMENT_BYTES, DATA_TYPES, KINDS } from './frame.ts';
import type { Frame, OutgoingFrame } from './frame.ts';
import { decodeFrame } from './frame-decode.ts';
import { encodeFrame } from './frame-encode.ts';
import { FrameReader } from './frame-reader.ts';

const MAX_BYTES = 2 ** 20;

const u32 = fc.nat(0xffff_ffff);

const strings = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 5 });

const numericTensor = fc
  .record({
    dtype: fc.constantFrom(...DATA_TYPES.filter((dtype) => dtype !== 'string')),
    dims: fc.array(fc.nat(5), { maxLength: 4 }),
  })
  .chain(({ dtype, dims }) => {
    const sizeBytes = dims.reduce((product, dim) => product * dim, elementBytes(dtype));
    return fc
      .uint8Array({ minLength: sizeBytes, maxLength: sizeBytes })
      .map((bytes) => ({ dtype, dims, bytes }));
  });

const stringTensor = strings.map((texts) => ({
  dtype: 'string' as DataType,
  dims: [texts.length],
  bytes: encodeStrings(texts),
}));

const frame = fc.record({
  kind: fc.constantFrom(...KINDS),
  isLast: fc.boolean(),
  session: u32,
  tag: u32,
  ranUs: u32,
  signature: u32,
  jobs: fc.array(fc.record({ id: u32, rows: u32 }, { noNullPrototype: true }), { maxLength: 5 }),
  tensors: fc.array(fc.oneof(numericTensor, stringTensor), { maxLength: 4 }),
  json: fc.option(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())), { nil: undefined }),
});

function elementBytes(dtype: DataType): number {
  return dtype === 'string' ? 4 : ELEMENT_BYTES[dtype];
}

/** The frame as it goes out, its payloads cut at `cut`. */
function outgoing(source: Omit<Frame, 'memory'>, cut = 0): OutgoingFrame {
  return {
    ...source,
    tensors: source.tensors.map(({ dtype, dims, bytes }) => ({
      dtype,
      dims,
      chunks: [bytes.subarray(0, cut), bytes.subarray(cut)],
    })),
  };
}

function bytesOf(source: OutgoingFrame): Buffer {
  return Buffer.concat(encodeFrame(source, MAX_BYTES));
}

/** Comparable: plain arrays instead of views. */
function plain(source: Omit<Frame, 'memory'>): unknown {
  return {
    ...source,
    memory: undefined,
    json: source.json === undefined ? undefined : JSON.stringify(source.json),
    tensors: source.tensors.map((tensor) => ({ ...tensor, bytes: [...tensor.bytes] })),
  };
}

/** Frames that a reader finds in the chunks. */
function read(chunks: Iterable<Buffer>, maxBytes = MAX_BYTES): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader({
    maxBytes,
    isMemoryShared: false,
    onFrame: (bytes) => frames.push(decodeFrame(bytes)),
  });
  for (const chunk of chunks) reader.push(chunk);
  return frames;
}

test('any frame that is written is read again', () => {
  fc.assert(
    fc.property(frame, fc.nat(20), (source, cut) => {
      assert.deepEqual(plain(decodeFrame(bytesOf(outgoing(source, cut)))), plain(source));
    }),
  );
});

test('frames are found wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 4 }),
      fc.array(fc.nat(4000), { maxLength: 6 }),
      (sources, cuts) => {
        const stream = Buffer.concat(sources.map((source) => bytesOf(outgoing(source))));
        const ends = [
          ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b),
          stream.length,
        ];
        const chunks = ends.map((end, i) => stream.subarray(ends[i - 1] ?? 0, end));
        assert.deepEqual(read(chunks).map(plain), sources.map(plain));
      },
    ),
  );
});

test('two frames are found when the stream is cut at every byte', () => {
  const [source] = fc.sample(frame, { numRuns: 1, seed: 7 });
  assert.ok(source);
  const stream = Buffer.concat([bytesOf(outgoing(source)), bytesOf({ kind: 'heartbeat' })]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const [first, second] = read([stream.subarray(0, cut), stream.subarray(cut)]);
    assert.deepEqual([first && plain(first), second?.kind], [plain(source), 'heartbeat'], `cut at ${cut}`);
  }
  const bytes = [...stream].map((byte) => Buffer.from([byte]));
  assert.equal(read(bytes).length, 2);
});

test('every payload of a frame in its own buffer starts at a multiple of 64', () => {
  fc.assert(
    fc.property(frame, (source) => {
      const stream = bytesOf(outgoing(source));
      const [found] = read([stream.subarray(0, 5), stream.subarray(5)]);
      for (const { bytes } of found?.tensors ?? []) assert.equal(bytes.byteOffset % ALIGNMENT_BYTES, 0);
      assert.equal(stream.length % ALIGNMENT_BYTES, 0);
    }),
  );
});

test('tensors of a frame are views of the received bytes and no Buffers', () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const stream = bytesOf({ kind: 'result', tensors: [{ dtype: 'uint8', dims: [3], chunks: [bytes] }] });
  const [tensor] = decodeFrame(stream).tensors;
  assert.equal(tensor?.bytes.buffer, stream.buffer);
  assert.equal(Buffer.isBuffer(tensor.bytes), false);
});

test('large payloads are written from where they lie', () => {
  const large = new Uint8Array(100_000);
  const chunks = encodeFrame(
    { kind: 'run', tensors: [{ dtype: 'uint8', dims: [large.length], chunks: [large] }] },
    MAX_BYTES,
  );
  assert.ok(chunks.includes(large));
});

test('mutated bytes are read as a frame or refused with SKY_ENGINE_PROTOCOL', () => {
  const mutation = fc.record({ at: fc.nat(400), byte: fc.nat(255) });
  fc.assert(
    fc.property(frame, fc.array(mutation, { minLength: 1, maxLength: 6 }), (source, mutations) => {
      const bytes = bytesOf(outgoing(source));
      for (const { at, byte } of mutations) bytes[at % bytes.length] = byte;
      refusedOrRead(() => read([bytes]));
    }),
    { numRuns: 400 },
  );
});

test('truncated frames are read as a frame or refused with SKY_ENGINE_PROTOCOL', () => {
  fc.assert(
    fc.property(frame, fc.nat(1000), (source, cut) => {
      const bytes = bytesOf(outgoing(source));
      const end = Math.max(32, bytes.length - cut);
      refusedOrRead(() => [decodeFrame(bytes.subarray(0, end))]);
    }),
  );
});

test('text is refused at its first bytes', () => {
  assert.throws(() => read([Buffer.from('GET / HTTP/1.1')], 2 ** 30), { code: 'SKY_ENGINE_PROTOCOL' });
});

test('garbage is refused with SKY_ENGINE_PROTOCOL or waits for more', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (chunks) => {
      refusedOrRead(() => read(chunks.map((chunk) => Buffer.from(chunk))));
    }),
  );
});

/** Whatever is accepted must have tensors that fit their dims. */
function refusedOrRead(run: () => Frame[]): void {
  try {
    for (const { tensors } of run())
      for (const { dtype, dims, bytes } of tensors)
        if (dtype !== 'string')
          assert.equal(
            bytes.length,
            dims.reduce((product, dim) => product * dim, ELEMENT_BYTES[dtype]),
          );
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'SKY_ENGINE_PROTOCOL', String(error));
  }
}

test('a length beyond the limit is refused before memory is taken', () => {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(0xffff_fffc, 0);
  assert.throws(() => read([header], 2 ** 30), { code: 'SKY_ENGINE_PROTOCOL' });
  header.writeUInt32LE(3, 0); // 7 bytes in all
  assert.throws(() => read([header]), { code: 'SKY_ENGINE_PROTOCOL', message: 'no frame is 7 bytes long' });
});

test('counts that promise more than the frame holds are refused', () => {
  for (const offset of [6, 16, 20]) {
    const bytes = bytesOf({ kind: 'result' });
    bytes.fill(0xff, offset, offset + 2);
    assert.throws(() => decodeFrame(bytes), { code: 'SKY_ENGINE_PROTOCOL' }, `offset ${offset}`);
  }
});

test('more jobs or JSON than agreed are refused before they become objects', () => {
  const jobs = bytesOf({ kind: 'result', jobs: [1, 2, 3].map((id) => ({ id, rows: 1 })) });
  const json = bytesOf({ kind: 'fail', json: ['x'.repeat(100)] });
  assert.equal(decodeFrame(jobs, { maxJobs: 3 }).jobs.length, 3);
  assert.ok(decodeFrame(json, { maxJsonBytes: 104 }).json);
  for (const [bytes, options] of [
    [jobs, { maxJobs: 2 }],
    [json, { maxJsonBytes: 103 }],
  ] as const)
    assert.throws(() => decodeFrame(bytes, options), { code: 'SKY_ENGINE_PROTOCOL' });
});

test('strings that run out of their payload are refused', () => {
  const bytes = encodeStrings([Buffer.from('abc')]);
  bytes[0] = 4;
  const cut = { kind: 'result', tensors: [{ dtype: 'string', dims: [1], chunks: [bytes] }] } as const;
  assert.throws(() => decodeFrame(bytesOf(cut)), { code: 'SKY_ENGINE_PROTOCOL', message: /does not fit/ });
});

test('a frame beyond the limit is not made', () => {
  const chunks = [new Uint8Array(1000)];
  const source = { kind: 'run', tensors: [{ dtype: 'uint8', dims: [1000], chunks }] } as const;
  assert.throws(() => encodeFrame(source, 1000), {
    code: 'SKY_REQUEST_TOO_LARGE',
    message: 'a frame of 1088 bytes exceeds 1000 bytes (max_frame_bytes)',
  });
});

test('dims that do not fit their field are refused', () => {
  const source = { kind: 'run', tensors: [{ dtype: 'uint8', dims: [0, 2 ** 32], chunks: [] }] } as const;
  assert.throws(() => encodeFrame(source, MAX_BYTES), { code: 'SKY_TENSOR_INVALID' });
});
