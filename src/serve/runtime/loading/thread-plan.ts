/** How many engines with how many threads each: never more than the usable cores unless somebody insists. Pure. */
import { SkyliftError } from '../../../core/errors.ts';

/** `throughput`: an engine per core; `latency`: one engine on all cores; `auto`: measured at warm-up, latency first. */
export type ThreadProfile = 'auto' | 'throughput' | 'latency';

export interface ThreadOptions {
  /** @default auto */
  readonly profile?: ThreadProfile;
  /** Engine processes of one model; with `threads` it overrides the profile. */
  readonly engines?: number;
  /** Threads inside one run. */
  readonly threads?: number;
  /** Allow engines x threads beyond the usable cores. @default false */
  readonly allowOversubscription?: boolean;
}

/** `fixed` engines start at once. `measured`: the first runs on one thread, the rest follows from what it shows. */
export type ThreadPlan =
  | { readonly kind: 'fixed'; readonly engines: number; readonly threads: number }
  | { readonly kind: 'measured'; readonly cores: number };

/** A run this short gains nothing from more threads. */
const WORTH_SPLITTING_US = 2000;
/** More threads must make a single run this much faster to earn an engine of their own. */
const WORTH_KEEPING_SPEEDUP = 1.25;

/** Throws SKY_CONFIG_INVALID, SKY_CONFIG_OVERSUBSCRIBED. */
export function planThreads(options: ThreadOptions, cores: number): ThreadPlan {
  for (const name of ['engines', 'threads'] as const) {
    const value = options[name];
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new SkyliftError(
        'SKY_CONFIG_INVALID',
        `${name} must be a whole number of at least 1, not ${value}`,
      );
    }
  }
  const profile = options.profile ?? 'auto';
  const isFixed = options.engines !== undefined || options.threads !== undefined;
  if (!isFixed && profile === 'auto') return { kind: 'measured', cores };
  const isNarrow = profile === 'throughput' || (profile === 'auto' && options.threads === undefined);
  const threads = options.threads ?? (isNarrow ? 1 : Math.max(1, Math.floor(cores / (options.engines ?? 1))));
  const engines = options.engines ?? Math.max(1, Math.floor(cores / threads));
  if (engines * threads > cores && options.allowOversubscription !== true) {
    throw new SkyliftError(
      'SKY_CONFIG_OVERSUBSCRIBED',
      `${engines} engines x ${threads} threads is more than the ${cores} usable cores`,
      { details: { engines, threads, cores } },
    );
  }
  return { kind: 'fixed', engines, threads };
}

/** Whether an engine on all cores is worth a try, given the time of a single run on one thread. */
export function isWorthSplitting(runUs: number, cores: number): boolean {
  return cores > 1 && runUs >= WORTH_SPLITTING_US;
}

/** Whether the engine on all cores stays, given single runs on one thread and on all. */
export function isWorthKeeping(narrowUs: number, wideUs: number): boolean {
  return narrowUs / wideUs >= WORTH_KEEPING_SPEEDUP;
}
