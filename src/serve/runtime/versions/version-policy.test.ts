/** Which versions are chosen and in which order they change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { VersionState } from './version-state.ts';
import { chooseVersions, nextMoves } from './version-policy.ts';
import type { TransitionOrder, VersionSnapshot } from './version-policy.ts';

const snapshot = (version: number, state: VersionState, isWanted: boolean): VersionSnapshot => ({
  version: BigInt(version),
  state,
  isWanted,
});
const moves = (order: TransitionOrder, ...snapshots: VersionSnapshot[]): string[] =>
  nextMoves(snapshots, order).map(({ kind, version }) => `${kind} ${version}`);

test('latest, all and specific choose among the usable versions, newest first', () => {
  const usable = [1n, 30n, 4n];
  assert.deepEqual(chooseVersions(usable, { kind: 'latest', count: 1 }), [30n]);
  assert.deepEqual(chooseVersions(usable, { kind: 'latest', count: 2 }), [30n, 4n]);
  assert.deepEqual(chooseVersions(usable, { kind: 'all' }), [30n, 4n, 1n]);
  assert.deepEqual(chooseVersions(usable, { kind: 'specific', versions: [1n, 4n, 7n] }), [4n, 1n]);
});

test('load-first keeps the old version until the new one answers', () => {
  const old = snapshot(1, 'AVAILABLE', false);
  assert.deepEqual(moves('load-first', old, snapshot(2, 'START', true)), ['load 2']);
  assert.deepEqual(moves('load-first', old, snapshot(2, 'LOADING', true)), []);
  assert.deepEqual(moves('load-first', old, snapshot(2, 'AVAILABLE', true)), ['unload 1']);
});

test('of several old versions only the newest waits for the new one', () => {
  const old = [1, 3, 2].map((version) => snapshot(version, 'AVAILABLE', false));
  assert.deepEqual(moves('load-first', ...old, snapshot(4, 'START', true)), [
    'unload 1',
    'unload 2',
    'load 4',
  ]);
});

test('unload-first makes room before it loads', () => {
  const next = snapshot(2, 'START', true);
  assert.deepEqual(moves('unload-first', snapshot(1, 'AVAILABLE', false), next), ['unload 1']);
  assert.deepEqual(moves('unload-first', snapshot(1, 'UNLOADING', false), next), []);
  assert.deepEqual(moves('unload-first', snapshot(1, 'END', false), next), ['load 2']);
});

test('the highest wanted version is loaded first, one at a time', () => {
  const wanted = [1, 3, 2].map((version) => snapshot(version, 'START', true));
  assert.deepEqual(moves('load-first', ...wanted), ['load 3']);
  assert.deepEqual(moves('load-first', ...wanted, snapshot(9, 'LOADING', false)), []);
});

test('without a wanted version nothing is unloaded', () => {
  for (const order of ['load-first', 'unload-first'] as const)
    assert.deepEqual(moves(order, snapshot(1, 'AVAILABLE', false)), []);
});

test('load-first never takes away the last version that answers', () => {
  const states = fc.constantFrom<VersionState>('START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END');
  const snapshots = fc.array(fc.tuple(states, fc.boolean()), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(snapshots, (given) => {
      const all = given.map(([state, isWanted], version) => snapshot(version, state, isWanted));
      const answering = all.filter(({ state }) => state === 'AVAILABLE').length;
      const unloads = nextMoves(all, 'load-first').filter(({ kind }) => kind === 'unload').length;
      assert.ok(answering === 0 || unloads < answering);
    }),
  );
});
