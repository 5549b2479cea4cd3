/** Chaos by too much to do: one caller floods a slow model, another asks now and then, a third sends what nobody can read. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { serve } from '../../src/index.ts';
import type { RunningServer } from '../../src/index.ts';
import { createKey } from '../../src/serve/server/auth/key-edits.ts';
import type { KeyFile } from '../../src/serve/server/auth/key-record.ts';
import { newPepperText, parsePepper } from '../../src/serve/server/auth/pepper.ts';
import { countingLoop } from '../support/onnx-models.ts';

const QUEUE_JOBS = 8;
const FLOOD = 40;
/** Milliseconds of native code each. */
const TRIPS = 10_000;
const SLOW = JSON.stringify({ inputs: { trips: [TRIPS] } });

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

async function keyFile(folder: string): Promise<{ path: string; keys: readonly string[] }> {
  const path = join(folder, 'keys.json');
  const pepperText = newPepperText();
  const pepper = parsePepper(Buffer.from(pepperText), 'pepper');
  let file: KeyFile = { schema: 1, pepper: pepper.tag, keys: [] };
  const keys: string[] = [];
  for (const description of ['flood', 'rare']) {
    const grant = { description, permissions: ['predict', 'metrics'] as const, models: ['*'] };
    const edit = createKey(file, pepper, grant, new Date().toISOString());
    file = edit.file;
    keys.push(edit.key);
  }
  await writeFile(path, JSON.stringify(file), { mode: 0o600 });
  await writeFile(`${path}.pepper`, pepperText, { mode: 0o600 });
  return { path, keys };
}

async function startServer(
  context: TestContext,
): Promise<{ server: RunningServer; keys: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-overload-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const model = join(folder, 'loop.onnx');
  await writeFile(model, countingLoop());
  const { path, keys } = await keyFile(folder);
  const server = await serve({
    models: { m: model },
    http: { port: 0 },
    storeDir: join(folder, 'store'),
    auth: { keysFile: path },
    limits: { queue_max_jobs: QUEUE_JOBS },
  });
  context.after(() => server.close());
  return { server, keys };
}

async function ask({ url }: RunningServer, key: string | undefined, body: string): Promise<Answer> {
  const response = await fetch(`${url}/v1/models/m:predict`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body,
  });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    text: await response.text(),
  };
}

/** Keeps a queue full until `isOver`. */
async function flood(
  server: RunningServer,
  key: string | undefined,
  isOver: () => boolean,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const caller = async (): Promise<void> => {
    while (!isOver()) answers.push(await ask(server, key, SLOW));
  };
  await Promise.all(Array.from({ length: FLOOD }, caller));
  return answers;
}

test('who floods a model is refused with Retry-After, who asks now and then is served', async (context) => {
  const { server, keys } = await startServer(context);
  let isOver = false;
  const flooding = flood(server, keys[0], () => isOver);
  const rare: Answer[] = [];
  for (let i = 0; i < 20; i++) rare.push(await ask(server, keys[1], SLOW));
  isOver = true;
  const answers = await flooding;
  const refused = answers.filter(({ status }) => status === 429);
  assert.deepEqual([...new Set(rare.map(({ status }) => status))], [200]);
  assert.deepEqual(
    [...new Set(answers.map(({ status }) => status))].toSorted((a, b) => a - b),
    [200, 429],
  );
  assert.ok(refused.every(({ retryAfter }) => Number(retryAfter) >= 1));
});

test('what a full queue refuses is not even read, and every refusal is counted once', async (context) => {
  const { server, keys } = await startServer(context);
  let isOver = false;
  const flooding = flood(server, keys[0], () => isOver);
  const garbage: Answer[] = [];
  while (garbage.filter(({ status }) => status === 429).length < 5)
    garbage.push(await ask(server, keys[0], '{'));
  isOver = true;
  const answers = [...garbage, ...(await flooding)];
  const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${keys[0]}` } });
  const [, counted] =
    /^skylift_rejected_total\{.*code="SKY_OVERLOADED".*\} (\d+)$/m.exec(await metrics.text()) ?? [];
  assert.equal(Number(counted), answers.filter(({ status }) => status === 429).length);
});
