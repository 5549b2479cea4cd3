/** The one place where commands meet the parts below them; loaded late, so that `--help` and `version` stay quick. */
import { homedir } from 'node:os';
import { resolveLimits } from '../core/limits.ts';
import type { Limits } from '../core/limits.ts';
import type { RunningServer, ServeOptions } from '../index.ts';
import type { PackageHandle } from '../package/manifest.ts';
import type { ModelUrl } from './model-url.ts';

/** Serves models; see `serve` of the library. */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { serve } = await import('../index.ts');
  return serve(options);
}

/** Directory of this user's store. */
export async function storeDirectory(): Promise<string> {
  const { defaultStoreDir } = await import('../package/store.ts');
  return defaultStoreDir(process.env, homedir());
}

/** Makes a package of a foreign file in the user's store, in a process of its own, and names it there. */
export async function importToStore(text: string, name: string | undefined): Promise<PackageHandle> {
  const { openPackages } = await import('../api/workshop.ts');
  const { resolveReference } = await import('../package/resolve-reference.ts');
  const { store, importer } = await openPackages(undefined, resolveLimits());
  const handle = await importer.import(await resolveReference(text, async () => store));
  if (name !== undefined) await store.setRef(name, handle.digest);
  return handle;
}

/** The path that a reference of the command line stands for; opens the store only for names. */
export async function resolvePath(text: string): Promise<string> {
  const { resolveReference } = await import('../package/resolve-reference.ts');
  return resolveReference(text, async () => {
    const { PackageStore } = await import('../package/store.ts');
    return PackageStore.open(await storeDirectory());
  });
}

/** A model that this process serves to itself for the time of one command. */
export interface LocalServing extends AsyncDisposable {
  readonly model: ModelUrl;
}

const LOCAL_NAME = 'model';

/** Serves one model on a free loopback port. Throws what `serve` throws. */
export async function serveLocally(path: string, limits: Partial<Limits> = {}): Promise<LocalServing> {
  const server = await startServer({
    models: { [LOCAL_NAME]: path },
    http: { host: '127.0.0.1', port: 0 },
    limits,
  });
  return {
    model: { server: server.url, model: LOCAL_NAME, target: {} },
    [Symbol.asyncDispose]: () => server.close(),
  };
}
