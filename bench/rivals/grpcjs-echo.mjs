// PredictionService.Predict on grpc-js and proto-loader that sends the inputs back as outputs: no model, no checks.
// Usage: node grpcjs-echo.mjs; prints its port.
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const definition = loadSync('tensorflow_serving/prediction_service.proto', {
  includeDirs: [join(import.meta.dirname, '../../protos')],
  keepCase: true,
});
const { service } = grpc.loadPackageDefinition(definition).tensorflow.serving.PredictionService;
const server = new grpc.Server();
server.addService(service, {
  Predict: ({ request }, done) => done(null, { outputs: request.inputs, model_spec: request.model_spec }),
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
