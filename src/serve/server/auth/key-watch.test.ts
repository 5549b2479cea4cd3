/** Keys are read again while the server runs: by change, rename, swap of a link; a broken file changes nothing. */
import assert from 'node:assert/strict';
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { openScratch } from '../../../../test/support/packages.ts';
import { SteppedClock } from '../../../../test/support/stepped-clock.ts';
import { isSkyliftError } from '../../../core/errors.ts';
import { resolveLimits } from '../../../core/limits.ts';
import type { Limits } from '../../../core/limits.ts';
import { createKey, revokeKey } from './key-edits.ts';
import type { KeyGrant } from './key-edits.ts';
import type { KeyFile } from './key-record.ts';
import { formatKeyFile } from './key-schema.ts';
import { KeyWatch } from './key-watch.ts';
import { newPepperText, parsePepper } from './pepper.ts';
import type { Pepper } from './pepper.ts';

const AT = '2026-11-25T13:00:00.000Z';
const GRANT: KeyGrant = { description: '', permissions: ['predict'], models: ['*'] };

interface Watched {
  readonly dir: string;
  readonly keysFile: string;
  readonly pepper: Pepper;
  readonly pepperText: string;
  readonly clock: SteppedClock;
  readonly logged: string[];
  watch: KeyWatch;
  /** What the keys in force say of a key: its id, or why not. */
  readonly verdict: (key: string) => string;
}

function makeKey(pepper: Pepper, file?: KeyFile): { file: KeyFile; key: string; id: string } {
  const edit = createKey(file ?? { schema: 1, pepper: pepper.tag, keys: [] }, pepper, GRANT, AT);
  return { file: edit.file, key: edit.key, id: edit.record.id };
}

/** Watches a key file of one key in a folder of its own. */
async function watchOne(
  context: TestContext,
  overrides: Partial<Limits> = {},
): Promise<Watched & { first: ReturnType<typeof makeKey> }> {
  const scratch = await openScratch();
  const keysFile = join(scratch.dir, 'keys.json');
  const pepperText = newPepperText();
  const pepper = parsePepper(Buffer.from(pepperText), 'p');
  const first = makeKey(pepper);
  await writeFile(keysFile, formatKeyFile(first.file), { mode: 0o600 });
  await writeFile(`${keysFile}.pepper`, pepperText, { mode: 0o600 });
  const clock = new SteppedClock(Date.parse(AT));
  const logged: string[] = [];
  const watch = await KeyWatch.open({
    paths: { keysFile },
    limits: resolveLimits(overrides),
    clock,
    log: (level, message) => logged.push(`${level} ${message}`),
  });
  context.after(async () => {
    watch.close();
    await scratch[Symbol.asyncDispose]();
  });
  const verdict = (key: string): string => {
    const found = watch.ring.verify(key, clock.wallMs());
    return typeof found === 'string' ? found : found.principal.id;
  };
  return { dir: scratch.dir, keysFile, pepper, pepperText, clock, logged, watch, verdict, first };
}

