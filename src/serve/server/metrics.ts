/**
 * The metrics port on prom-client. Hot paths add to plain numbers that belong to one set of labels; prom-client sees
 * them when somebody scrapes. Also the process's own metrics and the routes that show everything.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { SkyliftError, toSkyliftError } from '../../core/errors.ts';
import type { InstrumentSpec, Metrics, Reading } from '../../core/metrics.ts';
import { JSON_TYPE } from '../protocols/http-call.ts';
import type { HttpCall, Route } from '../protocols/http-call.ts';
import { codedBody } from '../protocols/failures.ts';
import { CellHistogram, HistogramCell, NumberCell } from './metric-cells.ts';
import type { Labels } from './metric-cells.ts';

const LAG_SAMPLE_MS = 20; // of the event-loop lag; each sample wakes the process
const MAX_SERIES = 10_000; // label sets of one metric; the rest is counted together
const OTHER_LABEL = '(other)';
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A metrics port with a way out. */
export interface PrometheusMetrics extends Metrics {
  readonly contentType: string;
  /** All metrics in the text format of Prometheus. */
  render(): Promise<string>;
}

/** One metric name with a cell per set of labels. */
interface Family<Cell> {
  readonly cells: Map<string, Cell>;
  readonly create: (labels: Labels) => Cell;
}

/**
 * An empty registry of its own.
 * @param options.processMetrics cpu, memory, event-loop lag, open files; default true
 */
export function createPrometheusMetrics(options: { processMetrics?: boolean } = {}): PrometheusMetrics {
  const registry = new Registry();
  if (options.processMetrics !== false)
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS });
  const counters = new Map<string, Family<NumberCell>>();
  const gauges = new Map<string, Family<NumberCell>>();
  const histograms = new Map<string, Family<HistogramCell>>();
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    counter: (spec, labels = {}) =>
      cellOf(
        familyOf(counters, spec, () => counterFamily(registry, spec)),
        spec,
        labels,
      ),
    gauge: (spec, labels = {}) =>
      cellOf(
        familyOf(gauges, spec, () => gaugeFamily(registry, spec)),
        spec,
        labels,
      ),
    histogram: (spec, labels = {}) =>
      cellOf(
        familyOf(histograms, spec, () => histogramFamily(registry, spec)),
        spec,
        labels,
      ),
    watch: (spec, read) => watchedGauge(registry, spec, read),
  };
}

const OWN_PATH = '/metrics';
const TFSERVING_PATH = '/monitoring/prometheus/metrics';

/** `/metrics`, and the path where TensorFlow Serving has them. @param at another path than that; false: there are none */
export function metricsRoutes(
  metrics: PrometheusMetrics,
  at: string | false = TFSERVING_PATH,
): readonly Route[] {
  if (at === false) return [];
  const handle = (call: HttpCall): void => {
    metrics.render().then(
      (text) => call.reply(200, metrics.contentType, text),
      (error: unknown) => call.reply(500, JSON_TYPE, codedBody(toSkyliftError(error), call.id)),
    );
  };
  const own = metricsRoute('skylift', OWN_PATH, handle);
  return at === OWN_PATH ? [own] : [own, metricsRoute('tfserving', at, handle)];
}

function metricsRoute(protocol: Route['protocol'], pattern: string, handle: Route['handle']): Route {
  return {
    protocol,
    method: 'GET',
    pattern,
    match: new RegExp(`^${pattern.replaceAll(/[^\w/]/g, String.raw`\$&`)}$`),
    permission: 'metrics',
    plane: 'metrics',
    maxBodyBytes: 0,
    summary: 'Metrics in the text format of Prometheus.',
    handle,
  };
}

function familyOf<Cell>(
  families: Map<string, Family<Cell>>,
  spec: InstrumentSpec,
  create: () => Family<Cell>,
): Family<Cell> {
  const known = families.get(spec.name);
  if (known !== undefined) return known;
  const family = create();
  families.set(spec.name, family);
  return family;
}

function cellOf<Cell>(family: Family<Cell>, spec: InstrumentSpec, labels: Labels): Cell {
  const names = spec.labels ?? [];
  const isFull = family.cells.size >= MAX_SERIES;
  const known = family.cells.get(keyOf(names, labels));
  if (known !== undefined) return known;
  const own = Object.fromEntries(names.map((name) => [name, isFull ? OTHER_LABEL : (labels[name] ?? '')]));
  const key = keyOf(names, own);
  const cell = family.cells.get(key) ?? family.create(own);
  family.cells.set(key, cell);
  return cell;
}

function keyOf(names: readonly string[], labels: Labels): string {
  return JSON.stringify(names.map((name) => labels[name] ?? ''));
}

function counterFamily(registry: Registry, spec: InstrumentSpec): Family<NumberCell> {
  const cells = new Map<string, NumberCell>();
  registered(
    spec,
    () =>
      new Counter({
        ...base(registry, spec),
        collect() {
          this.reset();
          for (const cell of cells.values()) this.inc(cell.labels, cell.value);
        },
      }),
  );
  return { cells, create: (labels) => new NumberCell(labels) };
}

function gaugeFamily(registry: Registry, spec: InstrumentSpec): Family<NumberCell> {
  const cells = new Map<string, NumberCell>();
  registered(
    spec,
    () =>
      new Gauge({
        ...base(registry, spec),
        collect() {
          for (const cell of cells.values()) this.set(cell.labels, cell.value);
        },
      }),
  );
  return { cells, create: (labels) => new NumberCell(labels) };
}

function watchedGauge(registry: Registry, spec: InstrumentSpec, read: () => Iterable<Reading>): void {
  registered(
    spec,
    () =>
      new Gauge({
        ...base(registry, spec),
        collect() {
          this.reset();
          for (const [labels, value] of read()) this.set(labels, value);
        },
      }),
  );
}

function histogramFamily(registry: Registry, spec: InstrumentSpec): Family<HistogramCell> {
  const cells = new Map<string, HistogramCell>();
  const buckets = [...(spec.buckets ?? DEFAULT_BUCKETS)];
  registered(spec, () => new CellHistogram({ ...base(registry, spec), buckets }, cells));
  return { cells, create: (labels) => new HistogramCell(labels, buckets) };
}

function base(
  registry: Registry,
  spec: InstrumentSpec,
): { name: string; help: string; labelNames: string[]; registers: Registry[] } {
  return { name: spec.name, help: spec.help, labelNames: [...(spec.labels ?? [])], registers: [registry] };
}

/** prom-client refuses bad names and a name of two kinds. */
function registered(spec: InstrumentSpec, create: () => unknown): void {
  try {
    create();
  } catch (error) {
    throw new SkyliftError('SKY_INTERNAL', `metric ${spec.name} cannot be registered`, { cause: error });
  }
}
