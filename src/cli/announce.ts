/** What is said when a server is ready: URLs, and for each model a command that works as it stands. */
import { modelPath } from '../client/client.ts';
import type { RunningServer } from '../index.ts';
import { exampleRequest } from './example-request.ts';

/** One served model. */
export interface ServedModel {
  readonly name: string;
  readonly version: bigint;
  readonly predictUrl: string;
  /** A shell command that gets an answer; absent where no example can be built. */
  readonly tryCommand?: string;
}

/** Longer examples are made by a command instead of being printed. */
const MAX_EXAMPLE_CHARS = 400;
/** The variable that the `skylift` commands read, too. */
const KEY_HEADER = '-H "authorization: Bearer $SKYLIFT_API_KEY"';

/** What `serve` was told. */
export interface ServedAs {
  /** Served name -> path, as far as they are known. */
  readonly paths: Readonly<Record<string, string>>;
  readonly asksForKeys: boolean;
}

/** What a running server serves. */
export function describeModels(
  server: RunningServer,
  { paths, asksForKeys }: ServedAs,
): readonly ServedModel[] {
  const answering = server
    .models()
    .filter(({ versions }) => versions.some(({ state }) => state === 'AVAILABLE'));
  return answering.map(({ name: model }) => {
    const predictUrl = `${placeOf(server.url).base}${modelPath(model)}:predict`;
    const { version, signatures } = server.newest(model);
    const [first] = Object.entries(signatures).toSorted(([a]) => (a === 'serving_default' ? -1 : 1));
    const example = first && exampleRequest(first[1].inputs, first[0]);
    const described = { name: model, version, predictUrl };
    if (!example) return described;
    const curl = ['curl', ...placeOf(server.url).curlFlags, ...(asksForKeys ? [KEY_HEADER] : [])].join(' ');
    const command = tryCommand(curl, JSON.stringify(example), { path: paths[model], predictUrl });
    return command === undefined ? described : { ...described, tryCommand: command };
  });
}

/** What stands before paths, and what curl needs to get there: a socket is in no URL. */
function placeOf(url: string): { readonly base: string; readonly curlFlags: readonly string[] } {
  const socketPath = /^unix:(.+)$/.exec(url)?.[1];
  if (socketPath === undefined) return { base: url, curlFlags: [] };
  return { base: 'http://localhost', curlFlags: ['--unix-socket', shellQuoted(socketPath)] };
}

/** The lines for people. */
export function announcement(
  { url, grpc }: { readonly url: string; readonly grpc: readonly string[] },
  models: readonly ServedModel[],
): string {
  const isSocket = url.startsWith('unix:');
  const base = isSocket ? '' : url;
  return models
    .flatMap(({ predictUrl, tryCommand }) => [
      `  REST   ${predictUrl}`,
      ...(tryCommand === undefined ? [] : [`  Try    ${tryCommand}`]),
    ])
    .concat(grpc.map((target) => `  gRPC   ${target}`))
    .concat(isSocket ? [`  Socket ${url.slice('unix:'.length)}`] : [])
    .concat(`  More   ${base}/v1/models  ${base}/metrics  ${base}/readyz`)
    .join('\n');
}

function tryCommand(
  curl: string,
  example: string,
  { path, predictUrl }: { readonly path: string | undefined; readonly predictUrl: string },
): string | undefined {
  if (example.length <= MAX_EXAMPLE_CHARS)
    return `${curl} -d ${shellQuoted(example)} ${shellQuoted(predictUrl)}`;
  if (path === undefined) return undefined;
  return `skylift inspect ${shellQuoted(path)} --example | ${curl} -d @- ${shellQuoted(predictUrl)}`;
}

/** A word for a POSIX shell. */
function shellQuoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