/** Replaces a file as an editor that cares does. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

const errorsIn = (logged: readonly string[]): string[] => logged.filter((line) => line.startsWith('error'));

test('the default pause lets nobody in for a second after a revocation', async (t) => {
  const { clock } = await watchOne(t);
  await clock.look();
  assert.deepEqual(clock.pausesMs, [250, 250]);
  assert.throws(() => resolveLimits({ auth_poll_ms: 1000 }), /auth_poll_ms = 1000; allowed: 10 to 900 ms/);
});

test('a new key works and a revoked one does not at the next look, by rename and in place', async (t) => {
  const { keysFile, pepper, clock, verdict, first } = await watchOne(t);
  const second = makeKey(pepper, first.file);
  assert.equal(verdict(second.key), 'unknown-key');
  await replace(keysFile, formatKeyFile(second.file));
  assert.equal(verdict(second.key), 'unknown-key', 'not before it is looked at');
  await clock.look();
  assert.deepEqual([verdict(first.key), verdict(second.key)], [first.id, second.id]);
  await writeFile(keysFile, formatKeyFile(revokeKey(second.file, first.id).file));
  await clock.look();
  assert.deepEqual([verdict(first.key), verdict(second.key)], ['unknown-key', second.id]);
});

test('a change of the same length and the same time is seen', async (t) => {
  const { keysFile, clock, verdict, first } = await watchOne(t);
  const [record] = first.file.keys;
  const other = `${record?.id.slice(0, -1)}${record?.id.endsWith('a') ? 'b' : 'a'}`;
  await writeFile(keysFile, formatKeyFile(first.file).replace(first.id, other));
  await clock.look();
  assert.equal(verdict(first.key), 'unknown-key');
});

test('nothing is made anew when nothing has changed', async (t) => {
  const { clock, logged, watch } = await watchOne(t);
  const { ring } = watch;
  for (let i = 0; i < 3; i++) await clock.look();
  assert.equal(watch.ring, ring);
  assert.equal(logged.length, 1);
});

test('a Kubernetes secret is swapped under the path', { skip: process.platform === 'win32' }, async (t) => {
  const { dir, pepper, pepperText, first, clock } = await watchOne(t);
  const mount = join(dir, 'mount');
  const writeVersion = async (name: string, file: KeyFile): Promise<void> => {
    await mkdir(join(mount, name), { recursive: true });
    await writeFile(join(mount, name, 'keys.json'), formatKeyFile(file), { mode: 0o600 });
    await writeFile(join(mount, name, 'keys.json.pepper'), pepperText, { mode: 0o600 });
    await symlink(name, join(mount, '..data_tmp'));
    await rename(join(mount, '..data_tmp'), join(mount, '..data'));
  };
  await writeVersion('..v1', first.file);
  await symlink('..data/keys.json', join(mount, 'keys.json'));
  await symlink('..data/keys.json.pepper', join(mount, 'keys.json.pepper'));
  const paths = { keysFile: join(mount, 'keys.json') };
  const own = new SteppedClock(Date.parse(AT));
  const watch = await KeyWatch.open({ paths, limits: resolveLimits(), clock: own, log: () => {} });
  t.after(() => watch.close());
  const second = makeKey(pepper);
  await writeVersion('..v2', second.file);
  await rm(join(mount, '..v1'), { recursive: true });
  await own.look();
  assert.equal(watch.ring.verify(first.key, clock.wallMs()), 'unknown-key');
  assert.notEqual(watch.ring.verify(second.key, clock.wallMs()), 'unknown-key');
});

for (const [what, breakIt] of [
  ['is no JSON', ({ keysFile }) => writeFile(keysFile, '{"schema": 1,')],
  ['has an unknown field', ({ keysFile }) => writeFile(keysFile, '{"schema": 1, "users": []}')],
  ['is empty', ({ keysFile }) => writeFile(keysFile, '')],
  ['is gone', ({ keysFile }) => rm(keysFile)],
  [
    'is a folder',
    async ({ keysFile }) => {
      await rm(keysFile);
      await mkdir(keysFile);
    },
  ],
  ['is too large', ({ keysFile }) => writeFile(keysFile, ' '.repeat(2000))],
  ['has lost its pepper', ({ keysFile }) => rm(`${keysFile}.pepper`)],
  ['has another pepper', ({ keysFile }) => writeFile(`${keysFile}.pepper`, newPepperText())],
  ['has a pepper that is none', ({ keysFile }) => writeFile(`${keysFile}.pepper`, 'salt')],
] as const satisfies readonly (readonly [string, (watched: Watched) => Promise<unknown>])[])
  test(`a key file that ${what} leaves the old keys in force and is told once`, async (t) => {
    const watched = await watchOne(t, { max_auth_file_bytes: 1024 });
    const { keysFile, pepperText, clock, logged, verdict, first } = watched;
    await breakIt(watched);
    for (let i = 0; i < 5; i++) await clock.look();
    assert.equal(verdict(first.key), first.id);
    assert.equal(errorsIn(logged).length, 1, logged.join('\n'));
    assert.match(errorsIn(logged)[0] ?? '', /keys cannot be read, the old ones stay in force: .*keys\.json/);
    await rm(keysFile, { recursive: true, force: true });
    await writeFile(`${keysFile}.pepper`, pepperText);
    const empty: KeyFile = { ...first.file, keys: [] };
    await replace(keysFile, formatKeyFile(empty));
    await clock.look();
    assert.equal(verdict(first.key), 'unknown-key', 'it is mended, so it counts again');
    assert.equal(errorsIn(logged).length, 1);
  });

test('another failure is told anew, and so is one that comes back', async (t) => {
  const { keysFile, clock, logged, first } = await watchOne(t);
  const lookTwice = async (): Promise<void> => {
    await clock.look();
    await clock.look();
  };
  await writeFile(keysFile, 'x');
  await lookTwice();
  await writeFile(keysFile, '{}');
  await lookTwice();
  assert.equal(errorsIn(logged).length, 2);
  await writeFile(keysFile, formatKeyFile(first.file));
  await lookTwice();
  await writeFile(keysFile, 'x');
  await lookTwice();
  assert.equal(errorsIn(logged).length, 3);
});

test('a file that is seen half written is not worth an error', async (t) => {
  const { keysFile, pepper, clock, logged, verdict, first } = await watchOne(t);
  const second = makeKey(pepper, first.file);
  const text = formatKeyFile(second.file);
  await writeFile(keysFile, text.slice(0, text.length / 2));
  await clock.look();
  await writeFile(keysFile, text);
  await clock.look();
  assert.equal(verdict(second.key), second.id);
  assert.deepEqual(errorsIn(logged), []);
});

test('the same keys after a failure are the same keys', async (t) => {
  const { keysFile, clock, logged, verdict, first } = await watchOne(t);
  await rm(keysFile);
  await clock.look();
  await clock.look();
  await writeFile(keysFile, formatKeyFile(first.file), { mode: 0o600 });
  await clock.look();
  await clock.look();
  assert.equal(verdict(first.key), first.id);
  assert.equal(errorsIn(logged).length, 1);
});

test(
  'files that every user can get at are warned of, each once',
  { skip: process.platform === 'win32' },
  async (t) => {
    const { keysFile, clock, logged } = await watchOne(t);
    const warnings = (): string[] => logged.filter((line) => line.startsWith('warn'));
    assert.deepEqual(warnings(), []);
    await chmod(keysFile, 0o644);
    await chmod(`${keysFile}.pepper`, 0o604);
    for (let i = 0; i < 3; i++) await clock.look();
    assert.equal(warnings().length, 2);
  },
);

test('no look comes after the end', async (t) => {
  const { clock, watch } = await watchOne(t);
  watch.close();
  assert.equal(clock.isWaiting, false);
});

for (const [what, text] of [
  ['absent', undefined],
  ['broken', '{"schema": 1'],
] as const)
  test(`a key file that is ${what} at the start ends it`, async () => {
    await using scratch = await openScratch();
    const keysFile = join(scratch.dir, 'keys.json');
    await writeFile(`${keysFile}.pepper`, newPepperText());
    if (text !== undefined) await writeFile(keysFile, text);
    const clock = new SteppedClock(Date.parse(AT));
    const opening = KeyWatch.open({ paths: { keysFile }, limits: resolveLimits(), clock, log: () => {} });
    await assert.rejects(opening, (error) => isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID');
    assert.deepEqual(clock.pausesMs, []);
  });
