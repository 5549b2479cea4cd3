/** Property tests of the gRPC tensor codecs: what is written is read, and no bytes do harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../src/core/errors.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import { ProtoWriter } from '../../src/core/proto-writer.ts';
import { readInferRequest, readTarget } from '../../src/serve/protocols/oip/grpc/read-infer.ts';
import { readPredictRequest } from '../../src/serve/protocols/tfserving/grpc/read-predict.ts';
import { readTensorProto } from '../../src/serve/protocols/tfserving/grpc/read-tensor.ts';
import { writeTensorProto } from '../../src/serve/protocols/tfserving/grpc/write-tensor.ts';
import { encodeStrings } from '../../src/tensor/strings.ts';
import { ELEMENT_BYTES } from '../../src/tensor/tensor.ts';
import type { DataType, Tensor } from '../../src/tensor/tensor.ts';
import { predictSignature } from './fake-server.ts';

const MEMORY_LIMIT_BYTES = 64 * 1024 * 1024;
const LIMITS = resolveLimits();
const DTYPES = [...Object.keys(ELEMENT_BYTES), 'string'] as DataType[];

/** Memory of one request, counted. */
class Memory {
  bytes = 0;
  reserve(sizeBytes: number): boolean {
    this.bytes += sizeBytes;
    return this.bytes <= MEMORY_LIMIT_BYTES;
  }
  allocate(sizeBytes: number): Buffer {
    return Buffer.alloc(sizeBytes, 0xaa);
  }
}

const tensors: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([dtype, dims]) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    if (dtype === 'string')
      return fc
        .array(fc.uint8Array({ maxLength: 9 }), { minLength: count, maxLength: count })
        .map((elements): Tensor => ({ dtype, dims, bytes: encodeStrings(elements) }));
    const sizeBytes = count * ELEMENT_BYTES[dtype];
    return fc
      .uint8Array({ minLength: sizeBytes, maxLength: sizeBytes, max: dtype === 'bool' ? 1 : 255 })
      .map((bytes): Tensor => ({ dtype, dims, bytes }));
  });

function protoOf(tensor: Tensor, asContent: boolean): Uint8Array {
  const writer = new ProtoWriter();
  writeTensorProto(writer, tensor, asContent);
  return writer.finish();
}

test('a tensor comes back from a TensorProto bit by bit, typed and as content', () => {
  fc.assert(
    fc.property(tensors, fc.boolean(), (tensor, asContent) => {
      const read = readTensorProto(protoOf(tensor, asContent), LIMITS, new Memory());
      assert.deepEqual([read.dtype, read.dims], [tensor.dtype, tensor.dims]);
      assert.deepEqual(Buffer.from(read.bytes), Buffer.from(tensor.bytes));
    }),
    { numRuns: 1000 },
  );
});

const X = { name: 'x', dims: null } as const;
const SIGNATURES = DTYPES.map((dtype) =>
  predictSignature([{ ...X, dtype }], [{ name: 'y', dtype, dims: null }]),
);

/** Reads bytes by every codec; returns what was not an answer. */
function readAll(bytes: Uint8Array): void {
  for (const read of [
    (): unknown => readTensorProto(bytes, LIMITS, new Memory()),
    (): unknown => readTarget(bytes),
    ...SIGNATURES.slice(0, 2).flatMap((signature) => [
      (): unknown => readPredictRequest(bytes, signature, LIMITS, new Memory()),
      (): unknown => readInferRequest(bytes, signature, LIMITS, new Memory()),
    ]),
  ])
    try {
      read();
    } catch (error) {
      assert.ok(isSkyliftError(error) && error.code !== 'SKY_INTERNAL', String(error));
    }
}

test('requests that are cut or changed anywhere are read or refused with a code', () => {
  fc.assert(
    fc.property(tensors, fc.nat(), fc.nat(255), fc.nat(), (tensor, at, value, cut) => {
      const writer = new ProtoWriter();
      writer.message(1, () => writer.string(1, 'm'));
      writer.message(2, () =>
        writer.string(1, 'x').message(2, () => writeTensorProto(writer, tensor, false)),
      );
      for (const whole of [writer.finish(), protoOf(tensor, false)]) {
        const changed = Buffer.from(whole);
        changed[at % changed.length] = value;
        readAll(changed);
        readAll(whole.subarray(0, cut % whole.length));
      }
    }),
    { numRuns: 1000 },
  );
});

test('any bytes are read or refused with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => readAll(bytes)),
    { numRuns: 3000 },
  );
});
