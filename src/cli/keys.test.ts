/** `skylift keys`: a key is printed once, everything else is talk. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { runCli } from '../../test/support/played-process.ts';
import type { Outcome } from '../../test/support/played-process.ts';
import { parseApiKey } from '../serve/server/auth/api-key.ts';
import { parseInstant } from './flag-values.ts';

interface ShownKey {
  readonly key?: string;
  readonly id: string;
  readonly state: string;
  readonly permissions: readonly string[];
  readonly models: readonly string[];
  readonly expiresAt?: string;
  readonly secrets: readonly { createdAt: string }[];
}

let dir = '';
let file = '';
let count = 0;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'skylift-keys-'));
});
beforeEach(() => {
  file = join(dir, `keys-${count++}.json`);
});
after(() => rm(dir, { recursive: true, force: true }));

const keys = (action: string, ...args: readonly string[]): Promise<Outcome> =>
  runCli(['keys', action, file, ...args]);
const shownIn = ({ stdout }: Outcome): ShownKey => JSON.parse(stdout) as ShownKey;
const createShown = async (...args: readonly string[]): Promise<ShownKey> =>
  shownIn(await keys('create', '--json', ...args));
const listShown = async (): Promise<readonly ShownKey[]> =>
  (JSON.parse((await keys('list', '--json')).stdout) as { keys: readonly ShownKey[] }).keys;

test('create prints the key and nothing else, and says what it allows on stderr', async () => {
  const { exitCode, stdout, stderr } = await keys('create', '--description=web shop');
  assert.equal(exitCode, 0);
  const parsed = parseApiKey(stdout.trim());
  assert.ok(parsed.kind === 'key');
  assert.equal(
    stderr,
    `✔ ${parsed.id}: predict, read on *, without end; this is the only time that the key is shown\n`,
  );
  const text = await readFile(file, 'utf8');
  assert.ok(!text.includes(parsed.secret));
  assert.match(text, /"description": "web shop"/);
});

test('permissions, models and times are what was asked for', async () => {
  const made = await createShown(
    '--permissions=metrics,read',
    '--models=digits, team-*',
    '--expires=2999-01-31',
  );
  assert.deepEqual(made.permissions, ['metrics', 'read']);
  assert.deepEqual(made.models, ['digits', 'team-*']);
  assert.equal(made.expiresAt, '2999-01-31T00:00:00.000Z');
  const later = await createShown('--not-before=2d', '--expires=3d');
  const shown = await listShown();
  assert.deepEqual(
    shown.map(({ id, state }) => [id, state]),
    [
      [made.id, 'valid'],
      [later.id, 'not-yet-valid'],
    ],
  );
});

test('list shows no key and no hash', async () => {
  const { key = '' } = await createShown('--description=shop');
  const hash = /"hmac": "([0-9a-f]+)"/.exec(await readFile(file, 'utf8'))?.[1] ?? '';
  for (const { stdout } of [await keys('list'), await keys('list', '--json')]) {
    assert.match(stdout, /shop/);
    assert.ok(
      !stdout.includes(key.slice(21, 40)) && !stdout.includes(hash.slice(0, 12)) && hash.length === 64,
    );
  }
});

test('rotate gives a second key of the same id; revoke --old ends the first, revoke the whole', async () => {
  const { id, key } = await createShown();
  const rotated = shownIn(await keys('rotate', id, '--json'));
  assert.equal(rotated.id, id);
  assert.notEqual(rotated.key, key);
  assert.equal(rotated.secrets.length, 2);
  const third = await keys('rotate', id);
  assert.deepEqual([third.exitCode, third.stdout], [2, '']);
  assert.match(third.stderr, /has 2 secrets already[^]*revoke FILE \S+ --old/);
  assert.deepEqual(shownIn(await keys('revoke', id, '--old', '--json')), {
    revoked: 'old',
    ...(await listShown())[0],
  });
  const { exitCode, stdout } = await keys('revoke', id);
  assert.deepEqual([exitCode, stdout], [0, `${id}: revoked\n`]);
  assert.deepEqual(await listShown(), []);
});

for (const [what, args, said] of [
  [
    'an action that is none',
    ['drop', 'FILE'],
    /does not fit ACTION: it is one of create, list, rotate, revoke/,
  ],
  ['no file', ['list'], /FILE is missing/],
  ['an empty file name', ['create', ''], /does not fit FILE: it is the path of a file/],
  ['an ID where none is wanted', ['list', 'FILE', 'abc'], /list takes no ID/],
  ['no ID where one is wanted', ['revoke', 'FILE'], /ID is missing: which key is it to revoke\?/],
  ['an unknown ID', ['rotate', 'FILE', 'abc'], /no key of the file has this id/],
  ['a flag of another action', ['list', 'FILE', '--models=a'], /--models is not for list/],
  ['--old without revoke', ['create', 'FILE', '--old'], /--old is not for create/],
  [
    'a permission that is none',
    ['create', 'FILE', '--permissions=everything'],
    /"everything" is none of predict, read, metrics, admin/,
  ],
  ['empty permissions', ['create', 'FILE', '--permissions='], /it is a list/],
  ['empty models', ['create', 'FILE', '--models=a,'], /it is a list/],
  ['a time that is none', ['create', 'FILE', '--expires=soon'], /it is a time in UTC/],
  ['a time that is over', ['create', 'FILE', '--expires=2020-01-01'], /would never be valid/],
  ['an end before the start', ['create', 'FILE', '--not_before=2d', '--expires=1d'], /would never be valid/],
] as const)
  test(`${what} is a usage error`, async () => {
    await createShown();
    const untouched = await readFile(file, 'utf8');
    const { exitCode, stdout, stderr } = await runCli([
      'keys',
      ...args.map((argument) => (argument === 'FILE' ? file : argument)),
    ]);
    assert.deepEqual([exitCode, stdout], [2, ''], stderr);
    assert.match(stderr, said);
    assert.equal(await readFile(file, 'utf8'), untouched);
  });

test('a file that is not there is an error for all but create', async () => {
  for (const args of [['list'], ['rotate', 'abcdefghijklmnop'], ['revoke', 'abcdefghijklmnop']] as const) {
    const [action, ...rest] = args;
    const { exitCode, stderr } = await keys(action, ...rest);
    assert.equal(exitCode, 3);
    assert.match(stderr, /SKY_CONFIG_INVALID {2}cannot read .*keys/);
  }
});

test('one key more than a server takes is refused, by flag and by variable', async () => {
  await createShown();
  const env = { SKYLIFT_MAX_AUTH_KEYS: '1' };
  for (const { exitCode, stdout, stderr } of [
    await keys('create', '--max-auth-keys=1'),
    await runCli(['keys', 'create', file], { env }),
  ]) {
    assert.deepEqual([exitCode, stdout], [3, '']);
    assert.match(stderr, /has 2 keys, more than 1 \(max_auth_keys\)/);
  }
  assert.equal((await listShown()).length, 1);
});

test('times are days, minutes or spans from now', () => {
  const nowMs = Date.UTC(2026, 10, 25, 12);
  for (const [text, expected] of [
    ['2027-01-31', '2027-01-31T00:00:00.000Z'],
    ['2027-01-31T08:30Z', '2027-01-31T08:30:00.000Z'],
    ['2027-01-31T08:30:15Z', '2027-01-31T08:30:15.000Z'],
    ['90s', '2026-11-25T12:01:30.000Z'],
    ['30m', '2026-11-25T12:30:00.000Z'],
    ['12h', '2026-11-26T00:00:00.000Z'],
    ['90d', '2027-02-23T12:00:00.000Z'],
  ] as const)
    assert.equal(parseInstant(text, nowMs), expected);
  for (const text of ['', '90', 'd', '1w', '2027-02-31x', '2027-13-01', '2027-01-31T08:30', '999999d', '-1d'])
    assert.throws(() => parseInstant(text, nowMs), /it is a time in UTC/, text);
});
