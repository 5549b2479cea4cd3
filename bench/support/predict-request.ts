/** Messages of TensorFlow Serving's Predict. */
import { ProtoWriter } from '../../src/core/proto-writer.ts';

export const PREDICT = '/tensorflow.serving.PredictionService/Predict';
const DT_FLOAT = 1;

/** PredictRequest of model `m` with float32 `bytes` as tensor_content of the input `name`. */
export function predictRequest(name: string, dims: readonly number[], bytes: Uint8Array): Uint8Array {
  const writer = new ProtoWriter(bytes.length);
  writer.message(1, () => writer.string(1, 'm'));
  writer.message(2, () =>
    writer.string(1, name).message(2, () => {
      writer.integer(1, DT_FLOAT);
      writer.message(2, () => {
        for (const dim of dims) writer.message(2, () => writer.integer(1, dim));
      });
      writer.bytes(4, bytes);
    }),
  );
  return writer.finish();
}
