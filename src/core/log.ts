/** The log port. Fields are for programs; values of requests and secrets never go in. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  (level: LogLevel, message: string, fields?: LogFields): void;
}

export const silentLog: Log = () => {};
