/** Words of others, such as names in a model file, for a terminal: their control characters would drive it. */

/** `text` with a visible mark for each control character but line breaks and tabs. */
export function printable(text: string): string {
  return text.replaceAll(/(?![\n\t])\p{Cc}/gu, '\ufffd');
}
