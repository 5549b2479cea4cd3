import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCli } from '../../test/support/played-process.ts';

const ESCAPE = '\u001b[';

test('a bare command shows help that starts with examples and ends with the docs', async () => {
  const { exitCode, stdout, stderr } = await runCli([]);
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(stdout, /^Examples\n {2}skylift serve/);
  assert.match(stdout, /Docs: docs\/reference\/cli\.md\n$/);
});

test('every command has help with examples, usage and the docs', async () => {
  const { stdout } = await runCli(['--help']);
  const names = [...stdout.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map((match) => match[1] ?? '');
  assert.ok(names.length >= 8, stdout);
  for (const name of names) {
    const help = await runCli([name, '--help']);
    assert.equal(help.exitCode, 0);
    assert.match(
      help.stdout,
      new RegExp(`^Examples\\n[^]*Usage\\n {2}skylift ${name}[^]*\\nDocs: \\S+#${name}\\n$`),
    );
  }
});

test('an unknown command is a usage error that says what was meant', async () => {
  const { exitCode, stdout, stderr } = await runCli(['serv']);
  assert.deepEqual([exitCode, stdout], [2, '']);
  assert.match(
    stderr,
    /^✖ SKY_USAGE {2}"serv" is no command\n {2}Fix: {2}Did you mean: skylift serve\n {2}Docs: docs\/errors\/SKY_USAGE\.md\n$/,
  );
});

test('an unknown flag is a usage error that says what was meant', async () => {
  const { exitCode, stderr } = await runCli(['bench', 'x', '--conections=3']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /--conections is no flag of this command\n {2}Fix: {2}Did you mean: --connections\n/);
});

test('all wrong arguments are named at once', async () => {
  const { exitCode, stderr } = await runCli(['bench', '--connections=0', '--duration=x']);
  assert.equal(exitCode, 2);
  for (const part of ['URL|PATH is missing', '"0" does not fit', '"x" does not fit'])
    assert.ok(stderr.includes(part), stderr);
});

test('errors are one JSON document on stdout with --json, wherever it stands', async () => {
  for (const argv of [
    ['--json', 'serv'],
    ['serv', '--json'],
  ]) {
    const { exitCode, stdout, stderr } = await runCli(argv);
    assert.deepEqual([exitCode, stderr], [2, '']);
    assert.deepEqual(JSON.parse(stdout), {
      error: {
        code: 'SKY_USAGE',
        message: '"serv" is no command',
        hint: 'Did you mean: skylift serve',
        docs: 'docs/errors/SKY_USAGE.md',
      },
    });
  }
});

test('the exit code is that of the error', async () => {
  const missing = await runCli(['inspect', '/nowhere/model.onnx']);
  assert.equal(missing.exitCode, 5);
  const notYet = await runCli(['inspect', 'hf://org/repo']);
  assert.equal(notYet.exitCode, 4);
  assert.match(notYet.stderr, /^✖ SKY_NOT_SUPPORTED_YET/);
});

test('a limit that would leave nothing to serve ends the start before anything is opened', async () => {
  const { exitCode, stderr } = await runCli(['serve', '/nowhere/model.onnx', '--max-connections=0']);
  assert.equal(exitCode, 3);
  assert.match(stderr, /^✖ SKY_CONFIG_INVALID {2}max_connections = 0; allowed: at least 1\n/);
});

test('a flag may stand in the environment; the command line wins, and errors name the variable', async () => {
  const env = { SKYLIFT_MAX_CONNECTIONS: '0', SKYLIFT_MAX_HEADERS: '' };
  const serve = ['serve', '/nowhere/model.onnx'];
  assert.match((await runCli(serve, { env })).stderr, /max_connections = 0; allowed: at least 1\n/);
  assert.match((await runCli([...serve, '--max-connections=1'], { env })).stderr, /SKY_MODEL_NOT_FOUND/);
  for (const [variable, text, message] of [
    ['SKYLIFT_THREADS', 'x', /"x" does not fit SKYLIFT_THREADS: it is an integer/],
    ['SKYLIFT_PROFILE', 'x', /SKYLIFT_PROFILE=x: allowed are auto, throughput, latency/],
    ['SKYLIFT_ACCESS_LOG', 'x', /"x" does not fit SKYLIFT_ACCESS_LOG/],
    ['SKYLIFT_PORT', 'x', /"x" does not fit SKYLIFT_PORT: a port is an integer/],
  ] as const) {
    const { exitCode, stderr } = await runCli(serve, { env: { [variable]: text } });
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, message);
  }
  assert.equal((await runCli(['serve', '--help'], { env })).exitCode, 0);
});

