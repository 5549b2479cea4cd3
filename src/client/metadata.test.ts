import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../core/errors.ts';
import { parseMetadata } from './metadata.ts';
import { parseStatus } from './status.ts';

const tensor = (dtype: string, sizes: readonly string[]): unknown => ({
  dtype,
  tensor_shape: { dim: sizes.map((size) => ({ size, name: '' })), unknown_rank: false },
  name: 'x:0',
});

const DOCUMENT = {
  model_spec: { name: 'm', signature_name: '', version: '123' },
  metadata: {
    signature_def: {
      signature_def: {
        serving_default: {
          inputs: { x: tensor('DT_FLOAT', ['-1', '28']) },
          outputs: { y: { dtype: 'DT_STRING', tensor_shape: { dim: [], unknown_rank: true }, name: 'y:0' } },
          method_name: 'tensorflow/serving/predict',
          defaults: {},
        },
      },
    },
  },
};

test('metadata give signatures with our dtypes and dims', () => {
  assert.deepEqual(parseMetadata(DOCUMENT), {
    name: 'm',
    version: 123n,
    signatures: {
      serving_default: {
        method: 'tensorflow/serving/predict',
        inputs: [{ name: 'x', dtype: 'float32', dims: ['?', 28] }],
        outputs: [{ name: 'y', dtype: 'string', dims: null }],
      },
    },
  });
});

test('an unknown dtype is refused by name', () => {
  const changed = JSON.parse(JSON.stringify(DOCUMENT).replace('DT_FLOAT', 'DT_COMPLEX64')) as unknown;
  assert.throws(() => parseMetadata(changed), { code: 'SKY_REMOTE', message: /DT_COMPLEX64.*dtype of "x"/ });
});

test('documents of any other form are refused with a coded error', () => {
  const json = JSON.stringify(DOCUMENT);
  const replaced = fc
    .tuple(fc.constantFrom(...(json.match(/"[^"]*"|true|false/g) ?? [])), fc.jsonValue())
    .map(([part, value]) => json.replace(part, JSON.stringify(value)));
  fc.assert(
    fc.property(fc.oneof(fc.json(), replaced), (text) => {
      for (const parse of [parseMetadata, parseStatus]) {
        try {
          parse(JSON.parse(text));
        } catch (error) {
          assert.ok(
            error instanceof SyntaxError || (isSkyliftError(error) && error.code === 'SKY_REMOTE'),
            String(error),
          );
        }
      }
    }),
    { numRuns: 300 },
  );
});
