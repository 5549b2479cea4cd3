/** skylift.json: what is accepted, what is refused and how the refusal reads. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { MANIFEST } from '../../test/support/packages.ts';
import { formatManifest, manifestJsonSchema, parseManifest } from './manifest-schema.ts';
import type { PackageManifest } from './manifest.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const parseValue = (value: unknown) => parseManifest(encode(JSON.stringify(value)));

/** A deep copy of the valid manifest with one change. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test must be able to write what the type forbids
function changed(change: (draft: any) => void): unknown {
  const draft = structuredClone(MANIFEST);
  change(draft);
  return draft;
}

function assertRefused(value: unknown, message: RegExp): void {
  assert.throws(() => parseValue(value), { code: 'SKY_PACKAGE_INVALID', message });
}

test('a formatted manifest parses back to the same value', () => {
  assert.deepEqual(parseManifest(encode(formatManifest(MANIFEST))), MANIFEST);
});

test('the text does not depend on the order of keys and files', () => {
  const shuffled = {
    lineage: MANIFEST.lineage,
    labels: MANIFEST.labels,
    signatures: MANIFEST.signatures,
    programs: MANIFEST.programs,
    files: MANIFEST.files.toReversed(),
    engine: MANIFEST.engine,
    schema: MANIFEST.schema,
  } satisfies PackageManifest;
  assert.equal(formatManifest(shuffled), formatManifest(MANIFEST));
  assert.match(formatManifest(MANIFEST), /^\{\n {2}"schema": 1,\n[\s\S]*\}\n$/);
});

test('the committed JSON schema is the one that the code makes', () => {
  const committed = readFileSync(new URL('../../schemas/skylift.schema.json', import.meta.url), 'utf8');
  assert.equal(committed, manifestJsonSchema(), 'run `npm run docs`');
});

test('an encrypted file keeps its mark', () => {
  const encrypted = changed((draft) => (draft['files'][1].encryption = 'age'));
  assert.equal(parseManifest(encode(formatManifest(parseValue(encrypted)))).files[1]?.encryption, 'age');
});

test('names with a path in them are refused with the place and the value', () => {
  for (const path of ['../model.onnx', '/etc/passwd', 'a/b', String.raw`a\b`, '.hidden', '', 'a\0b', 'ä']) {
    const value = changed((draft) => (draft['files'][1].path = path));
    assertRefused(value, /^skylift\.json: files\[1\]\.path is ".*": must be a plain file name/);
  }
});

test('digests, sizes, roles and types of the wrong form are refused', () => {
  assertRefused(
    changed((draft) => (draft['files'][0].sha256 = 'B'.repeat(64))),
    /files\[0\]\.sha256 is "BBB.*64 lower-case hex digits/,
  );
  for (const sizeBytes of [-1, 0.5, 2 ** 53, '7', null])
    assertRefused(
      changed((draft) => (draft['files'][0].sizeBytes = sizeBytes)),
      /files\[0\]\.sizeBytes is/,
    );
  assertRefused(
    changed((draft) => (draft['files'][0].role = 'code')),
    /files\[0\]\.role is "code"/,
  );
  assertRefused(
    changed((draft) => (draft['signatures'].serving_default.inputs[0].dtype = 'complex64')),
    /signatures\.serving_default\.inputs\[0\]\.dtype is "complex64"/,
  );
  assertRefused(
    changed((draft) => (draft['schema'] = 2)),
    /schema is 2/,
  );
});

test('unknown keys are refused at every level', () => {
  assertRefused(
    changed((draft) => (draft['hook'] = 'x')),
    /the document is an object: unknown key "hook"/,
  );
  assertRefused(
    changed((draft) => (draft['files'][0].mode = 4)),
    /files\[0\] .*unknown key "mode"/,
  );
  assertRefused(
    changed((draft) => (draft['programs'].model.script = '')),
    /programs\.model .*"script"/,
  );
});

test('host steps are refused as long as none is defined', () => {
  assertRefused(
    changed((draft) => (draft['programs'].model.steps = [{ kind: 'shell' }])),
    /programs\.model\.steps .*no host steps/,
  );
});

test('programs, files and signatures must refer to each other without gaps', () => {
  assertRefused(
    changed((draft) => (draft['signatures'].serving_default.program = 'other')),
    /signatures\.serving_default\.program is "other": there is no such program/,
  );
  assertRefused(
    changed((draft) => (draft['files'][0].role = 'asset')),
    /programs\.model .*no file "model\.onnx" with role graph/,
  );
  assertRefused(
    changed((draft) => (draft['files'][1].role = 'graph')),
    /files\[1\] .*belongs to no program/,
  );
  assertRefused(
    changed((draft) => {
      draft['programs'].spare = draft['programs'].model;
      draft['files'][1] = { ...draft['files'][1], path: 'spare.onnx', role: 'graph' };
    }),
    /programs\.spare .*no signature uses/,
  );
  assertRefused(
    changed((draft) => (draft['signatures'] = {})),
    /signatures is an object: at least one signature/,
  );
});

test('names that occur twice are refused, letter case aside for files', () => {
  assertRefused(
    changed((draft) => (draft['files'][1].path = 'MODEL.onnx')),
    /files\[1\]\.path is "MODEL\.onnx": the name is taken/,
  );
  assertRefused(
    changed((draft) => (draft['files'][1].path = 'skylift.json')),
    /files\[1\]\.path .*taken/,
  );
  assertRefused(
    changed((draft) =>
      draft['signatures'].serving_default.outputs.push(draft['signatures'].serving_default.outputs[0]),
    ),
    /signatures\.serving_default\.outputs\[1\]\.name is "y": the name is taken/,
  );
});

test('the name __proto__ is refused where names are free', () => {
  const text = formatManifest(MANIFEST).replace('"framework"', '"__proto__"');
  assert.throws(() => parseManifest(encode(text)), { message: /"__proto__" is reserved/ });
});

test('more tensor dimensions than the limit can be raised to are refused', () => {
  assertRefused(
    changed(
      (draft) =>
        (draft['signatures'].serving_default.inputs[0].dims = Array(LIMITS.max_tensor_rank.max + 1).fill(1)),
    ),
    /inputs\[0\]\.dims is an array of 65/,
  );
});

test('bytes that are no JSON in UTF-8 are refused', () => {
  for (const bytes of [
    encode(''),
    encode('{'),
    encode('\ufeff{}'),
    Uint8Array.of(0x22, 0xff, 0x22),
    encode('nul'),
  ])
    assert.throws(() => parseManifest(bytes), { code: 'SKY_PACKAGE_INVALID', message: /not JSON in UTF-8/ });
});

test('a document beyond the size, depth or number of values is refused before it is parsed', () => {
  const tooLarge = new Uint8Array(LIMITS.max_manifest_bytes.default + 1).fill(0x20);
  assert.throws(() => parseManifest(tooLarge), { message: /16\.0 MiB.*max_manifest_bytes/ });
  assert.throws(() => parseManifest(encode('['.repeat(1_000_000))), { message: /nested 1000000 deep/ });
  assert.throws(() => parseManifest(encode(`{"files":[${'{},'.repeat(100_000)}{}]}`)), {
    message: /200004 values, more than 100000/,
  });
});

test('a string that closes brackets or quotes does not hide values from the bounds', () => {
  const value = changed((draft) => (draft['labels'] = { note: '"]}[{,\\' }));
  assert.equal(parseValue(value).labels['note'], '"]}[{,\\');
});

test('a refused value is shown short', () => {
  const value = changed((draft) => (draft['files'][0].path = `/${'x'.repeat(100_000)}`));
  assert.throws(
    () => parseValue(value),
    (error: unknown) => isSkyliftError(error) && error.message.length < 400,
  );
});

test('truncated and mutated manifests are accepted or refused, nothing else happens', () => {
  const bytes = encode(formatManifest(MANIFEST));
  const mutation = fc.record({
    length: fc.nat(bytes.length),
    changes: fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }),
    isCut: fc.boolean(),
  });
  fc.assert(
    fc.property(mutation, ({ length, changes, isCut }) => {
      const mutant = bytes.slice(0, isCut ? length : bytes.length);
      for (const [at, byte] of changes) if (at < mutant.length) mutant[at] = byte;
      try {
        const parsed = parseManifest(mutant);
        assert.deepEqual(parseManifest(encode(formatManifest(parsed))).signatures, parsed.signatures);
      } catch (error) {
        assert.ok(isSkyliftError(error), String(error));
        assert.equal(error.code, 'SKY_PACKAGE_INVALID');
      }
    }),
    { numRuns: 2000 },
  );
});

test('any JSON value in any place is accepted or refused, nothing else happens', () => {
  const places = ['schema', 'engine', 'files', 'programs', 'signatures', 'labels', 'lineage'];
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 4 }), (place, value) => {
      try {
        parseValue(changed((draft) => (draft[place] = value)));
      } catch (error) {
        assert.ok(isSkyliftError(error), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
