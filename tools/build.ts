/** `npm run build`: makes dist with tsc, then proves that what would be published can work and holds nothing else. */
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, runTool } from './support/command.ts';

/** What must be in the tarball; a pattern may match any one file. */
const WANTED = [
  /^bin\/skylift\.cjs$/,
  /^bin\/tensorflow_model_server\.cjs$/,
  /^bin\/start\.cjs$/,
  /^dist\/index\.js$/,
  /^dist\/index\.d\.ts$/,
  /^dist\/cli\/main\.js$/,
  /^dist\/cli\/tensorflow-model-server\.js$/,
  /^docs\/errors\/README\.md$/,
  /^schemas\/skylift\.schema\.json$/,
  /^README\.md$/,
  /^LICENSE$/,
  /^package\.json$/,
] as const;

/** The only places that files of the tarball come from. */
const ALLOWED =
  /^(bin|dist|docs\/(?:errors|reference)|schemas)\/|^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$/;
const FORBIDDEN = /\.test\.|fixture|\.onnx$|(^|\/)test\//;

interface PackedFile {
  readonly path: string;
  readonly size: number;
}

async function compile(): Promise<readonly string[]> {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  const compiled = await runTool('tsc', ['-p', 'tsconfig.build.json', '--pretty', 'false']);
  return compiled.code === 0 ? [] : [compiled.output.trim()];
}

/** Node does not read `.ts` below node_modules: every relative import must name the emitted file. */
function unrewrittenImports(): readonly string[] {
  const imports = /(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)\.ts['"]/g;
  return globSync('dist/**/*.js', { cwd: ROOT }).flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(imports)].map(
      ([, target]) => `${file} still imports ${target}.ts`,
    ),
  );
}

/** `siblingEntry(import.meta.url, './child')` is a string to tsc: each one must have its file in dist. */
function missingEntries(): readonly string[] {
  const calls = /(?<!@example )siblingEntry\(\s*import\.meta\.url,\s*'([^']+)'/g;
  return globSync('dist/**/*.js', { cwd: ROOT }).flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(calls)]
      .map(([, target]) => join(dirname(file), `${target}.js`))
      .filter((entry) => !existsSync(join(ROOT, entry)))
      .map((entry) => `${file} starts ${entry}, which the build does not have`),
  );
}

async function packedFiles(): Promise<readonly PackedFile[]> {
  const packed = await runTool('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']);
  if (packed.code !== 0) throw new Error(`npm pack failed: ${packed.output}`);
  const [tarball] = JSON.parse(packed.stdout) as { files: PackedFile[] }[];
  return tarball?.files ?? [];
}

function wrongFiles(files: readonly PackedFile[]): readonly string[] {
  const paths = files.map((file) => file.path);
  return [
    ...WANTED.filter((pattern) => !paths.some((path) => pattern.test(path))).map(
      (pattern) => `the package lacks ${pattern.source.replaceAll(/[\\^$]/g, '')}`,
    ),
    ...paths
      .filter((path) => !ALLOWED.test(path) || FORBIDDEN.test(path))
      .map((path) => `the package must not hold ${path}`),
  ];
}

async function build(): Promise<number> {
  const compileProblems = await compile();
  const files = compileProblems.length === 0 ? await packedFiles() : [];
  const problems =
    compileProblems.length > 0
      ? compileProblems
      : [...unrewrittenImports(), ...missingEntries(), ...wrongFiles(files)];
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) return 1;
  const kiB = files.reduce((sum, file) => sum + file.size, 0) / 1024;
  console.log(`${files.length} files, ${kiB.toFixed(0)} KiB unpacked`);
  return 0;
}

process.exitCode = await build();
