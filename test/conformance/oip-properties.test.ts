/** Properties of the Open Inference Protocol: all spellings of a tensor are one tensor, and garbage is answered. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DATATYPE_NAMES } from '../../src/serve/protocols/oip/datatypes.ts';
import { topClasses } from '../../src/serve/protocols/oip/top-classes.ts';
import { ELEMENT_BYTES } from '../../src/tensor/tensor.ts';
import type { DataType, Tensor } from '../../src/tensor/tensor.ts';
import { tensorValues } from '../../src/tensor/values.ts';
import type { FakeCall } from './fake-server.ts';
import { infer, parts, send } from './oip-calls.ts';

type PackedName = Exclude<DataType, 'string'>;

const PACKED = (Object.keys(DATATYPE_NAMES) as DataType[]).filter((dtype) => dtype !== 'string');

describe('properties', () => {
  const dtype = fc.constantFrom(...PACKED);
  const shape = fc.array(fc.nat({ max: 3 }), { maxLength: 4 });

  test('JSON flat, JSON nested and binary give the same tensor, and come back bit for bit', () => {
    fc.assert(
      fc.property(dtype, shape, fc.infiniteStream(fc.nat({ max: 255 })), (type, dims, random) => {
        const tensor = randomTensor(type, dims, random);
        const datatype = DATATYPE_NAMES[type];
        const flat = jsonText(tensorValues(tensor));
        const nested = dims.length === 0 ? flat : jsonText(nest(tensorValues(tensor), dims));
        const sized = `"parameters":{"binary_data_size":${tensor.bytes.length}}`;
        const request = (content: string): string =>
          `{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[${dims.join(',')}],"datatype":"${datatype}",${content}}]}`;
        const calls = [
          infer(`echo_${type}`, request(`"data":${flat}`)),
          infer(`echo_${type}`, request(`"data":${nested}`)),
          binaryCall(type, request(sized), tensor.bytes),
        ];
        for (const call of calls) {
          const { json, binary } = parts(call);
          assert.deepEqual(json.outputs[0]?.shape, dims);
          assert.deepEqual(binary, Buffer.from(tensor.bytes));
        }
      }),
      { numRuns: 600 },
    );
  });

  test('classification is the head of the sorted row', () => {
    const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(NaN));
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (row, classes) => {
          const bytes = new Uint8Array(Float32Array.from(row).buffer);
          const output: Tensor = { dtype: 'float32', dims: [1, row.length], bytes };
          const top = topClasses(output, { classes, isBatched: true, maxClasses: 40 });
          const key = (place: number): number => (Number.isNaN(row[place]) ? -Infinity : (row[place] ?? 0));
          const sorted = Array.from(row.keys()).toSorted(
            (left, right) => key(right) - key(left) || left - right,
          );
          const wanted = sorted.slice(0, classes).map((place) => `${row[place]?.toFixed(6)}:${place}`);
          assert.deepEqual(
            tensorValues(top).map((text) => Buffer.from(text as Uint8Array).toString()),
            wanted,
          );
        },
      ),
    );
  });

  test('changed and cut requests are answered once, with 200 or a coded 4xx', () => {
    const good = Buffer.concat([
      Buffer.from(
        '{"id":"a","parameters":{"binary_data_output":true,"timeout":5},"inputs":[{"name":"x","shape":[2,1],"datatype":"FP32","parameters":{"binary_data_size":8}}],"outputs":[{"name":"y","parameters":{"classification":1}}]}',
      ),
      Buffer.from(Float32Array.of(1, 2).buffer),
    ]);
    const edit = fc.record({
      at: fc.nat(),
      byte: fc.constantFrom(...Buffer.from('[]{}",:.-+eE019 truenlNaIf\\\u0000\u00ff', 'latin1')),
    });
    const length = fc.oneof(fc.constant(good.length - 8), fc.nat({ max: good.length }));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 4 }), length, fc.nat({ max: 40 }), (edits, header, cut) => {
        const bytes = Buffer.from(good);
        for (const { at, byte } of edits) bytes[at % bytes.length] = byte;
        const call = send('/v2/models/half_plus_two/infer', bytes.subarray(0, bytes.length - cut), {
          'inference-header-content-length': String(header),
        });
        if (call.status === 200) return;
        assert.ok((call.status >= 400 && call.status < 500) || call.status === 501, call.replyBody);
        assert.match(call.notes.find(([field]) => field === 'error')?.[1] ?? '', /^SKY_[A-Z_]+$/);
      }),
      { numRuns: 3000 },
    );
  });
});

function binaryCall(type: string, json: string, bytes: Uint8Array): FakeCall {
  const headers = { 'inference-header-content-length': String(Buffer.byteLength(json)) };
  return send(`/v2/models/echo_${type}/infer`, Buffer.concat([Buffer.from(json), bytes]), headers);
}

function randomTensor(
  type: PackedName,
  dims: readonly number[],
  random: Iterator<number>,
): Tensor & { dtype: PackedName } {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const next = (): number => Number(random.next().value);
  const bytes = Uint8Array.from({ length: count * ELEMENT_BYTES[type] }, () =>
    type === 'bool' ? next() % 2 : next(),
  );
  // NaN has many bit patterns, of which text keeps none
  if (/float/.test(type))
    for (let i = ELEMENT_BYTES[type] - 1; i < bytes.length; i += ELEMENT_BYTES[type])
      bytes[i] = (bytes[i] ?? 0) & 0x3b;
  return { dtype: type, dims, bytes };
}

function nest(values: readonly unknown[], dims: readonly number[]): unknown {
  if (dims.length <= 1) return values;
  const [rows = 0, ...rest] = dims;
  const size = rest.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: rows }, (_, row) => nest(values.slice(row * size, (row + 1) * size), rest));
}

/** As JSON.stringify, with bigints as numbers and the sign of -0. */
function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  return Object.is(value, -0) ? '-0' : String(value);
}
