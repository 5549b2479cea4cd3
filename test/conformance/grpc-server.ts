/** The conformance models behind real gRPC: the whole server on a free port, a fake runtime that runs at once. */
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import { silentLog } from '../../src/core/log.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { oipGrpcRoutes } from '../../src/serve/protocols/oip/grpc/routes.ts';
import { tfservingGrpcRoutes } from '../../src/serve/protocols/tfserving/grpc/routes.ts';
import type { RunHandle, RunRequest, RunSink } from '../../src/serve/runtime/requests.ts';
import { grpcHealthRoutes } from '../../src/serve/server/grpc-health-routes.ts';
import { reflectionRoutes } from '../../src/serve/server/reflection/routes.ts';
import { createHttpServer } from '../../src/serve/server/http-server.ts';
import type { HttpServer } from '../../src/serve/server/http-server.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { NO_CONTROL } from './fake-server.ts';
import type { FakeRuntime } from './fake-server.ts';
import { conformanceRuntime } from './models.ts';

export interface GrpcFixture {
  readonly client: GrpcClient;
  readonly runtime: FakeRuntime;
  readonly target: string;
  readonly server: HttpServer;
  /** What health says of the server. */
  readonly state: { ready: boolean };
}

/** Starts server and client; both end with the test. */
export async function startGrpc(context: TestContext, overrides: Partial<Limits> = {}): Promise<GrpcFixture> {
  const runtime = conformanceRuntime();
  const submit = runtime.submit.bind(runtime);
  runtime.submit = (request: RunRequest, sink: RunSink): RunHandle => {
    const handle = submit(request, sink);
    setImmediate(() => runtime.flush());
    return handle;
  };
  const state = { ready: true, waitingFor: [] };
  const limits = { ...resolveLimits(), ...overrides };
  const protocol = { runtime, control: NO_CONTROL, clock: systemClock, limits };
  const server = createHttpServer({
    routes: [
      ...tfservingGrpcRoutes(protocol, { tensorContent: false }),
      ...oipGrpcRoutes(protocol, () => state.ready),
      ...reflectionRoutes(limits),
      ...grpcHealthRoutes({ isReady: () => state }, protocol),
    ],
    limits,
    clock: systemClock,
    log: silentLog,
    metrics: noMetrics,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const target = `127.0.0.1:${port}`;
  const client = new GrpcClient(context, target);
  context.after(() => server.close());
  return { client, runtime, target, state, server };
}
