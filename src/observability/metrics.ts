import { collectDefaultMetrics, Registry } from 'prom-client';
import type { MetricSource, Sample } from './metric-source.ts';

export interface Metrics {
  readonly contentType: string;
  /** All metrics now, in the text format of Prometheus. */
  render(): Promise<string>;
}

/** One value of a metric as prom-client's registry formats it. */
interface Value {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/**
 * The process's own metrics and those that `sources` lists at the time of a scrape: parts may come and go.
 * Nothing is kept between scrapes, the numbers stay where they are counted.
 */
export function createMetrics(sources: () => readonly MetricSource[]): Metrics {
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  return {
    contentType: own.contentType,
    async render() {
      const registry = new Registry();
      for (const source of sources()) {
        const { name, help, type } = source;
        const metric = { name, help, type, aggregator: 'sum', values: valuesOf(source) };
        // The registry formats whatever has a name and get(); its types only know metrics that store values.
        registry.registerMetric({ name, get: async () => metric } as never);
      }
      return `${await registry.metrics()}${await own.metrics()}`;
    },
  };
}

function valuesOf(source: MetricSource): Value[] {
  if (source.type === 'histogram') {
    const { bounds, counts, sum } = source.read();
    const values: Value[] = [];
    let total = 0;
    for (let bucket = 0; bucket <= bounds.length; bucket++) {
      total += counts[bucket] ?? 0;
      const le = bounds[bucket] ?? '+Inf';
      values.push({ metricName: `${source.name}_bucket`, labels: { le }, value: total });
    }
    values.push({ metricName: `${source.name}_sum`, labels: {}, value: sum });
    values.push({ metricName: `${source.name}_count`, labels: {}, value: total });
    return values;
  }
  const read = source.read();
  return typeof read === 'number' ? [{ labels: {}, value: read }] : read.map((sample) => ({ ...sample }));
}

/**
 * The metrics of several like parts as one list, told apart by the label `label`. Histograms are left out:
 * what they measure is the process's, not one part's.
 */
export function labelled(
  label: string,
  parts: ReadonlyMap<string, readonly MetricSource[]>, // value of the label → that part's metrics
): MetricSource[] {
  const merged = new Map<string, { readonly source: MetricSource; readonly samples: Sample[] }>();
  for (const [value, sources] of parts) {
    for (const source of sources) {
      if (source.type === 'histogram') continue;
      let entry = merged.get(source.name);
      if (entry === undefined) merged.set(source.name, (entry = { source, samples: [] }));
      const read = source.read();
      const samples = typeof read === 'number' ? [{ labels: {}, value: read }] : read;
      for (const sample of samples) {
        entry.samples.push({ labels: { [label]: value, ...sample.labels }, value: sample.value });
      }
    }
  }
  return [...merged.values()].map(({ source: { name, help, type }, samples }) => ({
    name,
    help,
    type: type === 'counter' ? 'counter' : 'gauge',
    read: () => samples,
  }));
}
