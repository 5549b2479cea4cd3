/** Random numbers as a port: scheduling, jitter and sampling only, never keys or nonces. */

export interface Rng {
  /** Uniform in [0, 2^32). */
  u32(): number;
  /** Uniform in [0, 1). */
  float(): number;
  /** An independent stream that depends on this one's seed and `label` only. */
  fork(label: string): Rng;
}

/** sfc32 (PractRand, Chris Doty-Humphrey): small, fast, passes BigCrush; the same seed gives the same stream on every machine. */
export function seededRng(seed: number): Rng {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88;
  let c = 0xb7e15162 + seed;
  let counter = 1;
  const u32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) u32(); // mix the seed in
  return { u32, float: () => u32() / 2 ** 32, fork: (label) => seededRng(hash(label, seed)) };
}

/** FNV-1a over UTF-16 units. */
function hash(text: string, seed: number): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
