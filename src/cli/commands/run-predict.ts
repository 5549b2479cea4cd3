/** Runs `skylift predict`. A path is served on a loopback port for a moment, so that both ways answer alike to the letter. */
import { createClient } from '../../client/client.ts';
import type { ClientOptions } from '../../client/client.ts';
import { isSkyliftError, SkyliftError } from '../../core/errors.ts';
import { apiKeyIn } from '../api-key.ts';
import { serveLocally } from '../compose.ts';
import type { CliContext } from '../define-command.ts';
import { isHttpUrl, parseModelUrl } from '../model-url.ts';
import type { ModelUrl } from '../model-url.ts';
import { readRequest, withSignature } from '../read-input.ts';
import { startProgress } from '../render/progress.ts';
import { readTlsCa } from '../tls-ca.ts';
import type { TlsCaFlags } from '../tls-ca.ts';

export interface PredictFlags extends TlsCaFlags {
  readonly input: string;
  readonly url?: string;
  readonly signature?: string;
  readonly timeout: number;
}

/** One answer does not pay for a measured batch curve. */
const WARM_UP_MS = 1;

/** Prints the reply of the model. */
export async function runPredict(context: CliContext, flags: PredictFlags, model: string): Promise<void> {
  const { terminal } = context;
  const remote = remoteModel(model, flags.url);
  const input = await readRequest(flags.input, terminal.process);
  const request = flags.signature === undefined ? input : withSignature(input, flags.signature);
  const timeoutMs = flags.timeout * 1000;
  const ca = await readTlsCa(flags);
  const reply = remote
    ? await ask(remote, request, { timeoutMs, apiKey: apiKeyIn(terminal.process.env), ca })
    : await askLocally(context, model, { request, timeoutMs });
  terminal.document(reply);
}

async function askLocally(
  { terminal }: CliContext,
  path: string,
  { request, timeoutMs }: { request: string; timeoutMs: number },
): Promise<string> {
  using progress = startProgress(terminal, `loading ${path}`);
  await using server = await serveLocally(path, { warmup_budget_ms: WARM_UP_MS });
  progress.done();
  return await ask(server.model, request, { timeoutMs }).catch((error: unknown) => {
    throw ownError(error, path);
  });
}

/** What the server of this very command refuses is the user's input, not the fault of some other machine. */
function ownError(error: unknown, path: string): unknown {
  if (!isSkyliftError(error) || error.details['status'] !== 400) return error;
  const hint = `Compare with the signature: skylift inspect ${path}`;
  return new SkyliftError('SKY_REQUEST_INVALID', String(error.details['said']), { hint, cause: error });
}

async function ask(
  { server, model, target }: ModelUrl,
  request: string,
  options: Pick<ClientOptions, 'timeoutMs' | 'apiKey' | 'ca'>,
): Promise<string> {
  using client = createClient(server, { ...options, connections: 1 });
  return await client.predictText(model, request, target);
}

/** Undefined when `model` is a path. */
function remoteModel(model: string, url: string | undefined): ModelUrl | undefined {
  if (url !== undefined) return { server: url, model, target: {} };
  if (!isHttpUrl(model)) return undefined;
  const parsed = parseModelUrl(model);
  if (parsed) return parsed;
  throw new SkyliftError('SKY_USAGE', `${model} is no URL of a model`, {
    hint: `Write http://HOST:PORT/v1/models/NAME, or NAME --url=${model}`,
  });
}
