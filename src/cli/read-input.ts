/** Reads `--input`: JSON on the command line, `@FILE`, or `-` for stdin; and makes a request of it. */
import { readFile, stat } from 'node:fs/promises';
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
  if (input === '-') return asRequest(await readStdin(stdin), 'stdin');
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

async function readInputFile(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_INPUT_BYTES) throw tooLarge(path, size);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof SkyliftError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SkyliftError('SKY_USAGE', `--input=@${path} cannot be read: ${reason}`, {
      cause: error,
      hint: 'Check the path behind the @.',
    });
  }
}

async function readStdin(stdin: CliProcess['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk));
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_INPUT_BYTES) throw tooLarge('stdin', sizeBytes);
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

function tooLarge(what: string, sizeBytes: number): SkyliftError {
  return new SkyliftError(
    'SKY_REQUEST_TOO_LARGE',
    `${what}: ${formatBytes(sizeBytes)} of input, ${formatBytes(MAX_INPUT_BYTES)} are allowed`,
  );
}
