import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsMetrics } from '../../../src/dns/metrics.ts';
import type { MetricSource } from '../../../src/observability/metric-source.ts';
import { a, FakeSource, records, ZONE } from './support/fake-source.ts';
import { query, queryPath } from './support/messages.ts';

const source = new FakeSource((name) => (name === `a.${ZONE}` ? records([a(name, '192.0.2.1')]) : undefined));

const value = (metrics: readonly MetricSource[], name: string): unknown =>
  metrics.find((metric) => metric.name === `pharos_dns_${name}`)?.read();

test('what happened is what the metrics say', () => {
  const path = queryPath(source);
  const metrics = dnsMetrics(path);
  path.send(query());
  path.send(query());
  path.send(query({ name: 'nope.clusterset.local' }), 'tcp');
  path.send(Buffer.alloc(3));
  assert.deepEqual(value(metrics, 'queries_total'), [
    { labels: { transport: 'udp' }, value: 3 },
    { labels: { transport: 'tcp' }, value: 1 },
  ]);
  const responses = value(metrics, 'responses_total') as { labels: { rcode: string }; value: number }[];
  assert.deepEqual(
    responses.filter(({ value }) => value > 0),
    [
      { labels: { rcode: 'NOERROR' }, value: 2 },
      { labels: { rcode: 'NXDOMAIN' }, value: 1 },
    ],
  );
  const wanted = { cache_hits_total: 1, cache_misses_total: 2, cache_entries: 2, dropped_messages_total: 1 };
  for (const [name, number] of Object.entries(wanted)) assert.equal(value(metrics, name), number, name);
});

test('names follow the house rules', () => {
  const metrics = dnsMetrics(queryPath(source));
  for (const { name, help, type } of metrics) {
    assert.match(name, /^pharos_dns_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.ok(help.endsWith('.'), name);
  }
  assert.equal(new Set(metrics.map(({ name }) => name)).size, metrics.length);
});

test('samples have a value for each label, and histograms a count for each bucket', () => {
  for (const metric of dnsMetrics(queryPath(source))) {
    if (metric.type === 'histogram') {
      const { bounds, counts } = metric.read();
      assert.equal(counts.length, bounds.length + 1);
      assert.deepEqual(
        [...bounds].sort((x, y) => x - y),
        bounds,
      );
      continue;
    }
    const read = metric.read();
    for (const { labels } of typeof read === 'number' ? [] : read) {
      assert.deepEqual(Object.keys(labels), metric.labels, metric.name);
    }
  }
});
