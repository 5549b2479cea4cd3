/** TLS on both back-ends: who gets in, which protocol is chosen, and how everything that is no handshake ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { createFastHttpBackend } from '../../src/serve/server/wire/fast/backend.ts';
import { createNodeHttpBackend } from '../../src/serve/server/wire/node/backend.ts';
import type { WireTls } from '../../src/serve/server/wire/tls.ts';
import type { Limits } from '../../src/core/limits.ts';
import { makeAuthority } from '../support/certificates.ts';
import { fixedTls } from '../support/fixed-tls.ts';
import { startFixture } from './wire-fixture.ts';
import type { Fixture } from './wire-fixture.ts';

const authority = makeAuthority();
const pair = authority.issue();
const BACKENDS = [
  ['fast', createFastHttpBackend],
  ['node', createNodeHttpBackend],
] as const;
type Make = (typeof BACKENDS)[number][1];

interface Started extends Fixture {
  readonly port: number;
}

async function start(
  context: TestContext,
  make: Make,
  { tls = fixedTls(pair), limits = {} }: { tls?: WireTls; limits?: Partial<Limits> } = {},
): Promise<Started> {
  const fixture = await startFixture(context, (options) => make({ ...options, tls }), limits);
  return { ...fixture, port: fixture.address.port };
}

/** A TLS client; the handshake is under way. */
function dial(context: TestContext, port: number, options: ConnectionOptions = {}): TLSSocket {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ca: authority.cert,
    servername: 'localhost',
    ...options,
  });
  context.after(() => socket.destroy());
  return socket;
}

/** What a ping over a connection is answered with; '' when the connection is closed instead. */
async function ping(socket: Socket): Promise<string> {
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => (text += String(bytes)));
  socket.write('GET /ping HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n');
  await closed(socket);
  return text.split('\r\n')[0] ?? '';
}

