/** Tests of the limits of a predict request; what it means is tested against recorded replies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveLimits } from '../../../core/limits.ts';
import type { Limits } from '../../../core/limits.ts';
import type { DataType } from '../../../tensor/tensor.ts';
import { parsePredict } from './parse-predict.ts';

function parse(body: string, limits: Partial<Limits>, dtype: DataType = 'float32', dims = ['n', 4]): unknown {
  const inputs = [{ name: 'x', dtype, dims: dtype === 'float32' ? dims : null }];
  const signature = { program: 'p', method: 'predict', inputs, outputs: [] } as const;
  return parsePredict(
    Buffer.from(body),
    () => ({ name: 's', signature, isBatched: true, key: '0' }),
    resolveLimits(limits),
  );
}

const list = (text: string, count: number): string =>
  `[${Array.from({ length: count }, () => text).join(',')}]`;

test('elements are counted however they are written', () => {
  const limits = { max_tensor_elements: 256 };
  const refused = { code: 'SKY_REQUEST_TOO_LARGE', message: /^a tensor exceeds max_tensor_elements \(256\)/ };
  const raw = (rows: number): string => Buffer.alloc(rows * 16).toString('base64');
  const cases: [DataType, (count: number) => string][] = [
    ['float32', (count) => `{"inputs": ${list('1', count)}}`],
    ['bool', (count) => `{"inputs": ${list('true', count)}}`],
    ['string', (count) => `{"inputs": ${list('"a"', count)}}`],
    ['float32', (count) => `{"inputs": {"b64": "${raw(Math.ceil(count / 4))}"}}`],
    ['float32', (count) => `{"instances": ${list('{"x": 1}', count)}}`],
  ];
  for (const [dtype, body] of cases) {
    assert.doesNotThrow(() => parse(body(256), limits, dtype), body(1));
    assert.throws(() => parse(body(257), limits, dtype), refused, body(1));
  }
});

test('the depth of a document counts from its start, also inside of tensors', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  const limits = { max_json_depth: 4, max_tensor_rank: 8 };
  const refused = { code: 'SKY_REQUEST_TOO_LARGE', message: /max_json_depth \(4\)/ };
  for (const key of ['inputs', 'other']) {
    const body = (depth: number): string => `{"${key}": {"x": ${nested(depth)}}, "instances": [1]}`;
    assert.throws(() => parse(body(3), limits), refused, key);
  }
  assert.doesNotThrow(() => parse(`{"other": {"x": ${nested(2)}}, "instances": [1]}`, limits));
});
