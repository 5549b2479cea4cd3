import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asRequest, readRequest, withSignature } from './read-input.ts';
import { playProcess } from '../../test/support/played-process.ts';

test('JSON, a file and stdin give the same request', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'skylift-input-'));
  t.after(() => rm(dir, { recursive: true }));
  const text = '{"inputs": {"x": [1]}}';
  await writeFile(join(dir, 'input.json'), text);
  for (const input of [text, `@${join(dir, 'input.json')}`, '-'])
    assert.equal(await readRequest(input, playProcess({ stdin: text }).process), text);
});

test('a list means rows, any other plain value the one input, numbers as they were written', () => {
  assert.equal(asRequest('[[9007199254740993], [1.0]]', 'x'), '{"instances": [[9007199254740993], [1.0]]}');
  assert.equal(asRequest('3', 'x'), '{"inputs": 3}');
  assert.equal(asRequest('{"instances": [1]}', 'x'), '{"instances": [1]}');
});

test('a signature goes in front, so that it is the one that counts', () => {
  assert.equal(withSignature('{"inputs": 1}', 's'), '{"signature_name": "s", "inputs": 1}');
  assert.equal(withSignature('{ }', 's'), '{"signature_name": "s"  }');
});

test('a device without an end is read up to the limit', { skip: process.platform === 'win32' }, async () => {
  await assert.rejects(readRequest('@/dev/zero', playProcess().process), {
    code: 'SKY_REQUEST_TOO_LARGE',
    message: '/dev/zero is more than 64.0 MiB of input (max_body_bytes)',
  });
});

test('what cannot be read is said with its place', async () => {
  const { process } = playProcess({ stdin: '{"a":' });
  await assert.rejects(readRequest('@/nowhere.json', process), {
    code: 'SKY_USAGE',
    message: /@\/nowhere\.json/,
  });
  await assert.rejects(readRequest('-', process), { code: 'SKY_JSON_MALFORMED', message: /^stdin: / });
});
