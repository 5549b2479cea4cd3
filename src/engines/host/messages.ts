/** The JSON inside control frames. What comes from an engine is checked here; what comes from the front is trusted. */
import { SkyliftError, isErrorCode, toSkyliftError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import type { Capacity, MemoryReport } from '../port.ts';
import { PROTOCOL_VERSION, frameError } from './frame.ts';
import type { Params } from './native.ts';

/** Text of foreign libraries is cut here. */
const MAX_MESSAGE_CHARACTERS = 2048;

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Names and versions of the libraries in the engine. Throws SKY_ENGINE_PROTOCOL, also for another protocol version. */
export function parseHello(json: unknown): Readonly<Record<string, string>> {
  if (!isFields(json) || json['protocol'] !== PROTOCOL_VERSION || !isFields(json['versions']))
    throw frameError(`the engine speaks another protocol than version ${PROTOCOL_VERSION}`);
  return Object.fromEntries(
    Object.entries(json['versions']).map(([name, version]) => [name, String(version)]),
  );
}

/** Throws SKY_ENGINE_PROTOCOL. */
export function parseCapacity(json: unknown): Capacity {
  if (isFields(json) && json['kind'] === 'batch' && isCount(json['maxRows']) && json['maxRows'] > 0)
    return { kind: 'batch', maxRows: json['maxRows'] };
  if (isFields(json) && json['kind'] === 'slots' && isCount(json['slots']) && json['slots'] > 0)
    return { kind: 'slots', slots: json['slots'] };
  throw frameError('the engine sent no valid capacity');
}

/** Throws SKY_ENGINE_PROTOCOL. */
export function parseMemory(json: unknown): MemoryReport {
  if (!isFields(json) || !isCount(json['rssBytes']))
    throw frameError('the engine sent no valid memory report');
  const { privateBytes, anonymousBytes } = json;
  return {
    rssBytes: json['rssBytes'],
    privateBytes: isCount(privateBytes) ? privateBytes : undefined,
    anonymousBytes: isCount(anonymousBytes) ? anonymousBytes : undefined,
  };
}

/** An error on its way to the front. `code` is for errors that have none. */
export function formatError(error: unknown, code: ErrorCode): Fields {
  const failure = toSkyliftError(error, code);
  return {
    code: failure.code,
    message: failure.message.slice(0, MAX_MESSAGE_CHARACTERS),
    hint: failure.hint,
  };
}

/** Throws SKY_ENGINE_PROTOCOL. */
export function parseError(json: unknown): SkyliftError {
  if (!isFields(json) || !isErrorCode(json['code']) || typeof json['message'] !== 'string')
    throw frameError('the engine sent no valid error');
  const message = json['message'].slice(0, MAX_MESSAGE_CHARACTERS);
  const hint = json['hint'];
  return new SkyliftError(
    json['code'],
    message,
    typeof hint === 'string' ? { hint: hint.slice(0, MAX_MESSAGE_CHARACTERS) } : {},
  );
}

/** JSON has no bigint: it travels as text with a mark. */
type ParamEntry = readonly [name: string, value: string | number | boolean, isBigint: boolean];

/** Parameters of each job; undefined when no job has any. */
export function formatParams(params: readonly Params[]): readonly (readonly ParamEntry[])[] | undefined {
  if (params.every((entries) => entries.size === 0)) return undefined;
  return params.map((entries) =>
    [...entries].map(([name, value]): ParamEntry =>
      typeof value === 'bigint' ? [name, String(value), true] : [name, value, false],
    ),
  );
}

/** The reverse of `formatParams` for `jobs` jobs. */
export function parseParams(json: unknown, jobs: number): Params[] {
  const lists = (json ?? Array.from({ length: jobs }, () => [])) as readonly (readonly ParamEntry[])[]; // from the front
  return lists.map(
    (entries) =>
      new Map(entries.map(([name, value, isBigint]) => [name, isBigint ? BigInt(value) : value] as const)),
  );
}
