// A naive gRPC model server on grpc-js, proto-loader and onnxruntime-node: one `await session.run` per Predict with one
// thread. One input, one output, float32.
// Usage: node grpcjs-onnxruntime.mjs MODEL.onnx INPUT OUTPUT; prints its port.
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import ort from 'onnxruntime-node';

const [, , model, input, output] = process.argv;
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const definition = loadSync('tensorflow_serving/prediction_service.proto', {
  includeDirs: [join(import.meta.dirname, '../../protos')],
  keepCase: true,
});
const { service } = grpc.loadPackageDefinition(definition).tensorflow.serving.PredictionService;

async function predict({ request }, done) {
  const { tensor_shape: shape, tensor_content: content } = request.inputs[input];
  const dims = shape.dim.map(({ size }) => Number(size));
  const tensor = new ort.Tensor('float32', new Float32Array(new Uint8Array(content).buffer), dims);
  const result = (await session.run({ [input]: tensor }))[output];
  const proto = {
    dtype: 'DT_FLOAT',
    tensor_shape: { dim: result.dims.map((size) => ({ size })) },
    float_val: Array.from(result.data),
  };
  done(null, { outputs: { [output]: proto }, model_spec: request.model_spec });
}

const server = new grpc.Server();
server.addService(service, { Predict: (call, done) => void predict(call, done) });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
