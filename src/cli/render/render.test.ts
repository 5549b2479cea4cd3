import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { SkyliftError } from '../../core/errors.ts';
import { createTerminal } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { splitGlobalFlags } from '../global-flags.ts';
import { playProcess } from '../../../test/support/played-process.ts';
import type { PlayedOptions } from '../../../test/support/played-process.ts';
import { reportError } from './error.ts';
import { startProgress } from './progress.ts';
import { renderTable } from './table.ts';

function play(
  argv: readonly string[],
  options?: PlayedOptions,
): { terminal: Terminal; written: { stdout: string; stderr: string } } {
  const { process, written } = playProcess(options);
  return { terminal: createTerminal(process, splitGlobalFlags(argv, process.env).globals), written };
}

test('an error has its code, message, next step and page', () => {
  const { terminal, written } = play([]);
  const error = new SkyliftError('SKY_MODEL_NOT_FOUND', 'no file /m\nlooked twice', { hint: 'ls /' });
  assert.equal(reportError(error, terminal), 5);
  assert.equal(
    written.stderr,
    '✖ SKY_MODEL_NOT_FOUND  no file /m\n  looked twice\n  Fix:  ls /\n  Docs: docs/errors/SKY_MODEL_NOT_FOUND.md\n',
  );
  assert.equal(written.stdout, '');
});

test('control characters in an error cannot drive the terminal', () => {
  const { terminal, written } = play([]);
  reportError(new SkyliftError('SKY_ONNX_INVALID', 'a\u001b[2Jb\u009b\r', { hint: '\u0007' }), terminal);
  assert.match(written.stderr, /^✖ SKY_ONNX_INVALID {2}a\ufffd\[2Jb\ufffd\ufffd\n {2}Fix: {2}\ufffd\n/);
});

test('an unexpected exception is SKY_INTERNAL with an id; the stack comes with --debug only', () => {
  const failure = new TypeError('boom', { cause: new Error('deeper') });
  const plain = play([]);
  assert.equal(reportError(failure, plain.terminal), 1);
  assert.match(plain.written.stderr, /^✖ SKY_INTERNAL {2}TypeError: boom \(id [0-9a-f]{8}\)\n/);
  assert.doesNotMatch(plain.written.stderr, /render\.test\.ts/);
  const debug = play(['--debug']);
  reportError(failure, debug.terminal);
  assert.match(debug.written.stderr, /render\.test\.ts[^]*caused by Error: deeper/);
});

test('with --json an error is a document on stdout with its details', () => {
  const { terminal, written } = play(['--json']);
  reportError(new SkyliftError('SKY_REMOTE', 'm', { details: { status: 404 } }), terminal);
  const document = JSON.parse(written.stdout) as { error: { code: string; details: unknown } };
  assert.deepEqual(
    [document.error.code, document.error.details, written.stderr],
    ['SKY_REMOTE', { status: 404 }, ''],
  );
});

test('quiet, usual and verbose talk', () => {
  const talk = (argv: readonly string[]): string => {
    const { terminal, written } = play(argv);
    terminal.say('said');
    terminal.detail('detail');
    return written.stderr;
  };
  assert.deepEqual([talk(['--quiet']), talk([]), talk(['--verbose'])], ['', 'said\n', 'said\ndetail\n']);
});

test('64-bit integers travel as text in JSON', () => {
  const { terminal, written } = play(['--json']);
  terminal.result('', { version: 9007199254740993n });
  assert.equal(written.stdout, '{"version":"9007199254740993"}\n');
});

/** What a second of work shows, with an interval of 400 ms. */
function progressOfASecond(t: TestContext, argv: readonly string[], options?: PlayedOptions): string {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { terminal, written } = play(argv, options);
  const progress = startProgress(terminal, 'working', 400);
  t.mock.timers.tick(1000);
  progress.done();
  t.mock.timers.tick(1000);
  t.mock.timers.reset();
  return written.stderr;
}

test('progress redraws one line on a terminal and takes it away at the end', (t) => {
  const shown = progressOfASecond(t, [], { isTTY: true }).replaceAll('\r\u001b[K', '<redraw>');
  assert.match(shown, /^(?:<redraw>working \.\.\. \S+ m?s){2}<redraw>$/);
});

test('progress is plain lines elsewhere, also in CI and on dumb terminals', (t) => {
  for (const options of [{}, { isTTY: true, env: { CI: '1' } }, { isTTY: true, env: { TERM: 'dumb' } }])
    assert.match(progressOfASecond(t, [], options), /^(?:working \.\.\. \S+ m?s\n){2}$/);
});

test('progress is silent with --quiet', (t) => {
  assert.equal(progressOfASecond(t, ['--quiet'], { isTTY: true }), '');
});

test('columns of a table are as wide as their widest cell, numbers to the right', () => {
  const table = renderTable(
    [{ title: 'name' }, { title: 'n', align: 'right' }],
    [
      ['a', '10'],
      ['long one', '5'],
    ],
  );
  assert.equal(table, 'name       n\na         10\nlong one   5');
});
