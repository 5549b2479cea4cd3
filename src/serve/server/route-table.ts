/** The one route table: whatever answers is a record of it, with the permission that it takes. */
import type { ProtocolContext } from '../protocols/context.ts';
import type { Route } from '../protocols/http-call.ts';
import { oipGrpcRoutes } from '../protocols/oip/grpc/routes.ts';
import { oipRoutes } from '../protocols/oip/routes.ts';
import { tfservingGrpcRoutes } from '../protocols/tfserving/grpc/routes.ts';
import { tfservingRoutes } from '../protocols/tfserving/routes.ts';
import { grpcHealthRoutes } from './grpc-health-routes.ts';
import { healthRoutes } from './health-routes.ts';
import type { HealthState } from './health-routes.ts';
import { metricsRoutes } from './metrics.ts';
import type { PrometheusMetrics } from './metrics.ts';
import { reflectionRoutes } from './reflection/routes.ts';

export interface RouteTableOptions {
  readonly health: HealthState;
  readonly metrics: PrometheusMetrics;
  /** TensorFlow Serving's replies over gRPC carry `tensor_content`. */
  readonly tensorContent: boolean;
  /** Path of the metrics besides `/metrics`; false: no metrics at all. @default where TensorFlow Serving has them */
  readonly metricsAt?: string | false | undefined;
}

/** All routes of a server. */
export function routeTable(
  context: ProtocolContext,
  { health, metrics, metricsAt, tensorContent }: RouteTableOptions,
): readonly Route[] {
  return [
    ...tfservingRoutes(context),
    ...tfservingGrpcRoutes(context, { tensorContent }),
    ...oipRoutes(context),
    ...oipGrpcRoutes(context, () => health.isReady().ready),
    ...healthRoutes(health),
    ...grpcHealthRoutes(health, context),
    ...reflectionRoutes(context.limits),
    ...metricsRoutes(metrics, metricsAt),
  ];
}
