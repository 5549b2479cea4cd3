import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { littleEndian, ProtoWriter } from '../../../test/support/proto-writer.ts';
import type { ByteFile } from '../byte-file.ts';
import { memoryFile } from '../byte-file.ts';
import { WireReader } from './wire.ts';

const LIMITS = { maxDepth: 4, maxKeptBytes: 1 << 20 };

function reader(bytes: Uint8Array, limits = LIMITS): WireReader {
  return new WireReader(memoryFile(bytes), limits);
}

/** Reads each field with `read` and returns what it gave. */
function readAll<T>(bytes: Uint8Array, read: (wire: WireReader, field: number) => T): T[] {
  const wire = reader(bytes);
  const values: T[] = [];
  wire.fields((field) => void values.push(read(wire, field)));
  return values;
}

const malformed = { code: 'SKY_ONNX_MALFORMED' };

test('integers of any sign and size up to 2^53 - 1 are read as they were written', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const bytes = new ProtoWriter().varint(1, value).finish();
      assert.deepEqual(
        readAll(bytes, (wire) => wire.int64()),
        [value],
      );
    }),
  );
});

test('an integer beyond 2^53 - 1 is an error, not a rounding', () => {
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    const bytes = new ProtoWriter().varint(1, value).finish();
    assert.throws(() => readAll(bytes, (wire) => wire.int64()), malformed);
  }
});

test('an integer that is not read may have any value', () => {
  const bytes = new ProtoWriter()
    .varint(1, 2n ** 64n - 1n)
    .varint(2, 7)
    .finish();
  assert.deepEqual(
    readAll(bytes, (wire, field) => (field === 2 ? wire.int64() : undefined)),
    [undefined, 7],
  );
});

test('a number of eleven bytes or more than 64 bits is malformed', () => {
  const tooLong = Uint8Array.of(8, ...Array.from({ length: 10 }, () => 0x80), 1);
  const tooWide = Uint8Array.of(8, 0x81, ...Array.from({ length: 8 }, () => 0x80), 2); // 2^64 + 1
  for (const bytes of [tooLong, tooWide])
    assert.throws(() => readAll(bytes, (wire) => wire.int64()), malformed);
});

test('an int32 out of range is malformed', () => {
  const bytes = new ProtoWriter().varint(1, 2 ** 32 + 1).finish();
  assert.throws(() => readAll(bytes, (wire) => wire.int32()), malformed);
});

test('the last of a repeated scalar wins', () => {
  const bytes = new ProtoWriter().string(1, 'first').string(1, 'last').finish();
  assert.equal(readAll(bytes, (wire) => wire.string()).at(-1), 'last');
});

test('packed and unpacked repeated integers give the same list', () => {
  const packed = new ProtoWriter().packedVarints(1, [1, -2, 300]).finish();
  const unpacked = new ProtoWriter().varint(1, 1).varint(1, -2).varint(1, 300).finish();
  for (const bytes of [packed, unpacked]) {
    const values: number[] = [];
    readAll(bytes, (wire) => wire.repeatedInt64(values));
    assert.deepEqual(values, [1, -2, 300]);
  }
});

test('elements of packed and unpacked fields are counted without being kept', () => {
  const varints = new ProtoWriter()
    .packedVarints(1, [1, 2n ** 64n - 1n])
    .varint(1, 3)
    .finish();
  assert.deepEqual(
    readAll(varints, (wire) => wire.countVarints()),
    [2, 1],
  );
  const floats = new ProtoWriter()
    .bytes(1, littleEndian(Float32Array.of(1, 2, 3)))
    .float(1, 4)
    .finish();
  assert.deepEqual(
    readAll(floats, (wire) => wire.countFixed(4)),
    [3, 1],
  );
});

test('a packed run that ends inside an element is malformed', () => {
  const cutVarint = new ProtoWriter().bytes(1, Uint8Array.of(1, 0x80)).varint(2, 1).finish();
  assert.throws(() => readAll(cutVarint, (wire, field) => field === 1 && wire.countVarints()), malformed);
  const cutFloat = new ProtoWriter().bytes(1, new Uint8Array(7)).finish();
  assert.throws(() => readAll(cutFloat, (wire) => wire.countFixed(4)), malformed);
});

