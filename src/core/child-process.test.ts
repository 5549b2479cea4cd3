/** What a limited child can see and take. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isolationLayers, siblingEntry, spawnLimited } from './child-process.ts';
import type { ChildSpec } from './child-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'skylift-child-'));
after(() => rmSync(dir, { recursive: true }));

/** Runs a module in a limited child and returns what it printed. */
async function run(source: string, spec: Partial<ChildSpec> = {}): Promise<string> {
  const entry = join(dir, 'child.mjs');
  writeFileSync(entry, source);
  const child = spawnLimited({ entry, memoryBytes: 2 ** 32, channel: false, ...spec });
  const exited = once(child, 'exit');
  assert.ok(child.stdout);
  const output = await text(child.stdout);
  await exited;
  return output;
}

const isActive = (name: string): boolean =>
  isolationLayers().some((layer) => layer.name === name && layer.isActive);

test('a child sees no variables but the listed ones and its own', async () => {
  process.env['SKYLIFT_TEST_SECRET'] = 'secret';
  process.env['NODE_OPTIONS'] ??= '';
  const output = await run('console.log(JSON.stringify(process.env))', { env: { OWN: '1' } });
  delete process.env['SKYLIFT_TEST_SECRET'];
  const seen = JSON.parse(output) as Record<string, string>;
  assert.equal(seen['OWN'], '1');
  assert.equal(seen['PATH'], process.env['PATH']);
  for (const name of ['SKYLIFT_TEST_SECRET', 'HOME', 'NODE_OPTIONS', 'NODE_V8_COVERAGE'])
    assert.equal(seen[name], undefined, name);
});

test('a child gets its arguments and nothing on stdin', async () => {
  const source = `process.stdin.on('data', () => console.log('data')).on('end', () => console.log(process.argv.slice(2).join()))`;
  assert.equal(await run(source, { args: ['a', 'b c'] }), 'a,b c\n');
});

test('the channel is a duplex pipe as descriptor 3', async () => {
  const entry = join(dir, 'channel.mjs');
  writeFileSync(entry, `import { Socket } from 'node:net'; const s = new Socket({ fd: 3 }); s.pipe(s);`);
  const child = spawnLimited({ entry, memoryBytes: 2 ** 32, channel: true });
  const pipe = child.stdio[3] as unknown as Readable & NodeJS.WritableStream;
  pipe.end('ping');
  assert.equal(await text(pipe), 'ping');
  await once(child, 'exit');
});

test(
  'memory and core files are limited where prlimit is there',
  { skip: !isActive('limits') && 'no prlimit' },
  async () => {
    const limits = await run(
      `import { readFileSync } from 'node:fs'; process.stdout.write(readFileSync('/proc/self/limits', 'utf8'))`,
      { memoryBytes: 3_000_000_000 },
    );
    assert.match(limits, /Max data size +3000000000 +3000000000/);
    assert.match(limits, /Max core file size +0 +0/);
  },
);

test(
  'a child cannot gain privileges where setpriv is there',
  { skip: !isActive('privileges') && 'no setpriv' },
  async () => {
    const status = await run(
      `import { readFileSync } from 'node:fs'; process.stdout.write(readFileSync('/proc/self/status', 'utf8'))`,
    );
    assert.match(status, /NoNewPrivs:\s+1/);
  },
);

test('entries are found beside their caller, in source and in the build', () => {
  const here = fileURLToPath(new URL('./child.ts', import.meta.url));
  assert.equal(siblingEntry(import.meta.url, './child'), here);
  assert.equal(siblingEntry('file:///app/dist/a.js', './child'), join('/app/dist/child.js'));
});
