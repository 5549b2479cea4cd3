import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SERVE_FLAGS } from './commands/serve-flags.ts';
import { TRITON_FLAGS, translateTriton } from './triton-flags.ts';

test('without a model repository a line stays as it is', () => {
  const args = ['./m.onnx', '--http-port', '8000', '--log-info=1'];
  assert.deepEqual(translateTriton(args), { args, notes: [] });
});

test('flags of Triton become those here, and what has no effect is said', () => {
  const { args, notes } = translateTriton([
    '--model-store=/models',
    '--http-port',
    '8000',
    '--grpc-port=8001',
    '--exit-timeout-secs=5',
    '--load-model=a',
    '--log-info=true',
    '--backend-config',
    'onnxruntime,x=1',
    '--trace-level=OFF',
  ]);
  assert.deepEqual(args, [
    '--model_repository=/models',
    '--rest_api_port=8000',
    '--port=8001',
    '--drain_ms=5000',
    '--load-model=a',
  ]);
  assert.deepEqual(notes, [
    '--log-info has no effect: the log has levels: --verbose, --quiet',
    '--backend-config has no effect: the engine has options of its own: --engines, --threads',
    '--trace-level is not supported yet: requests are not traced',
  ]);
});

test('a flag that was to protect something is refused', () => {
  for (const flag of ['--grpc-use-ssl=true', '--grpc-use-ssl', '--http-restricted-api=model-repository:k=v'])
    assert.throws(() => translateTriton(['--model-repository=/m', flag]), {
      code: 'SKY_USAGE',
      message: /not be safe/,
    });
  assert.equal(translateTriton(['--model-repository=/m', '--grpc-use-ssl=false']).notes.length, 1);
});

test('every flag that a flag of Triton becomes is one of serve, and none is spelled alike', () => {
  for (const [name, translation] of Object.entries(TRITON_FLAGS)) {
    if ('to' in translation) assert.ok(Object.hasOwn(SERVE_FLAGS, translation.to), translation.to);
    const same = name.replaceAll('-', '_');
    assert.ok(!Object.hasOwn(SERVE_FLAGS, same), `${name} is a flag of serve`);
  }
});

test('any line is translated or refused, and no argument of ours is lost', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(...Object.keys(TRITON_FLAGS)).map((name) => `--${name}=1`),
  );
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const line = [
        '--model-repository=/m',
        ...words.filter(
          (each) => !each.includes('ssl') && !each.includes('restricted') && !/-(?:cert|key)=/.test(each),
        ),
      ];
      const { args, notes } = translateTriton(line);
      assert.ok(args.length + notes.length <= line.length);
      for (const given of line) if (!given.startsWith('--')) continue;
      assert.equal(args[0], '--model-repository=/m');
    }),
  );
});
