/**
 * `npm run docs [-- --check]`: writes the pages that are made from code (errors, limits, commands, manifest schema).
 * With `--check` it writes nothing, names every page that is not in step, and exits 1 if there is one.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { manifestJsonSchema } from '../src/package/manifest-schema.ts';
import { cliPage } from './docs/cli-page.ts';
import { ERRORS_FOLDER, errorPages } from './docs/error-pages.ts';
import { limitsPage } from './docs/limits-page.ts';
import type { Page } from './docs/page.ts';
import { descriptorsPage } from './docs/proto-descriptors.ts';
import { ROOT } from './support/command.ts';

async function allPages(): Promise<readonly Page[]> {
  const schema = { path: 'schemas/skylift.schema.json', text: manifestJsonSchema() };
  return [...errorPages(), limitsPage(), await cliPage(), schema, descriptorsPage()];
}

/** Pages of codes that are not in the table any more. */
function stalePages(pages: readonly Page[]): readonly string[] {
  const made = new Set(pages.map((page) => page.path));
  return globSync(`${ERRORS_FOLDER}/*.md`, { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !made.has(path));
}

function isInStep({ path, text }: Page): boolean {
  const file = join(ROOT, path);
  return existsSync(file) && readFileSync(file, 'utf8').replaceAll('\r\n', '\n') === text;
}

function write({ path, text }: Page): void {
  const file = join(ROOT, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const pages = await allPages();
const changed = pages.filter((page) => !isInStep(page));
const stale = stalePages(pages);
if (process.argv.includes('--check')) {
  for (const { path } of changed) console.error(`${path} is not in step with the code`);
  for (const path of stale) console.error(`${path} describes nothing that exists`);
  if (changed.length + stale.length > 0) {
    console.error('Fix: npm run docs');
    process.exitCode = 1;
  }
} else {
  for (const page of changed) write(page);
  for (const path of stale) rmSync(join(ROOT, path));
  console.log(`${pages.length} pages, ${changed.length} written, ${stale.length} removed`);
}
