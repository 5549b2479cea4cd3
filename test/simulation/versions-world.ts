/**
 * One model whose versions are copied, replaced, broken and deleted while loads fail and listings lie, on a virtual clock.
 * The state machine of the versions is the real one; files, loads and unloads are simulated.
 */
import assert from 'node:assert/strict';
import { SkyliftError } from '../../src/core/errors.ts';
import { seededRng } from '../../src/core/random.ts';
import type { Rng } from '../../src/core/random.ts';
import { ModelVersions } from '../../src/serve/runtime/versions/model-versions.ts';
import { chooseVersions } from '../../src/serve/runtime/versions/version-policy.ts';
import type { TransitionOrder, VersionPolicy } from '../../src/serve/runtime/versions/version-policy.ts';
import type { VersionLook, VersionWork } from '../../src/serve/runtime/versions/version-work.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Dice } from './dice.ts';

/** Deliberate defects: each must be noticed, or the simulation proves nothing. */
export type VersionsDefect = 'none' | 'no settling' | 'unload first' | 'lost unloads';

export interface VersionsReport {
  readonly loads: number;
  readonly failures: number;
  readonly unloads: number;
}

/** A version folder as it lies on the disk. */
interface Folder {
  readonly version: bigint;
  revision: number;
  changedAtMs: number;
  /** All bytes are there. */
  isWhole: boolean;
  /** The bytes are no model, whole or not. */
  readonly isBroken: boolean;
}

/** A version in memory, and what it was made of. */
interface Loaded {
  readonly version: bigint;
  readonly isWhole: boolean;
}

const SETTLE_MS = 50;
const POLL_MS = 20;
/** Pieces of a copy follow each other faster than files settle; whoever pauses longer is taken for finished. */
const LONGEST_PIECE_MS = 45;
const RETRY_MS = 100;
const CHANGES_END_MS = 3_000;
const END_MS = 6_000;
const MAX_EVENTS = 100_000;

/** Runs the world of `seed` to its end and checks every promise. Throws on the first broken one. */
export function runVersionsWorld(seed: number, defect: VersionsDefect = 'none'): VersionsReport {
  return new VersionsWorld(seed, defect).run();
}

class VersionsWorld {
  readonly #clock = new VirtualClock();
  readonly #rng: Rng;
  readonly #dice: Dice;
  readonly #defect: VersionsDefect;
  readonly #folders = new Map<bigint, Folder>();
  readonly #policy: VersionPolicy;
  readonly #order: TransitionOrder;
  readonly #versions: ModelVersions<Folder, Loaded>;
  readonly #inMemory = new Set<Loaded>();
  #nextVersion = 1n;
  #loading = 0;
  #hasAnswered = false;
  readonly #report = { loads: 0, failures: 0, unloads: 0 };

