/**
 * Chaos: versions come in every way that people copy files, and go, while clients count every request to its end. Each
 * version stamps its answers.
 */
import assert from 'node:assert/strict';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRng } from '../../src/core/random.ts';
import type { Rng } from '../../src/core/random.ts';
import { serve } from '../../src/index.ts';
import type { RunningServer } from '../../src/index.ts';
import { stamped } from '../support/onnx-models.ts';

export interface SwapOptions {
  readonly seed: number;
  readonly swaps: number;
  readonly connections: number;
  /** An empty folder. */
  readonly folder: string;
}

export interface SwapReport {
  readonly swaps: number;
  readonly rollbacks: number;
  readonly brokenVersions: number;
  readonly answers: number;
  /** Texts of what went wrong; must be empty. */
  readonly failures: readonly string[];
}

const SETTLE_MS = 60;
const LOAD_MS = 30_000;

/** Swaps versions under load. Throws when a version does not come up; what clients saw is in the report. */
export async function swapVersions(options: SwapOptions): Promise<SwapReport> {
  return new Swapping(options).run();
}

class Swapping {
  readonly #options: SwapOptions;
  readonly #rng: Rng;
  readonly #base: string;
  readonly #failures: string[] = [];
  /** Version that the last change made the newest one. */
  #current = 1;
  /** Lowest version that may still answer. */
  #oldest = 1;
  #isOver = false;
  #answers = 0;
  #rollbacks = 0;
  #brokenVersions = 0;

  constructor(options: SwapOptions) {
    this.#options = options;
    this.#rng = seededRng(options.seed);
    this.#base = join(options.folder, 'm');
  }

  async run(): Promise<SwapReport> {
    await this.#copyWhole(1);
    await using server = await serve({
      models: { m: this.#base },
      http: { port: 0 },
      storeDir: join(this.#options.folder, 'store'),
      limits: { version_poll_ms: 20, version_settle_ms: SETTLE_MS, warmup_budget_ms: 100 },
    });
    const clients = Array.from({ length: this.#options.connections }, (_, i) => this.#client(server, i + 1));
    try {
      for (let swap = 1; swap <= this.#options.swaps; swap++) await this.#swap(server);
    } finally {
      this.#isOver = true;
      await Promise.all(clients);
    }
    const { swaps } = this.#options;
    const [rollbacks, brokenVersions, answers] = [this.#rollbacks, this.#brokenVersions, this.#answers];
    return { swaps, rollbacks, brokenVersions, answers, failures: this.#failures };
  }

  async #swap(server: RunningServer): Promise<void> {
    const before = this.#current;
    const next = before + 1;
    const way = this.#rng.u32() % 5;
    if (way === 0) await this.#copyBroken(next);
    if (way === 1) await this.#copySlowly(next);
    else await this.#copyWhole(next);
    await this.#untilOnly(server, next);
    if (way === 2) await this.#rollBack(server, before, next);
    else await rm(join(this.#base, String(before)), { recursive: true });
  }

  /** The newest version is taken away: the one before must come back, then the newest again under a new number. */
  async #rollBack(server: RunningServer, before: number, next: number): Promise<void> {
    this.#rollbacks++;
    this.#oldest = before;
    await rm(join(this.#base, String(next)), { recursive: true });
    await this.#untilOnly(server, before);
    this.#current = next; // its number is used up
    await this.#copyWhole(next);
    await this.#untilOnly(server, next);
    await rm(join(this.#base, String(before)), { recursive: true });
  }

  async #untilOnly(server: RunningServer, version: number): Promise<void> {
    this.#current = Math.max(this.#current, version);
    const isOnly = (): boolean => {
      const up =
        server.models()[0]?.versions.filter(({ state }) => state !== 'END' && state !== 'START') ?? [];
      return up.length === 1 && up[0]?.version === BigInt(version) && up[0].state === 'AVAILABLE';
    };
    const endsAt = performance.now() + LOAD_MS;
    while (!isOnly()) {
      assert.ok(performance.now() < endsAt, `version ${version}: ${JSON.stringify(server.models(), text)}`);
      await sleep(5);
    }
    this.#oldest = version;
  }

  async #client(server: RunningServer, rows: number): Promise<void> {
    const body = JSON.stringify({ instances: Array.from({ length: rows }, (_, row) => row) });
    while (!this.#isOver) {
      const oldest = this.#oldest;
      try {
        const response = await fetch(`${server.url}/v1/models/m:predict`, { method: 'POST', body });
        const answer = await response.text();
        const stamps: number[] = response.ok ? JSON.parse(answer).predictions : [];
        const newest = Math.max(...stamps);
        const isGood =
          stamps.length === rows &&
          stamps.every((stamp) => stamp === newest) &&
          newest >= Math.min(oldest, this.#oldest) &&
          newest <= this.#current + 1;
        if (isGood) this.#answers++;
        else this.#failures.push(`${response.status} ${answer} while ${oldest} was the oldest`);
      } catch (error) {
        this.#failures.push(String(error));
      }
    }
  }

  /** Made elsewhere, then renamed into place. */
  async #copyWhole(version: number): Promise<void> {
    const made = join(this.#options.folder, 'made');
    await mkdir(made);
    await writeFile(join(made, 'model.onnx'), stamped(version));
    await mkdir(this.#base, { recursive: true });
    await rename(made, join(this.#base, String(version)));
  }

  /** In place, in pieces that are further apart than two looks. */
  async #copySlowly(version: number): Promise<void> {
    const folder = join(this.#base, String(version));
    await mkdir(folder);
    await using file = await open(join(folder, 'model.onnx'), 'w');
    const bytes = stamped(version);
    const pieces = 3;
    for (let i = 0; i < pieces; i++) {
      await file.write(bytes.subarray((bytes.length * i) / pieces, (bytes.length * (i + 1)) / pieces));
      await sleep(SETTLE_MS / 2);
    }
  }

  /** Complete and wrong: it must be refused, and give way to the good one that replaces it. */
  async #copyBroken(version: number): Promise<void> {
    this.#brokenVersions++;
    const folder = join(this.#base, String(version));
    await mkdir(folder);
    await writeFile(join(folder, 'model.onnx'), stamped(version).subarray(0, -7));
    await sleep(SETTLE_MS * 4);
    await rm(folder, { recursive: true });
  }
}

/** JSON has no bigint. */
function text(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
