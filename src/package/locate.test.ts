/** What a path is, and how the answer reads when it is nothing. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from '../../test/support/packages.ts';
import { isSkyliftError } from '../core/errors.ts';
import { locateModel } from './locate.ts';
import type { LocatedVersion } from './locate.ts';

/** Makes empty files; a name that ends with a slash is a folder. */
async function makeTree(root: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(root, name);
    await mkdir(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (!name.endsWith('/')) await writeFile(path, '');
  }
}

async function versionsOf(path: string): Promise<readonly LocatedVersion[]> {
  const located = await locateModel(path);
  return located.kind === 'versions' ? located.versions : assert.fail(`${path} is a ${located.kind}`);
}

async function hintOf(locating: Promise<unknown>): Promise<string> {
  const error = await locating.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isSkyliftError(error), 'refused');
  assert.equal(error.code, 'SKY_MODEL_NO_VERSIONS');
  return `${error.message}\n${error.hint}`;
}

test('a file, a folder with one model file, and a package are told apart', async () => {
  await using scratch = await openScratch();
  const { dir } = scratch;
  await makeTree(dir, ['a/model.onnx', 'a/weights.bin', 'b/skylift.json', 'b/model.onnx']);
  const model = join(dir, 'a', 'model.onnx');
  assert.deepEqual(await locateModel(model), { kind: 'file', path: model });
  assert.deepEqual(await locateModel(join(dir, 'a')), { kind: 'file', path: model });
  assert.deepEqual(await locateModel(join(dir, 'b')), { kind: 'package', path: join(dir, 'b') });
});

test(
  'a pipe and a device are said to be no regular file, without a wait',
  { skip: process.platform === 'win32' },
  async () => {
    await using scratch = await openScratch();
    const pipe = join(scratch.dir, 'pipe.onnx');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/null'])
      await assert.rejects(locateModel(path), {
        code: 'SKY_MODEL_FORMAT_UNKNOWN',
        message: `${path} is a pipe, socket or device, not a regular file`,
      });
  },
);

test('versions are folders with a number for a name, in ascending order; leading zeros do not count', async () => {
  await using scratch = await openScratch();
  const { dir } = scratch;
  const names = [
    '10/skylift.json',
    '9/m.onnx',
    '009/m.onnx',
    '0/',
    '00000123/m.onnx',
    '9223372036854775807/m.onnx',
  ];
  const strangers = [
    'README.md',
    '1.0/m.onnx',
    '-1/m.onnx',
    '9223372036854775808/m.onnx',
    'v2/m.onnx',
    '٣/m.onnx',
  ];
  await makeTree(dir, [...names, ...strangers, '11']);
  const versions = [
    { version: 0n, path: join(dir, '0') },
    { version: 9n, path: join(dir, '009') },
    { version: 10n, path: join(dir, '10') },
    { version: 123n, path: join(dir, '00000123') },
    { version: 2n ** 63n - 1n, path: join(dir, '9223372036854775807') },
  ];
  assert.deepEqual(await locateModel(dir), { kind: 'versions', path: dir, versions });
});

test('symbolic links count as what they lead to, dangling ones as nothing', async () => {
  await using scratch = await openScratch();
  const { dir } = scratch;
  await makeTree(dir, ['data/model.onnx', 'base/']);
  await symlink(join(dir, 'data'), join(dir, 'base', '1'));
  await symlink(join(dir, 'absent'), join(dir, 'base', '2'));
  assert.deepEqual(await versionsOf(join(dir, 'base')), [{ version: 1n, path: join(dir, 'base', '1') }]);
});

test('model folders of other tools are named', async () => {
  await using scratch = await openScratch();
  const { dir } = scratch;
  await makeTree(dir, [
    'tf/saved_model.pb',
    'tf/variables/',
    'hf/config.json',
    'hf/model.safetensors',
    'js/model.json',
  ]);
  const whatOf = async (name: string) => {
    const located = await locateModel(join(dir, name));
    return located.kind === 'foreign-folder' ? located.what : located.kind;
  };
  assert.equal(await whatOf('tf'), 'a TensorFlow SavedModel');
  assert.equal(await whatOf('hf'), 'a Hugging Face model');
  assert.equal(await whatOf('js'), 'a TensorFlow.js model');
});

test('one .onnx file wins over the files of another tool beside it', async () => {
  await using scratch = await openScratch();
  await makeTree(scratch.dir, ['config.json', 'model.safetensors', 'Model.ONNX']);
  assert.deepEqual(await locateModel(scratch.dir), { kind: 'file', path: join(scratch.dir, 'Model.ONNX') });
});

test('a path that is not there is not found', async () => {
  await using scratch = await openScratch();
  const path = join(scratch.dir, 'absent');
  await assert.rejects(locateModel(path), {
    code: 'SKY_MODEL_NOT_FOUND',
    message: `no file or folder ${path}`,
  });
});

test('names that could be versions are explained with the line that renames them', async () => {
  for (const [name, version] of [
    ['1.0', 1n],
    ['v3', 3n],
    ['V007', 7n],
  ] as const) {
    await using scratch = await openScratch();
    await makeTree(scratch.dir, [`${name}/m.onnx`]);
    const text = await hintOf(locateModel(scratch.dir));
    assert.match(text, new RegExp(`not "${name}": mv `));
    execFileSync('sh', ['-c', /: (mv .*)$/.exec(text)?.[1] ?? 'false']);
    assert.equal((await versionsOf(scratch.dir))[0]?.version, version);
  }
});

test('several models directly in a folder are named', async () => {
  await using scratch = await openScratch();
  const dir = join(scratch.dir, "it's a model");
  await makeTree(dir, ['a.onnx', 'b.onnx']);
  const text = await hintOf(locateModel(dir));
  assert.match(text, /found a\.onnx, b\.onnx directly in the folder/);
});

test('an empty folder and several models are explained', async () => {
  await using scratch = await openScratch();
  const { dir } = scratch;
  await makeTree(dir, [
    'empty/',
    'two/a.onnx',
    'two/b.onnx',
    'many/',
    ...[1, 2, 3, 4, 5, 6].map((i) => `many/n${i}`),
  ]);
  assert.match(
    await hintOf(locateModel(join(dir, 'empty'))),
    /the folder is empty\nPut a model .*mkdir \S+\/1$/,
  );
  assert.match(
    await hintOf(locateModel(join(dir, 'two'))),
    /Serve one model by its own path, as \S+\/two\/a\.onnx/,
  );
  assert.match(await hintOf(locateModel(join(dir, 'many'))), /n1, n2, n3, n4, n5 and 1 more/);
});
