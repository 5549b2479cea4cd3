/** Reads `--input`: JSON on the command line, `@FILE`, or `-` for stdin; and makes a request of it. */
import { createReadStream } from 'node:fs';
import { SkyliftError, toSkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { formatBytes } from '../core/units.ts';
import type { JsonKind } from '../tensor/json/grammar.ts';
import { JsonReader } from '../tensor/json/reader.ts';
import type { CliProcess } from './terminal.ts';

/** The server would not take more. */
const MAX_INPUT_BYTES = LIMITS.max_body_bytes.default;

/**
 * The text of the request that `input` stands for, numbers as they were written. Throws SKY_USAGE, SKY_JSON_MALFORMED,
 * SKY_REQUEST_TOO_LARGE.
 */
export async function readRequest(input: string, { stdin }: Pick<CliProcess, 'stdin'>): Promise<string> {
  if (input === '-') return asRequest(await readText(stdin, 'stdin'), 'stdin');
  if (input.startsWith('@')) return asRequest(await readInputFile(input.slice(1)), input.slice(1));
  return asRequest(input, '--input');
}

/** A whole request as it is; an array means rows, any other value the one input. @param where for messages */
export function asRequest(text: string, where: string): string {
  const kind = kindOf(text, where);
  if (kind === 'object') return text;
  return kind === 'array' ? `{"instances": ${text}}` : `{"inputs": ${text}}`;
}

/** The request for another signature. The first of equal keys counts. */
export function withSignature(request: string, signature: string): string {
  const rest = request.slice(request.indexOf('{') + 1);
  return `{"signature_name": ${JSON.stringify(signature)}${rest.trimStart().startsWith('}') ? '' : ','} ${rest}`;
}

/** A pipe is fine, too: a shell makes one of `@<(COMMAND)`. */
async function readInputFile(path: string): Promise<string> {
  try {
    return await readText(createReadStream(path), path);
  } catch (error) {
    if (error instanceof SkyliftError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SkyliftError('SKY_USAGE', `--input=@${path} cannot be read: ${reason}`, {
      cause: error,
      hint: 'Check the path behind the @.',
    });
  }
}

/** All of it, but never more than the limit: sizes that were asked for before would tell nothing of pipes and devices. */
async function readText(source: CliProcess['stdin'], where: string): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of source) {
    chunks.push(Buffer.from(chunk));
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_INPUT_BYTES) throw tooLarge(where);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function kindOf(text: string, where: string): JsonKind {
  try {
    const reader = new JsonReader(Buffer.from(text), { maxDepth: LIMITS.max_json_depth.default });
    const kind = reader.kind();
    reader.skipValue();
    return kind;
  } catch (error) {
    const { code, message } = toSkyliftError(error);
    throw new SkyliftError(code, `${where}: ${message}`, {
      cause: error,
      hint: 'Write JSON, @FILE with JSON, or - for stdin. A shell wants single quotes around JSON.',
    });
  }
}

function tooLarge(where: string): SkyliftError {
  return new SkyliftError(
    'SKY_REQUEST_TOO_LARGE',
    `${where} is more than ${formatBytes(MAX_INPUT_BYTES)} of input (max_body_bytes)`,
    { hint: 'Send smaller batches.' },
  );
}
