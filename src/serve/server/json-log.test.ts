/** Tests of the log and the access log. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createAccessLog, createLog } from './json-log.ts';

function memory(): { lines: string[]; write(text: string): void } {
  const lines: string[] = [];
  return { lines, write: (text) => void lines.push(text) };
}

describe('log', () => {
  test('json lines have time, level, message and fields', () => {
    const destination = memory();
    createLog({ format: 'json', destination })('warn', 'the disk is slow', { waitMs: 7, path: undefined });
    const { time, ...rest } = JSON.parse(destination.lines[0] ?? '');
    assert.ok(Number.isFinite(Date.parse(time)));
    assert.deepEqual(rest, { level: 'warn', waitMs: 7, msg: 'the disk is slow' });
  });

  for (const format of ['json', 'text'] as const)
    test(`${format}: lines below the level are not written`, () => {
      const destination = memory();
      const log = createLog({ format, level: 'warn', destination });
      log('debug', 'a');
      log('info', 'b');
      log('warn', 'c');
      log('error', 'd');
      assert.equal(destination.lines.length, 2);
    });

  test('text lines are for people', () => {
    const destination = memory();
    const log = createLog({ format: 'text', destination });
    log('info', 'serving half', { version: 3, state: 'all good', unset: undefined });
    log('error', 'lost');
    assert.deepEqual(destination.lines, ['serving half version=3 state="all good"\n', 'error: lost\n']);
  });

  test('no text can forge a line or drive the terminal', () => {
    for (const format of ['json', 'text'] as const)
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          const destination = memory();
          createLog({ format, destination })('info', `x${text}`, { field: text });
          const line = destination.lines.join('');
          assert.ok(line.endsWith('\n'));
          assert.doesNotMatch(line.slice(0, -1), format === 'text' ? /\p{Cc}/u : /[\n\r\t]/);
        }),
      );
  });
});

describe('access log', () => {
  test('one json line with exactly the known fields', () => {
    const destination = memory();
    createAccessLog(destination).write({
      id: 'a-1',
      traceId: undefined,
      method: 'POST',
      route: '/v1/models/{model}:predict',
      status: 200,
      bytesIn: 10,
      bytesOut: 20,
      durationMs: 1.23456789,
      notes: { model: 'half', version: '3' },
    });
    const { time, ...rest } = JSON.parse(destination.lines[0] ?? '');
    assert.equal(typeof time, 'string');
    assert.deepEqual(rest, {
      level: 'info',
      kind: 'access',
      id: 'a-1',
      method: 'POST',
      route: '/v1/models/{model}:predict',
      status: 200,
      bytesIn: 10,
      bytesOut: 20,
      durationMs: 1.235,
      model: 'half',
      version: '3',
    });
  });
});
