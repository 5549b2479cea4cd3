/**
 * TensorFlow Serving's gRPC services as records of the route table.
 * Sources: tensorflow_serving/apis/*.proto, tensorflow_serving/model_servers/prediction_service_impl.cc.
 */
import type { ProtocolContext } from '../../context.ts';
import { grpcRoute } from '../../grpc-call.ts';
import type { GrpcMethod } from '../../grpc-call.ts';
import type { Route } from '../../http-call.ts';
import { classify, multiInference, regress } from './examples.ts';
import { getModelMetadata } from './get-model-metadata.ts';
import { getModelStatus } from './get-model-status.ts';
import { predict } from './predict.ts';
import { reloadConfig } from './reload-config.ts';
import type { PredictOptions } from './predict.ts';

const PREDICTION = '/tensorflow.serving.PredictionService';
const MODEL = '/tensorflow.serving.ModelService';

/** The methods of PredictionService and ModelService. */
export function tfservingGrpcRoutes(context: ProtocolContext, options: PredictOptions): readonly Route[] {
  const { runtime, limits } = context;
  const method = (
    path: string,
    permission: GrpcMethod['permission'],
    summary: string,
    handle: GrpcMethod['handle'],
  ): Route => grpcRoute({ protocol: 'tfserving', plane: 'data', path, permission, summary, handle }, limits);
  return [
    method(`${PREDICTION}/Predict`, 'predict', 'Runs a signature on named tensors.', (call) =>
      predict(call, context, options),
    ),
    method(`${PREDICTION}/Classify`, 'predict', 'Runs a classify signature; not served yet.', (call) =>
      classify(call, runtime),
    ),
    method(`${PREDICTION}/Regress`, 'predict', 'Runs a regress signature; not served yet.', (call) =>
      regress(call, runtime),
    ),
    method(`${PREDICTION}/MultiInference`, 'predict', 'Runs several signatures; not served yet.', (call) =>
      multiInference(call, runtime),
    ),
    method(`${PREDICTION}/GetModelMetadata`, 'read', 'Signatures of one version.', (call) =>
      getModelMetadata(call, runtime),
    ),
    method(`${MODEL}/GetModelStatus`, 'read', 'State of the versions of one model.', (call) =>
      getModelStatus(call, runtime),
    ),
    grpcRoute(
      {
        protocol: 'tfserving',
        plane: 'admin',
        permission: 'admin',
        path: `${MODEL}/HandleReloadConfigRequest`,
        summary: 'Serves a new list of models instead of the one before.',
        handle: (call) => reloadConfig(call, context),
      },
      limits,
    ),
  ];
}
