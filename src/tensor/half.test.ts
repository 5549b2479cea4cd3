import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from './half.ts';

const FORMATS = [
  { bitsOf: float16Bits, valueOf: float16Value, infinity: 0x7c00 },
  { bitsOf: bfloat16Bits, valueOf: bfloat16Value, infinity: 0x7f80 },
] as const;

test('every bit pattern is the bits of its value', () => {
  for (const { bitsOf, valueOf, infinity } of FORMATS)
    for (let bits = 0; bits <= 0xffff; bits++) {
      const isNaN = (bits & 0x7fff) > infinity;
      if (isNaN) assert.ok(Number.isNaN(valueOf(bits)) && Number.isNaN(valueOf(bitsOf(NaN))));
      else assert.equal(bitsOf(valueOf(bits)), bits);
    }
});

test('rounds to the nearest value, ties to even, in one step', () => {
  assert.equal(float16Bits(1 + 2 ** -11), float16Bits(1));
  assert.equal(float16Bits(1 + 3 * 2 ** -11), float16Bits(1 + 2 ** -9));
  assert.equal(float16Bits(1 + 2 ** -11 + 2 ** -40), float16Bits(1 + 2 ** -10)); // float32 would lose 2^-40
  assert.equal(float16Bits(65_519.9), float16Bits(65_504));
  assert.equal(float16Bits(65_520), 0x7c00);
  assert.equal(float16Bits(2 ** -25), 0);
  assert.equal(float16Bits(-(2 ** -25) * 1.5), 0x8001);
  assert.equal(bfloat16Bits(Number.MAX_VALUE), 0x7f80);
  assert.equal(bfloat16Bits(-Infinity), 0xff80);
});

test('property: the result is one of the two neighbours and no other is nearer', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -65_504, max: 65_504, noNaN: true }),
      fc.constantFrom(...FORMATS),
      (value, format) => {
        const bits = format.bitsOf(value);
        const error = Math.abs(format.valueOf(bits) - value);
        for (const neighbour of [bits - 1, bits + 1])
          if ((neighbour & 0x7fff) < format.infinity && (neighbour & 0x7fff) > 0)
            assert.ok(error <= Math.abs(format.valueOf(neighbour & 0xffff) - value));
      },
    ),
  );
});
