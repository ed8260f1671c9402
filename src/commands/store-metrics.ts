import type { MetricSource } from '../observability/metric-source.ts';
import type { KubernetesStore } from '../store/kubernetes.ts';

/** What is asked of a store. */
type Metered = Pick<KubernetesStore, 'counters' | 'pace'>;

/** @param stores what the store is to this process, such as `member` → it */
export function storeMetrics(stores: Readonly<Record<string, Metered>>): readonly MetricSource[] {
  const perStore = (value: (store: Metered) => number) => () =>
    Object.entries(stores).map(([store, metered]) => ({ labels: { store }, value: value(metered) }));
  return [
    {
      name: 'pharos_store_calls_total',
      help: 'Calls to API servers, watches left out.',
      type: 'counter',
      labels: ['store', 'verb', 'result'],
      read: () =>
        Object.entries(stores).flatMap(([store, { counters }]) =>
          Object.entries(counters.calls).flatMap(([verb, { succeeded, failed }]) => [
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
      read: perStore(({ counters }) => counters.snapshots),
    },
    {
      name: 'pharos_store_events_total',
      help: 'Changes that watches told.',
      type: 'counter',
      labels: ['store'],
      read: perStore(({ counters }) => counters.events),
    },
    {
      name: 'pharos_store_interruptions_total',
      help: 'How often watches lost sight of the API server.',
      type: 'counter',
      labels: ['store'],
      read: perStore(({ counters }) => counters.interruptions),
    },
    {
      name: 'pharos_store_calls_allowed',
      help: 'Calls that may be under way at once: fewer when the API server refuses for having too much to do, or is slow.',
      type: 'gauge',
      labels: ['store'],
      read: perStore(({ pace }) => pace.allowed),
    },
    {
      name: 'pharos_store_calls_under_way',
      help: 'Calls that are under way.',
      type: 'gauge',
      labels: ['store'],
      read: perStore(({ pace }) => pace.underWay),
    },
    {
      name: 'pharos_store_calls_waiting',
      help: 'Calls that wait for their turn.',
      type: 'gauge',
      labels: ['store'],
      read: perStore(({ pace }) => pace.waiting),
    },
    {
      name: 'pharos_store_calls_waited_seconds_total',
      help: 'How long calls have waited for their turn, all in all.',
      type: 'counter',
      labels: ['store'],
      read: perStore(({ pace }) => pace.counters.waitedMs / 1000),
    },
    {
      name: 'pharos_store_overloads_total',
      help: 'Calls that an API server refused for having too much to do.',
      type: 'counter',
      labels: ['store'],
      read: perStore(({ pace }) => pace.counters.overloads),
    },
  ];
}
