import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { resolveLimits } from '../../../core/limits.ts';
import { ELEMENT_BYTES, elementCount } from '../../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../../tensor/tensor.ts';
import { parsePredict } from './parse-predict.ts';
import type { PredictFormat } from './request-object.ts';
import { writePredict } from './write-predict.ts';

const LIMITS = resolveLimits();
const NUMERIC = (Object.keys(ELEMENT_BYTES) as (keyof typeof ELEMENT_BYTES)[]).filter(
  (dtype) => dtype !== 'bool',
);
const NAMES = { row: ['predictions', 'instances'], column: ['outputs', 'inputs'] } as const;

const dimsOf = (minLength: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength, maxLength: 4 });

function numericTensor(minRank: number): fc.Arbitrary<Tensor> {
  return fc.tuple(fc.constantFrom(...NUMERIC), dimsOf(minRank)).chain(([dtype, dims]) => {
    const length = elementCount(dims) * ELEMENT_BYTES[dtype];
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ dtype, dims, bytes: withoutNaN(dtype, bytes) }));
  });
}

/** NaN has many bit patterns and one text: patterns with a full exponent become those of infinity or less. */
function withoutNaN(dtype: DataType, bytes: Uint8Array): Uint8Array {
  const masks: Partial<Record<DataType, number>> = {
    float16: 0x7b,
    bfloat16: 0x7e,
    float32: 0x7e,
    float64: 0x7e,
  };
  const mask = masks[dtype];
  if (mask === undefined || dtype === 'string') return bytes;
  const size = ELEMENT_BYTES[dtype];
  return bytes.map((byte, index) => (index % size === size - 1 ? byte & (mask | 0x80) : byte));
}

function roundTrip(outputs: ReadonlyMap<string, Tensor>, format: PredictFormat): ReadonlyMap<string, Tensor> {
  const [written, read] = NAMES[format];
  const text = Buffer.from(writePredict(outputs, format, LIMITS.max_reply_bytes))
    .toString()
    .replace(written, read);
  const specs = Array.from(outputs, ([name, { dtype }]) => ({ name, dtype, dims: null }));
  const signature = { program: 'p', method: 'predict', inputs: specs, outputs: [] } as const;
  const parsed = parsePredict(
    Buffer.from(text),
    () => ({ name: 's', signature, isBatched: true, key: '0' }),
    LIMITS,
  );
  assert.equal(parsed.format, format);
  return parsed.inputs;
}

function assertSame(actual: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): void {
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  for (const [name, { dtype, dims, bytes }] of expected) {
    const got = actual.get(name);
    assert.deepEqual([got?.dtype, got?.dims], [dtype, dims]);
    assert.deepEqual(Buffer.from(got?.bytes ?? []), Buffer.from(bytes));
  }
}

describe('what is written reads back as the same bytes', () => {
  for (const [format, minRank] of [
    ['row', 1],
    ['column', 0],
  ] as const)
    test(`one numeric tensor, ${format} format`, () => {
      fc.assert(
        fc.property(numericTensor(minRank), (tensor) => {
          const outputs = new Map([['x', tensor]]);
          assertSame(roundTrip(outputs, format), outputs);
        }),
        { numRuns: 400 },
      );
    });

  test('several tensors with equal row counts, both formats', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(numericTensor(0), { minLength: 2, maxLength: 3 }),
        (rows, tensors) => {
          const outputs = new Map(
            tensors.map(({ dtype, dims, bytes }, index) => [
              `t${index}`,
              {
                dtype,
                dims: [rows, ...dims],
                bytes: Buffer.concat(Array.from({ length: rows }, () => bytes)),
              },
            ]),
          );
          assertSame(roundTrip(outputs, 'row'), outputs);
          assertSame(roundTrip(outputs, 'column'), outputs);
        },
      ),
    );
  });

  test('strings and bytes', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('s', 's_bytes'),
        (texts, name) => {
          const outputs = new Map([[name, stringTensor(texts.map((value) => Buffer.from(value)))]]);
          assertSame(roundTrip(outputs, 'row'), outputs);
          assertSame(roundTrip(outputs, 'column'), outputs);
        },
      ),
    );
  });

  test('any bytes under a name that ends in _bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }), (values) => {
        const outputs = new Map([['s_bytes', stringTensor(values)]]);
        assertSame(roundTrip(outputs, 'row'), outputs);
      }),
    );
  });

  test('booleans', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }), (values) => {
        const bytes = Uint8Array.from(values, Number);
        const outputs = new Map([['x', { dtype: 'bool' as const, dims: [values.length], bytes }]]);
        assertSame(roundTrip(outputs, 'row'), outputs);
      }),
    );
  });
});

/** u32 length and bytes for each element. */
function stringTensor(values: readonly Uint8Array[]): Tensor {
  const chunks = values.flatMap((value) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(value.length);
    return [length, value];
  });
  return { dtype: 'string', dims: [values.length], bytes: Buffer.concat(chunks) };
}
