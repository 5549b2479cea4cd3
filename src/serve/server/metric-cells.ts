/** The numbers behind the metrics: one cell per metric and set of labels, cheap to change, read when somebody scrapes. */
import { Histogram } from 'prom-client';
import type { HistogramConfiguration } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

/** A counter or a gauge. */
export class NumberCell {
  readonly labels: Labels;
  value = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  add(value: number): void {
    this.value += value;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** The counts of a histogram; `counts[i]` belongs to `bounds[i]`, the last to everything above. Not cumulative. */
export class HistogramCell {
  readonly labels: Labels;
  readonly bounds: Float64Array;
  readonly counts: Float64Array;
  sum = 0;

  /** @param bounds upper bounds, ascending */
  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels;
    this.bounds = Float64Array.from(bounds);
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] ?? Infinity)) i++;
    counts[i] = (counts[i] ?? 0) + 1;
    this.sum += value;
  }
}

type Exported = Awaited<ReturnType<Histogram['get']>>;

/** A histogram of prom-client that shows our cells. */
export class CellHistogram extends Histogram {
  readonly #name: string;
  readonly #empty: Histogram; // gives name, help, type and aggregator; its own `get` would come back to ours
  readonly #cells: ReadonlyMap<string, HistogramCell>;

  constructor(configuration: HistogramConfiguration<string>, cells: ReadonlyMap<string, HistogramCell>) {
    super(configuration);
    this.#name = configuration.name;
    this.#empty = new Histogram({ ...configuration, registers: [] });
    this.#cells = cells;
  }

  override async get(): Promise<Exported> {
    const empty = await this.#empty.get();
    return { ...empty, values: [...this.#cells.values()].flatMap((cell) => this.#lines(cell)) };
  }

  /** What the registry calls for the text format. */
  getForPromString(): Promise<Exported> {
    return this.get();
  }

  #lines(cell: HistogramCell): Exported['values'] {
    const { labels, bounds, counts } = cell;
    let total = 0;
    const buckets = Array.from(counts, (count, i) => {
      total += count;
      return {
        metricName: `${this.#name}_bucket`,
        labels: { ...labels, le: bounds[i] ?? '+Inf' },
        value: total,
      };
    });
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels, value: cell.sum },
      { metricName: `${this.#name}_count`, labels, value: total },
    ];
  }
}
