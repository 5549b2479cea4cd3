/** Certificates renewed again and again while clients connect all the time: no handshake fails, each new one is served. */
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { serve } from '../../src/api/serve.ts';
import { makeAuthority } from '../support/certificates.ts';
import type { Certified } from '../support/certificates.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';

export interface ReloadReport {
  readonly reloads: number;
  readonly handshakes: number;
  readonly failures: readonly string[];
}

interface Seen {
  readonly name: string;
  readonly status: string;
}

/** Renews the certificate `reloads` times; each time it waits until a client has seen the new one. */
export async function reloadTls(options: { reloads: number; clients: number }): Promise<ReloadReport> {
  const authority = makeAuthority();
  const folder = await mkdtemp(join(tmpdir(), 'skylift-tls-'));
  const [certFile, keyFile, model] = ['tls.crt', 'tls.key', 'half.onnx'].map((name) => join(folder, name));
  if (certFile === undefined || keyFile === undefined || model === undefined) throw new Error('no paths');
  const write = async ({ cert, key }: Certified): Promise<void> => {
    await replace(keyFile, key); // for a moment they do not belong together
    await replace(certFile, cert);
  };
  await writeFile(model, halfPlusTwo());
  await write(authority.issue({ name: 'renewed-0' }));
  const server = await serve({
    models: { half: model },
    http: { port: 0 },
    storeDir: join(folder, 'store'),
    tls: { certFile, keyFile },
    limits: { tls_poll_ms: 10, warmup_budget_ms: 1 },
  });
  const port = Number(new URL(server.url).port);
  const failures: string[] = [];
  let [handshakes, newest] = [0, 0];
  const end = new AbortController();
  let whenSeen = Promise.withResolvers<void>();
  const client = async (): Promise<void> => {
    while (!end.signal.aborted) {
      try {
        const { name, status } = await visit(port, authority.cert);
        handshakes++;
        if (!status.endsWith(' 200 OK')) failures.push(status);
        if (name === `renewed-${newest}`) whenSeen.resolve();
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const clients = Promise.all(Array.from({ length: options.clients }, client));
  for (newest = 1; newest <= options.reloads; newest++) {
    whenSeen = Promise.withResolvers();
    await write(authority.issue({ name: `renewed-${newest}` }));
    await whenSeen.promise;
  }
  end.abort();
  await clients;
  await server.close();
  await rm(folder, { recursive: true, force: true });
  return { reloads: options.reloads, handshakes, failures };
}

/** One connection, one request. */
async function visit(port: number, ca: string): Promise<Seen> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
  try {
    await once(socket, 'secureConnect');
    const { CN: name } = socket.getPeerCertificate().subject;
    socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    return { name: String(name), status: String(bytes).split('\r\n')[0] ?? '' };
  } finally {
    socket.destroy();
  }
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
