/** The access log: one record per answered request. No payloads, no queries, no header values. */

export interface AccessEntry {
  readonly id: string;
  /** Of the caller's trace, or of the one that began here. */
  readonly traceId: string | undefined;
  readonly method: string;
  /** Pattern of the route table, never the raw path. */
  readonly route: string;
  /** 499: the client went away before the answer. */
  readonly status: number;
  /** Body of the request as it travelled. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  /** What was noted: id of the API key, model, version, signature, error. */
  readonly notes: Readonly<Record<string, string>>;
}

export type AccessLog = (entry: AccessEntry) => void;
