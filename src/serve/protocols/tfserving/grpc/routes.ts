/**
 * TensorFlow Serving's gRPC services as records of the route table. Sources: tensorflow_serving/apis/*.proto,
 * tensorflow_serving/model_servers/prediction_service_impl.cc.
 */
import type { ProtocolContext } from '../../context.ts';
import { grpcRoute } from '../../grpc-call.ts';
import type { Route } from '../../http-call.ts';
import { predict } from './predict.ts';
import type { PredictOptions } from './predict.ts';

const PREDICTION = '/tensorflow.serving.PredictionService';

/** The methods of PredictionService and ModelService. */
export function tfservingGrpcRoutes(context: ProtocolContext, options: PredictOptions): readonly Route[] {
  const common = { protocol: 'tfserving', plane: 'data' } as const;
  return [
    grpcRoute(
      {
        ...common,
        path: `${PREDICTION}/Predict`,
        permission: 'predict',
        summary: 'Runs a signature on named tensors.',
        handle: (call) => predict(call, context, options),
      },
      context.limits,
    ),
  ];
}
