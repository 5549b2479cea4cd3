/** The smallest useful ONNX model, `y = -x` over two floats, written byte by byte (onnx.proto, protobuf wire format). */
import type { PackageManifest } from '../../package/manifest.ts';
import type { TensorSpec } from '../../tensor/tensor.ts';

const FLOAT = 1; // TensorProto.DataType
const IR_VERSION = 8;
const OPSET = 13;
const LENGTH = 2;

/** The bytes of the model file. */
export function tinyGraph(): Uint8Array {
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Neg')];
  const graph = [
    ...message(1, node),
    ...text(2, 'doctor'),
    ...message(11, valueInfo('x')),
    ...message(12, valueInfo('y')),
  ];
  return Uint8Array.from([...integer(1, IR_VERSION), ...message(7, graph), ...message(8, integer(2, OPSET))]);
}

const spec = (name: string): TensorSpec => ({ name, dtype: 'float32', dims: [LENGTH] });

/** What skylift.json would say of it. */
export const TINY_MANIFEST: PackageManifest = {
  schema: 1,
  engine: 'onnx',
  files: [],
  programs: { model: { steps: [], batchAxis: null } },
  signatures: {
    serving_default: { program: 'model', method: 'predict', inputs: [spec('x')], outputs: [spec('y')] },
  },
  labels: {},
  lineage: [],
};

function valueInfo(name: string): number[] {
  const shape = message(1, integer(1, LENGTH));
  const tensorType = [...integer(1, FLOAT), ...message(2, shape)];
  return [...text(1, name), ...message(2, message(1, tensorType))];
}

/** A field of wire type 2; everything here is shorter than 128 bytes. */
function message(field: number, bytes: readonly number[]): number[] {
  return [(field << 3) | 2, bytes.length, ...bytes];
}

function text(field: number, value: string): number[] {
  return message(field, [...Buffer.from(value)]);
}

function integer(field: number, value: number): number[] {
  return [field << 3, value];
}
