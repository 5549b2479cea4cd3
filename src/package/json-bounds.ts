/** Bounds of a JSON text found before it is parsed, so that a small hostile file cannot become a huge object. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENERS = new Set([0x5b, 0x7b]); // [ {
const CLOSERS = new Set([0x5d, 0x7d]); // ] }

export interface JsonBounds {
  /** Upper bound of the number of values, keys aside. */
  readonly values: number;
  /** Deepest nesting of arrays and objects. */
  readonly depth: number;
}

/** Counts by punctuation outside strings; right for JSON, harmless for anything else. One pass, no memory. */
export function measureJson(bytes: Uint8Array): JsonBounds {
  let values = 1;
  let depth = 0;
  let level = 0;
  let isInString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === QUOTE) isInString = !isInString;
    else if (isInString) {
      if (byte === BACKSLASH) i++;
    } else if (byte === COMMA) values++;
    else if (OPENERS.has(byte)) {
      values++;
      depth = Math.max(depth, ++level);
    } else if (CLOSERS.has(byte)) level--;
  }
  return { values, depth };
}
