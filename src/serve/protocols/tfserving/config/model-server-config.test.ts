/** The model config file: what the original reads is read, everything else is refused with its place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../../../core/errors.ts';
import { parseModelServerConfig } from './model-server-config.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';

const read = (text: string) => parseModelServerConfig(text, 'models.config');
const config = (fields: string): string =>
  `model_config_list { config { name: "m" base_path: "/m" model_platform: "onnx" ${fields} } }`;

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    assert.ok(isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID', String(error));
    return error.message;
  }
  return assert.fail(`accepted: ${text}`);
}

test('a file in every spelling that the text format knows', () => {
  const text = `
    # two models
    model_config_list: <
      config: {
        name: 'first', base_path: "/models" "/fir\\163t";
        model_platform: "tensorflow"
        model_version_policy { specific { versions: [1, 0x2] versions: 3 } }
        version_labels { key: 'stable' value: 1 }
        version_labels [{ key: "canary", value: 2 }]
        logging_config { sampling_config { sampling_rate: 0.5 } }
      }
      config { name: "s\\u00e9cond" base_path: '/s' model_type: TENSORFLOW model_version_policy: { latest { num_versions: 2 } } }
      config { name: "third" base_path: "/t" model_platform: "onnx" model_version_policy { all {} } }
    >`;
  assert.deepEqual(read(text), [
    {
      name: 'first',
      path: '/models/first',
      policy: { kind: 'specific', versions: [1n, 2n, 3n] },
      labels: new Map([
        ['stable', 1n],
        ['canary', 2n],
      ]),
    },
    { name: 'sécond', path: '/s', policy: { kind: 'latest', count: 2 }, labels: new Map() },
    { name: 'third', path: '/t', policy: { kind: 'all' }, labels: new Map() },
  ]);
});

test('no version policy, an empty one and a count of 0 mean the newest version', () => {
  for (const policy of [
    '',
    'model_version_policy {}',
    'model_version_policy { latest {} }',
    'model_version_policy { latest { num_versions: 0 } }',
  ])
    assert.deepEqual(read(config(policy))[0]?.policy, { kind: 'latest', count: 1 });
});

test('what is wrong is named with file, line and column', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /:1:1: there is no model_config_list/],
    ['model_config_list {', /:1:20: expected "}", found the end of the file/],
    ['model_config_list {}\nmodel_config_lisp {}', /^models\.config:2:1: unknown field "model_config_lisp"/],
    ['custom_model_config {}', /does not yet support custom model config/],
    [config('versoin_labels { }'), /unknown field "versoin_labels"/],
    [config('version_labels { key: "a" value: x }'), /"value" must be an integer/],
    [config('version_labels { key: "a" value: 9223372036854775808 }'), /64-bit/],
    [config('version_labels { value: 1 }'), /without key/],
    [config('name: "again"'), /"name" stands there twice/],
    [config('model_version_policy { specific {} }'), /at least one/],
    [config('model_version_policy { all {} latest {} }'), /more than one of/],
    [config('model_type: TENSORFLOW'), /Illegal setting both/],
    ['model_config_list { config { name: "m" base_path: "/m" } }', /Illegal setting neither/],
    ['model_config_list { config { name: "m" base_path: "/m" model_platform: "caffe" } }', /platform caffe/],
    ['model_config_list { config { base_path: "/m" model_platform: "onnx" } }', /without name/],
    ['model_config_list { config { name: "m" model_platform: "onnx" } }', /no base_path/],
    ['model_config_list { config { name: m } }', /"name" must be a string in quotes/],
    ['model_config_list: 5', /"model_config_list" must be a message/],
    ['model_config_list { config { name: "a\\q" } }', /unknown escape \\q/],
    ['model_config_list { config { name: "\\377" } }', /not UTF-8/],
    ['model_config_list { config { name: "open', /unexpected "\\""/],
    ['model_config_list { config { name "m" } }', /expected ":" or "\{"/],
    ['a {'.repeat(33), /more than 32 nested messages/],
  ];
  for (const [text, message] of cases) assert.match(refusal(text), message, text);
});

test('any text is a tree or an error with a place', () => {
  const piece = fc.constantFrom(
    'a',
    'b:',
    '{',
    '}',
    '<',
    '>',
    '[',
    ']',
    ',',
    ';',
    '"s"',
    "'",
    '\\',
    '-',
    '1',
    '0x',
    '1e5',
    '#',
    '\n',
    ' ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece).map((pieces) => pieces.join('')),
        fc.string(),
      ),
      (text) => {
        try {
          parseTextFormat(text, 'f');
        } catch (error) {
          assert.ok(isSkyliftError(error), String(error));
          assert.match(error.message, /^f:\d+:\d+: /);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('any string survives its C escapes', () => {
  const escaped = (text: string): string =>
    [...Buffer.from(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const [field] = parseTextFormat(`a: "${escaped(text)}"`, 'f');
      assert.equal(field?.value.kind === 'string' ? field.value.text : undefined, text);
    }),
  );
});
