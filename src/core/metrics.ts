/** The metrics port. Instruments are bound to their labels once, so that the hot path only adds numbers. */

export interface InstrumentSpec {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram's buckets, in the unit that the name ends with. */
  readonly buckets?: readonly number[];
}

/** What one set of labels stands at. */
export type Reading = readonly [labels: Labels, value: number];

type Labels = Readonly<Record<string, string>>;

/** Calling one of the three with the same spec and labels again returns the same instrument. */
export interface Metrics {
  counter(spec: InstrumentSpec, labels?: Labels): { add(value: number): void };
  gauge(spec: InstrumentSpec, labels?: Labels): { set(value: number): void };
  histogram(spec: InstrumentSpec, labels?: Labels): { observe(value: number): void };
  /** A gauge that is read when somebody looks. Once per name. */
  watch(spec: InstrumentSpec, read: () => Iterable<Reading>): void;
}

/** Counts nothing. */
export const noMetrics: Metrics = {
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
  histogram: () => ({ observe() {} }),
  watch() {},
};
