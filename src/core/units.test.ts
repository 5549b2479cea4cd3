import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSkyliftError } from './errors.ts';
import { formatBytes, formatMs, parseBytes } from './units.ts';

test('sizes and durations read like sizes and durations', () => {
  assert.deepEqual([0, 1023, 862_415, 2 ** 31].map(formatBytes), ['0 B', '1023 B', '842.2 KiB', '2.0 GiB']);
  assert.deepEqual([0.4, 12, 999, 1234].map(formatMs), ['0.400 ms', '12.0 ms', '999 ms', '1.23 s']);
});

test('sizes are read with and without a unit', () => {
  assert.deepEqual(
    ['1048576', '64MiB', '64M', '1.5 GiB', '2kb'].map(parseBytes),
    [1_048_576, 67_108_864, 67_108_864, 1_610_612_736, 2048],
  );
  for (const text of ['', 'many', '-1', '1X', '1MiBs'])
    assert.throws(
      () => parseBytes(text),
      (error) => isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID',
    );
});