  constructor(seed: number, defect: VersionsDefect) {
    this.#rng = seededRng(seed);
    this.#dice = new Dice(this.#rng);
    this.#defect = defect;
    this.#policy = this.#dice.pick<VersionPolicy>([
      { kind: 'latest', count: 1 },
      { kind: 'latest', count: 2 },
      { kind: 'all' },
      { kind: 'specific', versions: [1n, 3n, 4n, 6n] },
    ]);
    this.#order = this.#dice.chance(0.8) ? 'load-first' : 'unload-first';
    const order = defect === 'unload first' ? 'unload-first' : this.#order;
    this.#versions = new ModelVersions<Folder, Loaded>({
      clock: this.#clock,
      work: this.#work(),
      settleMs: defect === 'no settling' ? 0 : SETTLE_MS,
      maxRetries: 30, // more than happen: a version that was given up is none that must answer
      retryAfterMs: RETRY_MS,
      onEvent: () => {},
    });
    this.#listForever(order);
  }

  run(): VersionsReport {
    const changes = this.#dice.int(3, 14);
    for (let i = 0; i < changes; i++) this.#plan(this.#dice.int(0, CHANGES_END_MS), () => this.#change());
    this.#clock.run(MAX_EVENTS);
    this.#checkEnd();
    return this.#report;
  }

  #listForever(order: TransitionOrder): void {
    for (let atMs = 0; atMs < END_MS; atMs += POLL_MS)
      this.#plan(atMs, () => {
        const isQuiet = this.#clock.nowMs() > CHANGES_END_MS;
        if (!isQuiet && this.#dice.chance(0.1)) return; // the listing failed: nobody is told
        const offered = !isQuiet && this.#dice.chance(0.02) ? [] : [...this.#folders.values()];
        this.#versions.wish({ offered, policy: this.#policy, order });
        this.#checkAnswers();
      });
  }

  #change(): void {
    const existing = [...this.#folders.keys()];
    if (existing.length > 1 && this.#dice.chance(0.2)) this.#folders.delete(this.#dice.pick(existing));
    else
      this.#copy(
        this.#dice.chance(0.2) && existing.length > 0 ? this.#dice.pick(existing) : this.#nextVersion++,
      );
  }

  /** Written at once or in pieces; a folder that is there already is replaced. */
  #copy(version: bigint): void {
    const isBroken = this.#dice.chance(0.2);
    const folder: Folder = {
      version,
      revision: this.#rng.u32(),
      changedAtMs: this.#clock.nowMs(),
      isWhole: false,
      isBroken,
    };
    this.#folders.set(version, folder);
    let atMs = 0;
    for (let pieces = this.#dice.int(0, 5); pieces > 0; pieces--) {
      atMs += this.#dice.int(1, LONGEST_PIECE_MS);
      this.#plan(atMs, () => this.#write(folder));
    }
    this.#plan(atMs, () => (folder.isWhole = true));
  }

  #write(folder: Folder): void {
    folder.revision++;
    folder.changedAtMs = this.#clock.nowMs();
  }

  #work(): VersionWork<Folder, Loaded> {
    return {
      look: (folder, done) => this.#plan(this.#dice.int(0, 5), () => done(this.#look(folder))),
      load: (folder, revision, done) => this.#load(folder, revision, done),
      unload: (_, loaded, done) => this.#unload(loaded, done),
    };
  }

  /** Under its path: the folder may be another one by now. */
  #look({ version }: Folder): VersionLook | undefined {
    const folder = this.#folders.get(version);
    return folder && { revision: String(folder.revision), quietMs: this.#clock.nowMs() - folder.changedAtMs };
  }

  #load(
    { version }: Folder,
    revision: string,
    done: (result: Loaded | SkyliftError | 'changed') => void,
  ): void {
    this.#loading++;
    assert.equal(this.#loading, 1, 'two loads of one model at a time');
    this.#plan(this.#dice.int(0, 10), () => {
      const folder = this.#folders.get(version);
      const loaded = { version, isWhole: folder?.isWhole === true };
      const isSame = folder !== undefined && String(folder.revision) === revision;
      this.#plan(this.#dice.int(0, 100), () => {
        this.#loading--;
        if (!isSame && this.#defect !== 'no settling') return done('changed');
        const failure = this.#failure(folder?.isBroken === true);
        if (failure) return done(failure);
        this.#report.loads++;
        this.#inMemory.add(loaded);
        done(loaded);
        this.#checkAnswers();
      });
    });
  }

  #failure(isBroken: boolean): SkyliftError | undefined {
    const isPassing = this.#clock.nowMs() < CHANGES_END_MS && this.#dice.chance(0.1);
    if (!isBroken && !isPassing) return undefined;
    this.#report.failures++;
    return new SkyliftError(isBroken ? 'SKY_ONNX_MALFORMED' : 'SKY_ENGINE_LOST', 'simulated');
  }

  #unload(loaded: Loaded, done: () => void): void {
    assert.ok(this.#inMemory.has(loaded), 'a version is unloaded twice');
    this.#plan(this.#dice.int(0, 60), () => {
      if (this.#defect !== 'lost unloads') this.#inMemory.delete(loaded);
      this.#report.unloads++;
      done();
      this.#checkAnswers();
    });
    this.#checkAnswers();
  }

  #checkAnswers(): void {
    const { latest } = this.#versions;
    if (latest) {
      assert.ok(this.#inMemory.has(latest), 'a version answers that is not in memory');
      assert.ok(latest.isWhole, `version ${latest.version} answers although it was torn`);
      this.#hasAnswered = true;
    }
    if (this.#hasAnswered && this.#order === 'load-first')
      assert.ok(latest, 'a model that answered does not answer any more');
  }

  /** The files are at rest: everything that can be loaded and is wanted answers, nothing else takes memory. */
  #checkEnd(): void {
    const usable = [...this.#folders.values()].filter(
      ({ version, isBroken }) => !isBroken || this.#versions.get(version), // replaced after it was loaded
    );
    const wanted = chooseVersions(
      usable.map(({ version }) => version),
      this.#policy,
    );
    for (const version of wanted)
      assert.ok(this.#versions.get(version), `version ${version} does not answer`);
    const progress = this.#versions.progress().kind;
    assert.notEqual(progress, 'pending', 'the model never comes to rest');
    if (wanted.length > 0) assert.equal(this.#inMemory.size, wanted.length, 'versions are left in memory');
  }

  #plan(inMs: number, fn: () => void): void {
    this.#clock.setTimer(this.#clock.nowMs() + inMs, fn);
  }
}
