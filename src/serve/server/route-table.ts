/** The one route table: whatever answers is a record of it, with the permission that it takes. */
import type { ProtocolContext } from '../protocols/context.ts';
import type { Route } from '../protocols/http-call.ts';
import { oipRoutes } from '../protocols/oip/routes.ts';
import { tfservingRoutes } from '../protocols/tfserving/routes.ts';
import { healthRoutes } from './health-routes.ts';
import type { HealthState } from './health-routes.ts';
import { metricsRoutes } from './metrics.ts';
import type { PrometheusMetrics } from './metrics.ts';

/** All routes of a server. */
export function routeTable(
  context: ProtocolContext,
  health: HealthState,
  metrics: PrometheusMetrics,
): readonly Route[] {
  return [
    ...tfservingRoutes(context),
    ...oipRoutes(context),
    ...healthRoutes(health),
    ...metricsRoutes(metrics),
  ];
}
