/** What counts as a runnable example. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runnableBlocks } from './code-blocks.ts';

const PAGE = `# Page

\`\`\`sh
npm ci
\`\`\`

\`\`\`sh run background
skylift serve
\`\`\`

\`\`\`ts run
console.log(1);
\`\`\`

prints

\`\`\`text output
1
\`\`\`
`;

test('only fences that are marked run, with the line where they begin', () => {
  assert.deepEqual(
    runnableBlocks(PAGE).map(({ language, isBackground, line }) => ({ language, isBackground, line })),
    [
      { language: 'sh', isBackground: true, line: 7 },
      { language: 'ts', isBackground: false, line: 11 },
    ],
  );
});

test('the output fence belongs to the block before it', () => {
  assert.deepEqual(
    runnableBlocks(PAGE).map(({ text, output }) => ({ text, output })),
    [
      { text: 'skylift serve\n', output: undefined },
      { text: 'console.log(1);\n', output: '1\n' },
    ],
  );
});
