/**
 * The log port and the access log on pino: JSON lines for collectors, plain lines for people at a terminal. Everything
 * goes to stderr; stdout belongs to results.
 */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { Log, LogFields, LogLevel } from '../../core/log.ts';
import type { AccessLog } from './access-log.ts';

const STDERR = 2;
const ACCESS_BUFFER_BYTES = 4096;
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const CONTROL_CHARACTERS = /[\p{Cc}\u2028\u2029]/gu; // they would forge lines or drive the terminal

export interface LogOptions {
  /** Least level that is written. @default info */
  readonly level?: LogLevel;
  /** @default text when stderr is a terminal, else json */
  readonly format?: 'json' | 'text';
  /** @default stderr, written at once */
  readonly destination?: DestinationStream;
}

/** A log that writes one line per call. */
export function createLog(options: LogOptions = {}): Log {
  const level = options.level ?? 'info';
  const destination = options.destination ?? pino.destination({ fd: STDERR, sync: true });
  const format = options.format ?? (process.stderr.isTTY ? 'text' : 'json');
  return format === 'text' ? textLog(level, destination) : jsonLog(level, destination);
}

/** An access log that can be flushed before the process ends. */
export interface FlushableAccessLog {
  readonly write: AccessLog;
  flush(): void;
}

/** One JSON line per request. @param destination default: stderr, buffered up to 4 KiB */
export function createAccessLog(destination?: DestinationStream): FlushableAccessLog {
  const stderr =
    destination === undefined
      ? pino.destination({ fd: STDERR, sync: false, minLength: ACCESS_BUFFER_BYTES })
      : undefined;
  const logger = createPino('info', destination ?? stderr);
  return {
    write: ({ notes, ...entry }) =>
      logger.info({ kind: 'access', ...entry, durationMs: rounded(entry.durationMs), ...notes }),
    flush: () => stderr?.flushSync(),
  };
}

function jsonLog(level: LogLevel, destination: DestinationStream): Log {
  const logger = createPino(level, destination);
  return (level, message, fields) => logger[level](fields ?? {}, message);
}

function createPino(level: LogLevel, destination: DestinationStream | undefined): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function textLog(least: LogLevel, destination: DestinationStream): Log {
  const from = LEVELS.indexOf(least);
  return (level, message, fields) => {
    if (LEVELS.indexOf(level) < from) return;
    const label = level === 'info' ? '' : `${level}: `;
    destination.write(`${label}${harmless(message)}${textFields(fields)}\n`);
  };
}

function textFields(fields: LogFields = {}): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? quoted(value) : value}`)
    .join('');
}

function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? harmless(value) : harmless(JSON.stringify(value));
}

function harmless(text: string): string {
  return text.replace(CONTROL_CHARACTERS, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function rounded(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}
