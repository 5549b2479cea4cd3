import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from './errors.ts';
import { ProtoReader, SCALAR } from './proto-reader.ts';
import { ProtoWriter } from './proto-writer.ts';

const INT64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

test('what is written is read: integers of all sizes, floats, text, bytes, nested messages', () => {
  const record = fc.record({
    int32: fc.integer(),
    int64: INT64,
    safe: fc.maxSafeInteger(),
    flag: fc.boolean(),
    double: fc.double(),
    text: fc.string({ unit: 'grapheme' }),
    bytes: fc.uint8Array({ maxLength: 300 }),
    guess: fc.nat(40_000),
  });
  fc.assert(
    fc.property(record, ({ guess, ...given }) => {
      const writer = new ProtoWriter();
      writer.message(
        7,
        () => {
          writer.integer(1, given.int32).int64(2, given.int64).integer(3, given.safe).bool(4, given.flag);
          writer.double(5, given.double).string(6, given.text).bytes(300, given.bytes);
        },
        guess,
      );
      const reader = new ProtoReader(writer.finish());
      assert.equal(reader.next(), 7);
      const read: Record<string, unknown> = {};
      reader.message(() => {
        for (let field = reader.next(); field !== 0; field = reader.next()) {
          if (field === 1) read['int32'] = reader.int32();
          else if (field === 2) read['int64'] = reader.int64();
          else if (field === 3) read['safe'] = reader.safeInteger();
          else if (field === 4) read['flag'] = reader.bool();
          else if (field === 5) read['double'] = reader.double();
          else if (field === 6) read['text'] = reader.string();
          else if (field === 300) read['bytes'] = new Uint8Array(reader.bytes());
        }
      });
      assert.equal(reader.next(), 0);
      assert.deepEqual(read, given);
    }),
  );
});

test('repeated numbers are read packed and not', () => {
  fc.assert(
    fc.property(fc.array(INT64, { maxLength: 20 }), fc.array(INT64, { maxLength: 20 }), (run, single) => {
      const writer = new ProtoWriter();
      writer.message(1, () => {
        for (const value of run) writer.rawVarint(...halves(value));
      });
      for (const value of single) writer.int64(1, value);
      const words = new Uint32Array(2 * (run.length + single.length));
      const reader = new ProtoReader(writer.finish());
      let count = 0;
      while (reader.next() !== 0)
        reader.elements(SCALAR.varint, () => reader.rawInt64Into(words, 2 * count++));
      assert.deepEqual([...new BigInt64Array(words.buffer)], [...run, ...single]);
    }),
  );
});

function halves(value: bigint): [low: number, high: number] {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

test('any bytes are read to their end or refused with a code', () => {
  const read = (reader: ProtoReader, depth: number): void => {
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field % 8 === 1) reader.string();
      else if (field % 8 === 2) reader.int64();
      else if (field % 8 === 3) reader.elements(SCALAR.fixed32, () => reader.rawFloat());
      else if (field % 8 === 4 && depth < 40) reader.message(() => read(reader, depth + 1));
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        read(new ProtoReader(bytes), 0);
      } catch (error) {
        assert.ok(isSkyliftError(error) && error.code === 'SKY_REQUEST_INVALID', String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test('groups, tags without a field, numbers beyond 64 bits and nesting without end are refused', () => {
  const refused = (bytes: readonly number[]): string => {
    const reader = new ProtoReader(Uint8Array.from(bytes));
    const deeper = (): void => {
      while (reader.next() !== 0) if (reader.isDelimited) reader.message(deeper);
    };
    try {
      deeper();
    } catch (error) {
      return isSkyliftError(error) ? error.message : String(error);
    }
    return 'nothing';
  };
  assert.match(refused([0x0b]), /wire type 3 of field 1 is refused/);
  assert.match(refused([0x00]), /a tag names no field/);
  assert.match(refused([0x08, ...Array(9).fill(0xff), 0x02]), /more than 64 bits/);
  assert.match(refused([0x08, ...Array(10).fill(0xff)]), /64 bits|ten bytes/);
  assert.match(refused([0x0a, 0x05]), /claims more than the 0 bytes/);
  assert.match(refused([0x0a, 0x80, 0x80, 0x80, 0x80, 0x10]), /claims more than/);
  assert.match(refused([0x0d, 0x01]), /cut off/);
  const nested = Array.from({ length: 60 }, (_, i) => [0x0a, 2 * (59 - i)]).flat();
  assert.match(refused(nested), /nested deeper than 32/);
});
