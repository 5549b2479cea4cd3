/** Real servers for the tests of API keys: the whole route table on sockets, over models that are functions. */
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import type { Log } from '../../src/core/log.ts';
import type { Route } from '../../src/serve/protocols/http-call.ts';
import { tfservingUnmatched } from '../../src/serve/protocols/tfserving/routes.ts';
import type { RunHandle, RunRequest, RunSink } from '../../src/serve/runtime/requests.ts';
import type { AccessEntry } from '../../src/serve/server/access-log.ts';
import { formatApiKey, newKeyId, newSecret } from '../../src/serve/server/auth/api-key.ts';
import { createKeyAuthorizer } from '../../src/serve/server/auth/key-authorizer.ts';
import { createOpenAuthorizer } from '../../src/serve/server/auth/open-authorizer.ts';
import { createKey, revokeKey } from '../../src/serve/server/auth/key-edits.ts';
import type { KeyGrant } from '../../src/serve/server/auth/key-edits.ts';
import type { KeyFile } from '../../src/serve/server/auth/key-record.ts';
import { createKeyRing } from '../../src/serve/server/auth/key-ring.ts';
import { newPepperText, parsePepper } from '../../src/serve/server/auth/pepper.ts';
import { createHttpServer } from '../../src/serve/server/http-server.ts';
import { createPrometheusMetrics } from '../../src/serve/server/metrics.ts';
import type { PrometheusMetrics } from '../../src/serve/server/metrics.ts';
import { createFastHttpBackend } from '../../src/serve/server/wire/fast/backend.ts';
import { createNodeHttpBackend } from '../../src/serve/server/wire/node/backend.ts';
import { routeTable } from '../../src/serve/server/route-table.ts';
import { AVAILABLE_123, FakeRuntime, NO_CONTROL, predictSignature } from '../conformance/fake-server.ts';
import type { FakeModel } from '../conformance/fake-server.ts';

const BACKENDS = { fast: createFastHttpBackend, node: createNodeHttpBackend } as const;

const DAY_MS = 86_400_000;
const dayFromNow = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

const pepper = parsePepper(Buffer.from(newPepperText()), 'pepper');
const ALL: KeyGrant = {
  description: '',
  permissions: ['predict', 'read', 'metrics', 'admin'],
  models: ['*'],
};
let file: KeyFile = { schema: 1, pepper: pepper.tag, keys: [] };

function made(changes: Partial<KeyGrant> = {}): { readonly key: string; readonly id: string } {
  const edit = createKey(file, pepper, { ...ALL, ...changes }, new Date().toISOString());
  file = edit.file;
  return { key: edit.key, id: edit.record.id };
}

/** Makes keys of every kind once; what they may do is in their names. */
export const KEYS = {
  all: made(),
  predict: made({ permissions: ['predict'] }),
  read: made({ permissions: ['read'] }),
  metrics: made({ permissions: ['metrics'] }),
  admin: made({ permissions: ['admin'] }),
  half: made({ models: ['half*'] }),
  other: made({ models: ['other*'] }),
  none: made({ models: [] }),
  /** For all models that there are, not for all that may come. */
  every: made({ models: ['half_plus_two', 'other_model'] }),
  expired: made({ expiresAt: dayFromNow(-1) }),
  future: made({ notBefore: dayFromNow(1) }),
  revoked: made(),
} as const;
file = revokeKey(file, KEYS.revoked.id).file;
const ring = createKeyRing(file, pepper);

/** Texts that are no key of the server. */
export const BAD_KEYS = {
  malformed: 'secret',
  'of another scheme': `sk-${'a'.repeat(48)}`,
  cut: KEYS.all.key.slice(0, -1),
  'in capitals': KEYS.all.key.toUpperCase(),
  'with a typing error': KEYS.all.key.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
  'of an unknown id': formatApiKey(newKeyId(), newSecret()),
  'with a wrong secret': formatApiKey(KEYS.all.id, newSecret()),
  expired: KEYS.expired.key,
  'not yet valid': KEYS.future.key,
  revoked: KEYS.revoked.key,
} as const;

const model: FakeModel = {
  signatures: {
    serving_default: predictSignature(
      [{ name: 'x', dtype: 'float32', dims: ['n'] }],
      [{ name: 'x', dtype: 'float32', dims: ['n'] }],
    ),
  },
  versions: AVAILABLE_123,
  run: (inputs) => inputs,
};

/** Runs what is submitted at the end of the turn. */
class PromptRuntime extends FakeRuntime {
  override submit(request: RunRequest, sink: RunSink): RunHandle {
    const handle = super.submit(request, sink);
    setImmediate(() => this.flush());
    return handle;
  }
}

export interface KeyServer {
  readonly url: string;
  /** As gRPC clients name the server. */
  readonly target: string;
  readonly routes: readonly Route[];
  readonly grpcRoutes: readonly Route[];
  readonly runtime: FakeRuntime;
  readonly metrics: PrometheusMetrics;
  readonly access: readonly AccessEntry[];
  readonly logged: readonly string[];
}

export interface KeyServerOptions {
  /** False is the negative control: the same server without keys. @default true */
  readonly asksForKeys?: boolean;
  readonly cors?: boolean;
}

/** Serves the models `half_plus_two` and `other_model` until the test ends. */
export async function startKeyServer(
  context: Pick<TestContext, 'after'>,
  backendName: keyof typeof BACKENDS,
  { asksForKeys = true, cors = false }: KeyServerOptions = {},
): Promise<KeyServer> {
  const limits = resolveLimits();
  const clock = systemClock;
  const metrics = createPrometheusMetrics({ processMetrics: false });
  const runtime = new PromptRuntime({ half_plus_two: model, other_model: model });
  const access: AccessEntry[] = [];
  const logged: string[] = [];
  const log: Log = (level, message, fields) => logged.push(JSON.stringify({ level, message, fields }));
  const isReady = (): { ready: boolean; waitingFor: string[] } => ({ ready: true, waitingFor: [] });
  const routes = routeTable(
    { runtime, control: NO_CONTROL, clock, limits },
    { health: { isReady }, metrics, tensorContent: false },
  );
  const server = createHttpServer({
    routes,
    limits,
    clock,
    log,
    metrics,
    cors,
    accessLog: (entry) => access.push(entry),
    unmatched: [tfservingUnmatched],
    authorize: asksForKeys
      ? createKeyAuthorizer({ keys: () => ring, clock, metrics })
      : createOpenAuthorizer({ isAdminOpen: true }),
    takesKeys: asksForKeys,
    backend: BACKENDS[backendName]({ limits, clock, log }),
  });
  const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 });
  context.after(() => server.close());
  return {
    url: `http://${host}:${port}`,
    target: `${host}:${port}`,
    routes: routes.filter(({ transport }) => transport !== 'grpc'),
    grpcRoutes: routes.filter(({ transport }) => transport === 'grpc'),
    runtime,
    metrics,
    access,
    logged,
  };
}
