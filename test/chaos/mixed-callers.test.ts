/**
 * Chaos against memory that is used again: many clients with inputs of their own, clients that vanish at any moment,
 * deadlines that pass in the middle of a run, engines that are killed. Nobody may see the numbers of another caller.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { seededRng } from '../../src/core/random.ts';
import type { Rng } from '../../src/core/random.ts';
import { serve } from '../../src/index.ts';
import type { RunningServer } from '../../src/index.ts';
import { RawClient } from '../contract/wire-client.ts';
import { halfPlusTwo, matMul } from '../support/onnx-models.ts';

/** It goes on until enough has happened, on a slow machine for longer. */
const LEAST_MS = 1500;
const MOST_MS = 30_000;
const KILL_EVERY_MS = 300;
const CLIENTS = 12;
/** A row is 160 KB, so that its base64 text and its tensor are pooled and sent through a slot; sums of it are exact. */
const WIDTH = 40_000;
/** What a client may be told when its deadline or the engines of its request ended. */
const EXCUSES = new Set([429, 503, 504]);

interface Question {
  readonly model: string;
  readonly body: string;
  readonly answer: readonly unknown[];
}

interface Tally {
  right: number;
  excused: number;
  vanished: number;
  kills: number;
  readonly wrong: string[];
}

/** Whether it goes on. */
type GoesOn = () => boolean;

/** Sums: any byte of another caller's row would change them. */
function largeQuestion(value: number): Question {
  const b64 = Buffer.from(new Float32Array(WIDTH).fill(value).buffer).toString('base64');
  const sum = value * WIDTH;
  return { model: 'sum', body: JSON.stringify({ instances: [{ b64 }] }), answer: [[sum, sum]] };
}

function smallQuestion(value: number): Question {
  const body = JSON.stringify({ instances: [value, value + 2] });
  return { model: 'half', body, answer: [value / 2 + 2, value / 2 + 3] };
}

/** The request in one of the forms that HTTP has for it. */
function requestBytes({ model, body }: Question, rng: Rng): Buffer {
  const form = rng.u32() % 4;
  const isPacked = form === 0 && model === 'half'; // rows of equal numbers are packed too well to be allowed
  const bytes = isPacked ? gzipSync(body) : Buffer.from(body);
  const lines = [`POST /v1/models/${model}:predict HTTP/1.1`, 'host: t'];
  if (isPacked) lines.push('content-encoding: gzip');
  if (rng.u32() % 5 === 0) lines.push(`x-request-timeout-ms: ${1 + (rng.u32() % 30)}`);
  if (form !== 1) return Buffer.concat([headOf([...lines, `content-length: ${bytes.length}`]), bytes]);
  const half = bytes.length >> 1;
  const pieces = [bytes.subarray(0, half), bytes.subarray(half)].flatMap((piece) => [
    Buffer.from(`${piece.length.toString(16)}\r\n`),
    piece,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([
    headOf([...lines, 'transfer-encoding: chunked']),
    ...pieces,
    Buffer.from('0\r\n\r\n'),
  ]);
}

function headOf(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/** One client after the other, each with a few pipelined requests. */
async function ask(goesOn: GoesOn, url: URL, rng: Rng, tally: Tally): Promise<void> {
  let client = await RawClient.open({ host: url.hostname, port: Number(url.port) });
  while (goesOn()) {
    const questions = Array.from({ length: 1 + (rng.u32() % 3) }, () => {
      const value = 1 + (rng.u32() % 400);
      return rng.u32() % 3 === 0 ? smallQuestion(value) : largeQuestion(value);
    });
    const bytes = Buffer.concat(questions.map((question) => requestBytes(question, rng)));
    if (rng.u32() % 4 === 0) {
      await vanish(client, bytes, rng);
      tally.vanished++;
      client = await RawClient.open({ host: url.hostname, port: Number(url.port) });
      continue;
    }
    client.send(bytes);
    for (const question of questions) compare(await client.reply(), question, tally);
  }
  client.close();
}

/** Sends all or a part, and is gone before the reply, at once or while engines work. */
async function vanish(client: RawClient, bytes: Buffer, rng: Rng): Promise<void> {
  client.send(rng.u32() % 2 === 0 ? bytes : bytes.subarray(0, rng.u32() % bytes.length));
  if (rng.u32() % 3 > 0) await sleep(rng.u32() % 12);
  if (rng.u32() % 2 === 0) client.socket.resetAndDestroy();
  else client.close();
}

function compare(reply: { status: number; body: string }, { model, answer }: Question, tally: Tally): void {
  if (EXCUSES.has(reply.status)) {
    tally.excused++;
    return;
  }
  const found = reply.status === 200 ? JSON.parse(reply.body).predictions : reply.body;
  if (JSON.stringify(found) === JSON.stringify(answer)) tally.right++;
  else
    tally.wrong.push(`${model}: ${JSON.stringify(found).slice(0, 200)} instead of ${JSON.stringify(answer)}`);
}

async function kill(goesOn: GoesOn, server: RunningServer, rng: Rng, tally: Tally): Promise<void> {
  for (; goesOn(); await sleep(KILL_EVERY_MS)) {
    const pids = server.report().flatMap(({ engines }) => engines.map(({ pid }) => pid));
    const victim = pids[rng.u32() % pids.length];
    if (victim === undefined) continue; // all are starting again
    process.kill(victim, 'SIGKILL');
    tally.kills++;
  }
}

/** A client is not seen to be gone before its socket is: asks until nothing is held but the asking itself. */
async function untilNothingIsHeld(url: string): Promise<void> {
  for (
    let text = '';
    !/inflight_requests 1\n/.test(text) || !/inflight_bytes 0\n/.test(text);
    await sleep(20)
  )
    text = await (await fetch(`${url}/metrics`)).text();
}

test('no caller sees the numbers of another, whoever vanishes and whatever is killed', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-mixed-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const models = { sum: join(folder, 'sum.onnx'), half: join(folder, 'half.onnx') };
  await writeFile(models.sum, matMul({ width: WIDTH, outputWidth: 2 }));
  await writeFile(models.half, halfPlusTwo());
  await using server = await serve({
    models,
    http: { port: 0 },
    storeDir: join(folder, 'store'),
    threads: { profile: 'throughput' },
    limits: { warmup_budget_ms: 100 },
  });
  const rng = seededRng(1);
  const tally: Tally = { right: 0, excused: 0, vanished: 0, kills: 0, wrong: [] };
  const startedMs = performance.now();
  const isEnough = (): boolean => tally.right > 50 && tally.vanished > 20 && tally.kills > 2;
  const goesOn = (): boolean => {
    const ms = performance.now() - startedMs;
    return ms < LEAST_MS || (!isEnough() && ms < MOST_MS);
  };
  const url = new URL(server.url);
  await Promise.all([
    kill(goesOn, server, rng.fork('kills'), tally),
    ...Array.from({ length: CLIENTS }, (_, i) => ask(goesOn, url, rng.fork(`client ${i}`), tally)),
  ]);
  assert.deepEqual(tally.wrong, []);
  assert.ok(isEnough(), JSON.stringify(tally));
  await untilNothingIsHeld(server.url);
});
