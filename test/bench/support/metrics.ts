/** What a process tells at /metrics at one moment. */
export interface Metrics {
  /** Of all samples of the metric that have these labels. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** @param url of the process, as `PharosProcess.metricsUrl` */
export async function readMetrics(url: string): Promise<Metrics> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const samples = text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, labels: `,${labels},`, value: Number(value) }];
  });
  return {
    sum: (name, labels = {}) =>
      samples
        .filter((sample) => sample.name === name)
        .filter((sample) =>
          Object.entries(labels).every(([label, value]) => sample.labels.includes(`,${label}="${value}",`)),
        )
        .reduce((sum, { value }) => sum + value, 0),
  };
}
