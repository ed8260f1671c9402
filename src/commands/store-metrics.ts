import type { MetricSource } from '../observability/metric-source.ts';
import type { KubernetesCounters } from '../store/kubernetes.ts';

/** @param stores what the store is to this process, such as `member` → its counters */
export function storeMetrics(stores: Readonly<Record<string, KubernetesCounters>>): readonly MetricSource[] {
  const perStore = (value: (counters: KubernetesCounters) => number) => () =>
    Object.entries(stores).map(([store, counters]) => ({ labels: { store }, value: value(counters) }));
  return [
    {
      name: 'pharos_store_calls_total',
      help: 'Calls to API servers, watches left out.',
      type: 'counter',
      labels: ['store', 'verb', 'result'],
      read: () =>
        Object.entries(stores).flatMap(([store, { calls }]) =>
          Object.entries(calls).flatMap(([verb, { succeeded, failed }]) => [
            { labels: { store, verb, result: 'succeeded' }, value: succeeded },
            { labels: { store, verb, result: 'failed' }, value: failed },
          ]),
        ),
    },
    {
      name: 'pharos_store_lists_total',
      help: 'Complete lists that watches began with, or had to begin anew with.',
      type: 'counter',
      labels: ['store'],
      read: perStore(({ snapshots }) => snapshots),
    },
    {
      name: 'pharos_store_events_total',
      help: 'Changes that watches told.',
      type: 'counter',
      labels: ['store'],
      read: perStore(({ events }) => events),
    },
    {
      name: 'pharos_store_interruptions_total',
      help: 'How often watches lost sight of the API server.',
      type: 'counter',
      labels: ['store'],
      read: perStore(({ interruptions }) => interruptions),
    },
  ];
}
