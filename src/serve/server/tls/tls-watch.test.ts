/** Certificates are read again while the server runs; what is broken changes nothing; ends of certificates are told. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { makeAuthority } from '../../../../test/support/certificates.ts';
import type { Certified } from '../../../../test/support/certificates.ts';
import { openScratch } from '../../../../test/support/packages.ts';
import { SteppedClock } from '../../../../test/support/stepped-clock.ts';
import { isSkyliftError } from '../../../core/errors.ts';
import { resolveLimits } from '../../../core/limits.ts';
import { createPrometheusMetrics } from '../metrics.ts';
import { tlsFiles } from './tls-source.ts';
import type { TlsPaths } from './tls-source.ts';
import { TlsWatch } from './tls-watch.ts';

const DAY_MS = 86_400_000;
const authority = makeAuthority();
const [first, second] = [authority.issue(), authority.issue({ name: 'second' })];

interface Watched {
  readonly dir: string;
  readonly paths: TlsPaths;
  readonly clock: SteppedClock;
  readonly logged: string[];
  readonly watch: TlsWatch;
  readonly metrics: () => Promise<string>;
  /** Writes both files as careful tools do. */
  readonly write: (pair: Partial<Certified>) => Promise<void>;
}

/** Watches a certificate in a folder of its own. */
async function watchOne(context: TestContext, pair = first, more: Partial<TlsPaths> = {}): Promise<Watched> {
  const scratch = await openScratch();
  const paths = { certFile: join(scratch.dir, 'tls.crt'), keyFile: join(scratch.dir, 'tls.key'), ...more };
  const write = async ({ cert, key }: Partial<Certified>): Promise<void> => {
    if (cert !== undefined) await replace(paths.certFile, cert);
    if (key !== undefined) await replace(paths.keyFile, key);
  };
  await write(pair);
  const logged: string[] = [];
  const clock = new SteppedClock(Date.now());
  const metrics = createPrometheusMetrics({ processMetrics: false });
  const watch = await openWatch(paths, { clock, logged, metrics });
  context.after(async () => {
    watch.close();
    await scratch[Symbol.asyncDispose]();
  });
  return { dir: scratch.dir, paths, clock, logged, watch, metrics: () => metrics.render(), write };
}