test('large payloads are ranges of the file', () => {
  const bytes = new ProtoWriter().bytes(9, new Uint8Array(1000).fill(5)).finish();
  assert.deepEqual(
    readAll(bytes, (wire) => wire.range()),
    [{ offset: 3, length: 1000 }],
  );
});

test('a length beyond the message around it is malformed, also when the file goes on', () => {
  const inner = new ProtoWriter().tag(1, 2).rawVarint(5).raw(new Uint8Array(3)).finish();
  const bytes = new ProtoWriter().bytes(1, inner).bytes(2, new Uint8Array(100)).finish();
  const wire = reader(bytes);
  assert.throws(
    () => wire.fields((field) => (field === 1 ? wire.message(() => wire.range()) : undefined)),
    malformed,
  );
});

test('a length of 2^64 - 1 is malformed', () => {
  const bytes = new ProtoWriter()
    .tag(1, 2)
    .rawVarint(2n ** 64n - 1n)
    .finish();
  assert.throws(() => readAll(bytes, (wire) => wire.range()), malformed);
});

test('groups and undefined wire types are refused, also in unknown fields', () => {
  for (const wireType of [3, 4, 6, 7]) {
    const bytes = new ProtoWriter().tag(99, wireType).rawVarint(0).finish();
    assert.throws(() => readAll(bytes, () => undefined), malformed);
  }
});

test('field number zero is malformed', () => {
  assert.throws(() => readAll(Uint8Array.of(0, 0), () => undefined), malformed);
});

test('a field of another wire type than expected is malformed', () => {
  const bytes = new ProtoWriter().varint(1, 5).finish();
  assert.throws(
    () => readAll(bytes, (wire) => wire.string()),
    /field 1 has wire type varint, not bytes \(byte 1\)/,
  );
});

test('a string that is not UTF-8 is malformed', () => {
  const bytes = new ProtoWriter().bytes(1, Uint8Array.of(0xc3, 0x28)).finish();
  assert.throws(() => readAll(bytes, (wire) => wire.string()), malformed);
});

test('a singular message that comes twice is malformed', () => {
  const bytes = new ProtoWriter().bytes(1, new Uint8Array()).bytes(1, new Uint8Array()).finish();
  const wire = reader(bytes);
  let seen: number | undefined;
  assert.throws(() => wire.fields(() => void (seen = wire.once(seen, () => 1))), malformed);
});

test('messages nest up to the limit and no deeper', () => {
  const nested = (depth: number): Uint8Array =>
    depth === 0 ? new Uint8Array() : new ProtoWriter().bytes(1, nested(depth - 1)).finish();
  const walk = (bytes: Uint8Array) => {
    const wire = reader(bytes);
    const descend = (): void => wire.message(descend);
    wire.fields(descend);
  };
  walk(nested(LIMITS.maxDepth));
  assert.throws(() => walk(nested(LIMITS.maxDepth + 1)), {
    code: 'SKY_ONNX_LIMIT',
    message: /max_protobuf_depth = 4/,
  });
});

test('strings beyond the budget of kept bytes are refused', () => {
  const wire = reader(new ProtoWriter().string(1, 'x'.repeat(50)).finish(), {
    maxDepth: 4,
    maxKeptBytes: 40,
  });
  assert.throws(() => wire.fields(() => void wire.string()), { code: 'SKY_ONNX_LIMIT' });
});

test('a file that is shorter than it said is malformed', () => {
  const bytes = new ProtoWriter().string(1, 'hello').finish();
  const file: ByteFile = { ...memoryFile(bytes), sizeBytes: bytes.length + 100 };
  const wire = new WireReader(file, LIMITS);
  assert.throws(() => wire.fields(() => void wire.range()), malformed);
});

test('values that straddle the window of a large file are read right', () => {
  const writer = new ProtoWriter();
  const texts = Array.from({ length: 5000 }, (_, i) => 'text'.repeat(1 + (i % 40)) + String(i));
  for (const text of texts) writer.string(1, text);
  assert.deepEqual(
    readAll(writer.finish(), (wire) => wire.string()),
    texts,
  );
});