test('what Kubernetes tells about a service called skylift is no port of ours', async () => {
  const env = { SKYLIFT_PORT: 'tcp://10.0.0.1:8501' };
  assert.match((await runCli(['serve', '/nowhere/model.onnx'], { env })).stderr, /SKY_MODEL_NOT_FOUND/);
});

test('global flags may stand in the environment', async () => {
  for (const [text, isJson] of [
    ['1', true],
    ['true', true],
    ['0', false],
    ['', false],
  ] as const) {
    const { stdout } = await runCli(['serv'], { env: { SKYLIFT_JSON: text } });
    assert.equal(stdout.startsWith('{"error"'), isJson, text);
  }
});

test('flags may be spelled with dashes or underscores', async () => {
  for (const flag of ['--max-body-bytes=x', '--max_body_bytes=x']) {
    const { stderr } = await runCli(['serve', 'm.onnx', flag]);
    assert.match(stderr, /"x" does not fit max_body_bytes/);
  }
});

test('nothing behind -- is a flag', async () => {
  const { stderr } = await runCli(['inspect', '--', '--json']);
  assert.match(stderr, /SKY_REF_INVALID.*--json/);
});

test('version says what runs, for people and for programs', async () => {
  const human = await runCli(['version']);
  assert.match(human.stdout, /^skylift \d+\.\d+\.\d+ \(node \S+, onnxruntime \S+, \S+\)\n$/);
  const { stdout } = await runCli(['version', '--json']);
  assert.equal((JSON.parse(stdout) as { node: string }).node, process.versions.node);
  assert.equal((await runCli(['--version'])).stdout, human.stdout);
});

test('colour is for terminals that want it', async () => {
  const isTTY = true;
  const stderrOf = async (argv: string[], env = {}): Promise<string> =>
    (await runCli(argv, { isTTY, env })).stderr;
  assert.ok((await stderrOf(['serv'])).includes(ESCAPE));
  assert.ok(!(await stderrOf(['serv', '--no-color'])).includes(ESCAPE));
  assert.ok(!(await stderrOf(['serv'], { NO_COLOR: '1' })).includes(ESCAPE));
  assert.ok(!(await stderrOf(['serv'], { TERM: 'dumb' })).includes(ESCAPE));
  assert.ok(!(await runCli(['serv'])).stderr.includes(ESCAPE));
});

test('completion scripts know commands, flags and values', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exitCode, stdout } = await runCli(['completion', shell]);
    assert.equal(exitCode, 0);
    for (const word of ['doctor', '--rest_api_port=', '--profile=latency', '--json'])
      assert.ok(stdout.includes(word), `${shell}: ${word}`);
  }
  assert.equal((await runCli(['completion', 'csh'])).exitCode, 2);
});

test('a port that is none is refused before anything starts', async () => {
  for (const port of ['70000', '-1', 'http', '']) {
    const { exitCode } = await runCli(['serve', 'm.onnx', `--port=${port}`]);
    assert.equal(exitCode, 2, port);
  }
});

test('serving nothing is a usage error', async () => {
  const { exitCode, stderr } = await runCli(['serve']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /no model is given\n {2}Fix: {2}skylift serve \.\/model\.onnx/);
});

test('an input that is no JSON is refused before a model is loaded', async () => {
  const { exitCode, stderr } = await runCli(['predict', '/nowhere.onnx', '--input={']);
  assert.equal(exitCode, 3);
  assert.match(stderr, /^✖ SKY_JSON_MALFORMED {2}--input: /);
});

test('a server that is not there is unreachable', async () => {
  const { exitCode, stderr } = await runCli(['predict', 'http://127.0.0.1:1/v1/models/m', '--input', '[1]']);
  assert.equal(exitCode, 5);
  assert.match(stderr, /^✖ SKY_UNREACHABLE/);
});
