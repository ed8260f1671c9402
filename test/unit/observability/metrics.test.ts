import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricSource } from '../../../src/observability/metric-source.ts';
import { createMetrics, labelled } from '../../../src/observability/metrics.ts';

const queries = (count: () => number): MetricSource => ({
  name: 'pharos_test_queries_total',
  help: 'Queries.',
  type: 'counter',
  labels: ['transport'],
  read: () => [{ labels: { transport: 'udp' }, value: count() }],
});

const linesOf = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.includes(name));

test('a scrape shows the numbers of its moment', async () => {
  let count = 1;
  const metrics = createMetrics(() => [queries(() => count)]);
  await metrics.render();
  count = 2;
  assert.deepEqual(linesOf(await metrics.render(), 'pharos_test'), [
    '# HELP pharos_test_queries_total Queries.',
    '# TYPE pharos_test_queries_total counter',
    'pharos_test_queries_total{transport="udp"} 2',
  ]);
});

test('a histogram counts upwards from bucket to bucket', async () => {
  const metrics = createMetrics(() => [
    {
      name: 'pharos_test_seconds',
      help: 'Time.',
      type: 'histogram',
      read: () => ({ bounds: [0.1, 1], counts: Float64Array.of(3, 2, 1), sum: 7.5 }),
    },
  ]);
  assert.deepEqual(linesOf(await metrics.render(), 'pharos_test_seconds').slice(2), [
    'pharos_test_seconds_bucket{le="0.1"} 3',
    'pharos_test_seconds_bucket{le="1"} 5',
    'pharos_test_seconds_bucket{le="+Inf"} 6',
    'pharos_test_seconds_sum 7.5',
    'pharos_test_seconds_count 6',
  ]);
});

test('like parts share one metric and keep their own labels', async () => {
  const size: MetricSource = { name: 'pharos_test_size', help: 'Size.', type: 'gauge', read: () => 4 };
  const parts = new Map([
    ['west', [queries(() => 1), size]],
    ['east', [queries(() => 2)]],
  ]);
  const text = await createMetrics(() => labelled('cluster', parts)).render();
  assert.deepEqual(
    linesOf(text, 'pharos_test').filter((line) => !line.startsWith('#')),
    [
      'pharos_test_queries_total{cluster="west",transport="udp"} 1',
      'pharos_test_queries_total{cluster="east",transport="udp"} 2',
      'pharos_test_size{cluster="west"} 4',
    ],
  );
});

test("the process's own metrics are there too", async () => {
  assert.match(await createMetrics(() => []).render(), /^process_resident_memory_bytes \d+$/m);
});
