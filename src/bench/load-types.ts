/** What a load run is asked for and what it reports. Plain data: it crosses a process border as JSON. */
import type { LatencySummary } from './statistics.ts';

export interface LoadOptions {
  /** Whole URL of the request. */
  readonly url: string;
  /** @default POST with a body, else GET */
  readonly method?: string;
  readonly body?: string;
  /** How the characters of `body` become bytes; latin1 carries any bytes. @default utf8 */
  readonly bodyEncoding?: 'utf8' | 'latin1';
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM of the CA that signs the certificate of an https:// server. @default those that Node trusts */
  readonly ca?: string | undefined;
  /** Requests in flight, one per connection; with a rate at most so many. @default 8, with a rate 1024 */
  readonly connections?: number;
  /** Requests that are due in a second, whether or not the server keeps up (open loop). @default a closed loop */
  readonly ratePerSecond?: number;
  /** Time in which requests are issued; those in flight are then waited for. One of this and `requests`. */
  readonly durationMs?: number;
  /** Number of requests to issue. */
  readonly requests?: number;
  /** Issued before the measurement and not reported. @default 0 */
  readonly warmupMs?: number;
  /** Time in which a request must have ended; then its connection is dropped. @default 30 s */
  readonly deadlineMs?: number;
  readonly verify?: ReplyCheck;
  /** Keeps a record of every request, up to MAX_RECORDS. @default false */
  readonly keepRecords?: boolean;
}

export const DEFAULT_DEADLINE_MS = 30_000;
export const DEFAULT_OPEN_CONNECTIONS = 1024;

/** What a reply must be to count as good. */
export interface ReplyCheck {
  /** @default 200 */
  readonly status?: number;
  /** Expected body, byte for byte. @default not compared */
  readonly body?: string;
  /** Numbers of a JSON body may differ by this much: batches change the order of sums. @default 0 */
  readonly tolerance?: number;
}

/**
 * How a request ended. `status`: another status than wanted; `body`: another body; `deadline`: not ended in time;
 * `lost`: the connection closed or broke before the reply was whole; `refused`: no connection; `protocol`: no HTTP.
 */
export const REQUEST_ENDS = ['ok', 'status', 'body', 'deadline', 'lost', 'refused', 'protocol'] as const;
export type RequestEnd = (typeof REQUEST_ENDS)[number];

/** One issued request. */
export interface RequestRecord {
  /** Milliseconds since the measurement began. */
  readonly startMs: number;
  readonly latencyMs: number;
  readonly end: RequestEnd;
  /** HTTP status; 0 when no reply came. */
  readonly status: number;
}

/** Records kept at most; more are counted only. */
export const MAX_RECORDS = 200_000;

export interface LoadReport {
  /** Requests issued; each of them ended in one of `ends`. */
  readonly requests: number;
  readonly failed: number;
  /** How many ended how; sums up to `requests`. */
  readonly ends: Readonly<Record<RequestEnd, number>>;
  /** Replies by HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** First few different messages of failures and how often each came. */
  readonly errors: Readonly<Record<string, number>>;
  /** Good replies per second of `durationMs`. */
  readonly requestsPerSecond: number;
  /** From the first request to the last end. */
  readonly durationMs: number;
  /** Of good replies, from the moment that they were due; zeros when there are none. */
  readonly latencyMs: LatencySummary;
  readonly connections: number;
  readonly records?: readonly RequestRecord[];
}
