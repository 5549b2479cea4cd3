/**
 * Runnable examples of a Markdown page. The info string of a fence says how:
 * `sh run` and `ts run` are run in order, `sh run background` is one command that starts a server,
 * `text output` is what the block before it prints to stdout.
 */

export interface CodeBlock {
  readonly language: 'sh' | 'ts';
  readonly isBackground: boolean;
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** What it has to print; undefined: anything. */
  readonly output: string | undefined;
}

const FENCE = /^```(\S*) ?(.*)\n([\s\S]*?)^```$/gm;

/** The runnable blocks of `markdown`, in order. */
export function runnableBlocks(markdown: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (const { 1: language, 2: info, 3: text = '', index } of markdown.matchAll(FENCE)) {
    const last = blocks.at(-1);
    if (language === 'text' && info === 'output' && last) blocks.splice(-1, 1, { ...last, output: text });
    if (language !== 'sh' && language !== 'ts') continue;
    if (info !== 'run' && info !== 'run background') continue;
    const line = markdown.slice(0, index).split('\n').length;
    blocks.push({ language, isBackground: info === 'run background', text, line, output: undefined });
  }
  return blocks;
}
