/** What users of a server are told while it runs. */
import type { Clock } from '../core/clock.ts';
import type { SkyliftError } from '../core/errors.ts';
import type { ModelEvent, ModelRuntime, VersionReport } from '../serve/runtime/model-runtime.ts';

/** What happens to the server and its models. */
export type ServeEvent =
  /** `url` of HTTP (`unix:` and a path for a socket), '' where only gRPC is spoken; `grpc` for its clients, '' where only HTTP is. */
  | { readonly kind: 'listening'; readonly url: string; readonly grpc: string }
  | {
      readonly kind: 'loading' | 'changing' | 'unloading' | 'unloaded';
      readonly model: string;
      readonly version: bigint;
    }
  | {
      readonly kind: 'loaded';
      readonly model: string;
      readonly version: bigint;
      readonly report: VersionReport;
      readonly durationMs: number;
    }
  /** Without `retryInMs` the version is tried again when its files change. */
  | {
      readonly kind: 'failed';
      readonly model: string;
      readonly version: bigint;
      readonly error: SkyliftError;
      readonly retryInMs: number | undefined;
    };

/** Tells the events of the runtime, with what people want to read beside them. */
export function tellModelEvents(
  runtime: ModelRuntime,
  clock: Clock,
  tell: (event: ServeEvent) => void,
): void {
  const startedAtMs = new Map<string, number>();
  runtime.listen((event: ModelEvent) => {
    const { kind, model, version } = event;
    const key = `${model}@${version}`;
    if (kind === 'loading') startedAtMs.set(key, clock.nowMs());
    if (kind === 'failed') return tell(event);
    if (kind !== 'loaded') return tell({ kind, model, version });
    const report = runtime.report().find((each) => each.model === model && each.version === version);
    const durationMs = clock.nowMs() - (startedAtMs.get(key) ?? 0);
    startedAtMs.delete(key);
    if (report) tell({ kind, model, version, report, durationMs });
  });
}