/** Resolves when it is closed, whatever the reason. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

async function dialRaw(context: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {}); // a reset is one of the ends
  context.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const OK = 'HTTP/1.1 200 OK';

for (const [name, make] of BACKENDS)
  describe(`TLS on ${name}`, () => {
    test('TLS 1.3 is spoken with those who can, 1.2 with others, nothing older', async (context) => {
      const { port } = await start(context, make);
      const modern = dial(context, port);
      assert.equal(await ping(modern), OK);
      const older = dial(context, port, { maxVersion: 'TLSv1.2' });
      await once(older, 'secureConnect');
      assert.equal(older.getProtocol(), 'TLSv1.2');
      assert.equal(await ping(older), OK);
      const oldest = dial(context, port, {
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      await assert.rejects(once(oldest, 'secureConnect'));
    });

    test('nothing is negotiated again', async (context) => {
      const { port } = await start(context, make);
      const socket = dial(context, port, { maxVersion: 'TLSv1.2' });
      await once(socket, 'secureConnect');
      const error = await new Promise((resolve) => {
        socket.once('error', resolve);
        socket.renegotiate({ rejectUnauthorized: true }, resolve);
      });
      assert.ok(error instanceof Error);
    });

    test('HTTP/1.1 is chosen whenever a client offers it', async (context) => {
      const { port } = await start(context, make);
      for (const [offered, chosen] of [
        [['http/1.1'], 'http/1.1'],
        [['h2', 'http/1.1'], 'http/1.1'],
        [undefined, false],
      ] as const) {
        const socket = dial(context, port, offered && { ALPNProtocols: [...offered] });
        await once(socket, 'secureConnect');
        assert.equal(socket.alpnProtocol, chosen);
        assert.equal(await ping(socket), OK);
      }
      await assert.rejects(once(dial(context, port, { ALPNProtocols: ['spdy/3'] }), 'secureConnect'));
    });

    test('with a CA of clients only those get in that it has signed', async (context) => {
      const clients = makeAuthority('clients');
      const strangers = makeAuthority('clients');
      const fixture = await start(context, make, { tls: fixedTls(pair, clients.cert) });
      const { port } = fixture;
      assert.equal(await ping(dial(context, port, clients.issue({ name: 'a client' }))), OK);
      const ended = clients.issue({ notAfterMs: Date.now() - 86_400_000 });
      for (const shown of [{}, strangers.issue(), ended, pair])
        for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
          assert.equal(await ping(dial(context, port, { ...shown, maxVersion: version })), '');
      assert.equal(fixture.access.length, 1);
      assert.deepEqual(new Set(fixture.logged), new Set(['debug a TLS handshake failed']));
    });

    test('who is not let in any more does not come back with an old session', async (context) => {
      const [clients, others] = [makeAuthority('clients'), makeAuthority('others')];
      const fixed = fixedTls(pair, clients.cert);
      let change: Parameters<WireTls['onChange']>[0] = () => {};
      const tls: WireTls = { ...fixed, onChange: (fn) => ((change = fn), () => {}) };
      const { port } = await start(context, make, { tls });
      const shown = clients.issue({ name: 'a client' });
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        change({ ...pair, ca: clients.cert });
        const first = dial(context, port, { ...shown, maxVersion });
        const session = once(first, 'session') as Promise<[Buffer]>;
        assert.equal(await ping(first), OK);
        const again = dial(context, port, { ...shown, maxVersion, session: (await session)[0] });
        await once(again, 'secureConnect');
        assert.ok(again.isSessionReused());
        assert.equal(await ping(again), OK);
        change({ ...pair, ca: others.cert });
        const refused = dial(context, port, { ...shown, maxVersion, session: (await session)[0] });
        assert.equal(await ping(refused), '');
      }
    });

    test('plain HTTP, garbage and broken handshakes get a clean end, and the server goes on', async (context) => {
      const fixture = await start(context, make);
      const { port } = fixture;
      const plain = await dialRaw(context, port);
      plain.write('GET /ping HTTP/1.1\r\nhost: t\r\n\r\n');
      plain.resume();
      await closed(plain);
      const hello = await helloBytes(context);
      const change = fc.record({
        at: fc.nat(hello.length - 1),
        byte: fc.nat(255),
        cut: fc.nat(hello.length),
      });
      await fc.assert(
        fc.asyncProperty(change, async ({ at, byte, cut }) => {
          const bytes = Buffer.from(hello);
          bytes[at] = byte;
          const socket = await dialRaw(context, port);
          socket.resume();
          socket.end(bytes.subarray(0, cut));
          await closed(socket);
        }),
        { numRuns: 100 },
      );
      assert.equal(await ping(dial(context, port)), OK);
      assert.equal(fixture.server.inflight(), 0);
      assert.ok(fixture.logged.every((line) => line.startsWith('debug ')));
    });

    test('handshakes that stop half-way are ended in time', async (context) => {
      const { port } = await start(context, make, { limits: { header_timeout_ms: 60 } });
      const hello = await helloBytes(context);
      const waiting = await Promise.all(
        [0, 1, 5, 60, hello.length].map(async (length) => {
          const socket = await dialRaw(context, port);
          socket.resume();
          if (length > 0) socket.write(hello.subarray(0, length));
          return socket;
        }),
      );
      const dripping = await dialRaw(context, port); // a byte now and then is no progress
      dripping.resume();
      let sent = 0;
      const drip = setInterval(() => dripping.write(hello.subarray(sent, ++sent)), 5);
      context.after(() => clearInterval(drip));
      await Promise.all([...waiting, dripping].map(closed));
      assert.ok(sent < hello.length);
    });

    test('handshakes count against max_connections, and give their place back', async (context) => {
      const { port, logged } = await start(context, make, { limits: { max_connections: 2 } });
      const [one, two] = [await dialRaw(context, port), await dialRaw(context, port)];
      assert.equal(await ping(dial(context, port)), '');
      assert.ok(logged.some((line) => line.startsWith('warn connections are refused')));
      one.destroy();
      two.destroy();
      for (let answer = ''; answer !== OK;) answer = await ping(dial(context, port));
    });

    test('a drain and a close end handshakes, too', async (context) => {
      const limits = { drain_idle_ms: 5, drain_ms: 20, header_timeout_ms: 60_000 };
      for (const end of ['drain', 'close'] as const) {
        const { port, server } = await start(context, make, { limits });
        const socket = await dialRaw(context, port);
        socket.resume();
        await server[end]();
        await closed(socket);
      }
    });

    test('a new certificate is shown to new connections while old ones stay', async (context) => {
      const fixed = fixedTls(pair);
      let change: Parameters<WireTls['onChange']>[0] = () => {};
      const tls: WireTls = { ...fixed, onChange: (fn) => ((change = fn), () => {}) };
      const { port } = await start(context, make, { tls });
      const old = dial(context, port);
      await once(old, 'secureConnect');
      change(authority.issue({ name: 'renewed' }));
      const renewed = dial(context, port);
      await once(renewed, 'secureConnect');
      const names = [old, renewed].map((socket) => socket.getPeerCertificate().subject.CN);
      assert.deepEqual(names, ['localhost', 'renewed']);
      assert.deepEqual([await ping(old), await ping(renewed)], [OK, OK]);
    });
  });

/** The first bytes of a client. */
async function helloBytes(context: TestContext): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const client = dial(context, port);
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

describe('gRPC over TLS on the port of HTTPS', () => {
  test('a client that offers h2 alone speaks HTTP/2', async (context) => {
    const { port } = await start(context, createFastHttpBackend);
    const session = connectHttp2(`https://localhost:${port}`, { ca: authority.cert });
    context.after(() => session.destroy());
    const stream = session.request({ ':path': '/ping', 'content-type': 'text/plain' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(headers[':status'], 415); // it has arrived where only gRPC is spoken
    stream.close();
  });

  test('without ALPN the first bytes decide', async (context) => {
    const { port } = await start(context, createFastHttpBackend);
    const socket = dial(context, port);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    assert.equal(bytes[3], 4, 'a SETTINGS frame');
  });
});