function openWatch(
  paths: TlsPaths,
  {
    clock = new SteppedClock(Date.now()),
    logged = [] as string[],
    metrics = createPrometheusMetrics({}),
  } = {},
): Promise<TlsWatch> {
  return TlsWatch.open({
    source: tlsFiles(paths),
    limits: resolveLimits(),
    clock,
    log: (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    metrics,
  });
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** PEM around bytes that are no certificate. */
const garbled = (pem: string): string => pem.replace(/\n.{30}/, `\n${'N'.repeat(30)}`);

const of = (level: string, logged: readonly string[]): string[] =>
  logged.filter((line) => line.startsWith(level));

/** Nothing of a private key: none of its lines of base64. */
function assertNoKey(text: string, ...pairs: readonly Certified[]): void {
  for (const { key } of pairs)
    for (const line of key.split('\n').filter((each) => each !== '' && !each.startsWith('---')))
      assert.ok(!text.includes(line.slice(0, 20)), 'a part of the key is shown');
}

test('a new pair is in force at the next look, and listeners are told once', async (t) => {
  const { watch, clock, write, logged } = await watchOne(t);
  const told: unknown[] = [];
  const end = watch.onChange((context) => told.push(context.cert));
  await clock.look();
  await write(second);
  await clock.look();
  await clock.look();
  assert.deepEqual(told, [second.cert]);
  assert.equal(watch.context.cert, second.cert);
  assert.deepEqual(clock.pausesMs, [1000, 1000, 1000, 1000]);
  end();
  await write(first);
  await clock.look();
  assert.equal(told.length, 1);
  assert.equal(of('info', logged).length, 3);
  assertNoKey(logged.join('\n'), first, second);
});

test('a certificate without its key keeps the old ones in force, told once, then the pair is taken', async (t) => {
  const { watch, clock, write, logged } = await watchOne(t);
  await write({ cert: second.cert });
  await clock.look();
  assert.deepEqual(of('error', logged), [], 'it may be half of a swap');
  for (let i = 0; i < 5; i++) await clock.look();
  assert.equal(watch.context.cert, first.cert);
  assert.equal(of('error', logged).length, 1);
  assert.match(of('error', logged)[0] ?? '', /is not the one of the first certificate/);
  await write({ key: second.key });
  await clock.look();
  assert.equal(watch.context.cert, second.cert);
  assertNoKey(logged.join('\n'), first, second);
});

test('broken and absent files keep the old ones in force', async (t) => {
  const { watch, clock, paths, logged } = await watchOne(t);
  const breakages: (() => Promise<unknown>)[] = [
    () => rm(paths.keyFile),
    () => writeFile(paths.keyFile, ''),
    () => writeFile(paths.keyFile, first.key.slice(0, 80)),
    () => writeFile(paths.certFile, 'x'),
    () => writeFile(paths.certFile, first.cert.slice(0, 200)),
    () => writeFile(paths.certFile, garbled(first.cert)),
  ];
  for (const [i, breakIt] of breakages.entries()) {
    await breakIt();
    for (let n = 0; n < 3; n++) await clock.look();
    assert.equal(watch.context.cert, first.cert);
    assert.ok(of('error', logged).length >= 1, `breakage ${i}`);
  }
  assertNoKey(logged.join('\n'), first);
});

test('the link of a Kubernetes secret is swapped', async (t) => {
  const { dir, clock } = await watchOne(t);
  const volume = join(dir, 'volume');
  const secret = async (name: string, { cert, key }: Certified): Promise<void> => {
    await mkdir(join(volume, name), { recursive: true });
    await writeFile(join(volume, name, 'tls.crt'), cert, { mode: 0o600 });
    await writeFile(join(volume, name, 'tls.key'), key, { mode: 0o600 });
    await symlink(name, join(volume, '..data_tmp'));
    await rename(join(volume, '..data_tmp'), join(volume, '..data'));
  };
  await secret('..1', first);
  for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(volume, name));
  const linked = { certFile: join(volume, 'tls.crt'), keyFile: join(volume, 'tls.key') };
  const watch = await openWatch(linked, { clock });
  t.after(() => watch.close());
  await secret('..2', second);
  await rm(join(volume, '..1'), { recursive: true });
  await clock.look();
  assert.equal(watch.context.cert, second.cert);
});

test('a changed CA of clients is in force at the next look', async (t) => {
  const scratch = await openScratch();
  t.after(() => scratch[Symbol.asyncDispose]());
  const clientCaFile = join(scratch.dir, 'ca.crt');
  await writeFile(clientCaFile, authority.cert);
  const { watch, clock } = await watchOne(t, first, { clientCaFile });
  assert.ok(watch.asksClients);
  const other = makeAuthority('other').cert;
  await replace(clientCaFile, authority.cert + other);
  await clock.look();
  assert.equal(watch.context.ca, authority.cert + other);
  await replace(clientCaFile, 'nobody');
  await clock.look();
  assert.equal(watch.context.ca, authority.cert + other);
});

test('what cannot be used ends the start, with a hint and nothing of the key', async (t) => {
  const { paths } = await watchOne(t);
  const locked = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  }).privateKey;
  const weak = generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  });
  const cases: (readonly [cert: string, key: string, words: RegExp])[] = [
    [first.cert, second.key, /is not the one of the first certificate/],
    [authority.cert + first.cert, first.key, /is not the one of the first certificate/],
    [first.cert, first.cert, /holds no private key/],
    [first.key, first.key, /holds no certificate/],
    [first.cert, locked, /locked with a passphrase/],
    [first.cert, String(weak), /is not the one/],
    [garbled(first.cert), first.key, /holds a broken certificate/],
    ['', first.key, /holds no certificate/],
  ];
  for (const [cert, key, words] of cases) {
    await writeFile(paths.certFile, cert);
    await writeFile(paths.keyFile, key);
    await assert.rejects(openWatch(paths), (error: unknown) => {
      assert.ok(isSkyliftError(error));
      assert.equal(error.code, 'SKY_CONFIG_INVALID');
      assert.match(error.message, words);
      assert.ok(error.hint.length > 10);
      assertNoKey(`${error.message}${error.hint}${error.stack}${String(error.cause)}`, first, second, {
        cert,
        key,
      });
      return true;
    });
  }
});

test('a certificate that ends soon or has ended is told at the start and once a day', async (t) => {
  const soon = authority.issue({ notAfterMs: Date.now() + 2.5 * DAY_MS });
  const { clock, logged, write, metrics } = await watchOne(t, soon);
  assert.equal(of('warn', logged).length, 1);
  assert.match(of('warn', logged)[0] ?? '', /expires within 14 days/);
  await clock.look();
  assert.equal(of('warn', logged).length, 1);
  clock.passedMs += DAY_MS;
  await clock.look();
  await clock.look();
  assert.equal(of('warn', logged).length, 2);
  clock.passedMs += 2 * DAY_MS;
  await clock.look();
  assert.match(of('warn', logged)[2] ?? '', /has expired/);
  await write(second);
  await clock.look();
  clock.passedMs += DAY_MS;
  await clock.look();
  assert.equal(of('warn', logged).length, 3, 'the new one holds');
  const seconds = /skylift_tls_certificate_expiry_seconds\{file="[^"]*tls\.crt"\} (\d+)/.exec(
    await metrics(),
  )?.[1];
  assert.ok(Math.abs(Number(seconds) - (Date.now() + 365 * DAY_MS) / 1000) < 3600);
});

test('a key that every user can read is told', { skip: process.platform === 'win32' }, async (t) => {
  const { paths, clock, logged } = await watchOne(t);
  await writeFile(`${paths.keyFile}.open`, first.key, { mode: 0o644 });
  await rename(`${paths.keyFile}.open`, paths.keyFile);
  await clock.look();
  await clock.look();
  assert.deepEqual(
    of('warn', logged).map((line) => /every user of this machine can get at the private key/.test(line)),
    [true],
  );
});
