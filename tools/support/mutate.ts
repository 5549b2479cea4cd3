/** Small damage to documents, for fuzzers. */
import type { Rng } from '../../src/core/random.ts';

/** One of the seeds with one to four bytes changed, removed, doubled, or a piece of another seed put in. */
export function mutate(seeds: readonly Buffer[], rng: Rng): Buffer {
  const pick = (): Buffer => seeds[rng.u32() % seeds.length] ?? Buffer.alloc(0);
  let bytes = Buffer.from(pick());
  for (let edits = 1 + (rng.u32() % 4); edits > 0; edits--) {
    const at = rng.u32() % (bytes.length + 1);
    const other = pick();
    const from = rng.u32() % (other.length + 1);
    const pieces = [
      Buffer.from([rng.u32() % 256]),
      Buffer.alloc(0),
      bytes.subarray(at, at + 1 + (rng.u32() % 8)),
      other.subarray(from, from + (rng.u32() % 16)),
    ];
    const piece = pieces[rng.u32() % pieces.length] ?? Buffer.alloc(0);
    bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + (rng.u32() % 3))]);
  }
  return bytes;
}
