/** Keeps a zone equal to what a store says. */
import { DRAINED_REF, drainText, parseDrained } from '../api/drained.ts';
import { Kinds } from '../api/kinds.ts';
import type { ConfigMap } from '../api/administration.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore, WatchEvent } from '../store/store.ts';
import { SLICES_OF_ZONE } from '../zone/source.ts';
import type { Zone } from '../zone/zone.ts';
import { followGateways } from './follow-gateways.ts';
import type { Propagation } from './propagation.ts';

export interface FeedOptions {
  readonly store: Pick<ObjectStore, 'watch'>;
  readonly zone: Zone;
  readonly clock: Clock;
  readonly log: Log;
  /** Seconds out of sight of the store after which answers say that they are stale. */
  readonly staleAfter: number;
  /** Whether the cluster's Gateway objects say which clusters can be reached; else all can. */
  readonly gateways: boolean;
  /** Told when the zone answers with what has changed. */
  readonly propagation?: Propagation;
}

/** Follows the store until `signal` aborts; then, and only then, it resolves. */
export async function feedZone(options: FeedOptions, signal: AbortSignal): Promise<void> {
  const { store, zone, gateways, propagation } = options;
  const sight = new Sight(options);
  const watches = [
    store.watch(
      Kinds.ServiceImport,
      {},
      sight.watching('serviceimports', (event) => {
        if (event.type === 'snapshot') zone.replaceImports(event.objects);
        else if (event.type === 'set') zone.setImport(event.object);
        else zone.removeImport(event.object);
      }),
      signal,
    ),
    store.watch(
      Kinds.EndpointSlice,
      SLICES_OF_ZONE,
      sight.watching('endpointslices', (event) => {
        if (event.type === 'snapshot')
          zone.replaceSlices(propagation?.listed(event.objects) ?? event.objects);
        else if (event.type === 'set') zone.setSlice(event.object);
        else zone.removeSlice(event.object);
        if (event.type !== 'snapshot') propagation?.answered(event);
      }),
      signal,
    ),
  ];
  watches.push(followDrains(options, signal));
  if (gateways) watches.push(followGateways(options, signal));
  await Promise.all(watches);
  sight.close();
}

type Change<T extends KubeObject> = Exclude<WatchEvent<T>, { type: 'interrupted' | 'live' }>;

/** Knows since when any of the watches has been out of sight of the store. */
class Sight {
  readonly #options: FeedOptions;
  readonly #lost = new Set<string>(); // plural names of the kinds that are out of sight
  #cancel = (): void => {};

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  watching<T extends KubeObject>(
    kind: string,
    onChange: (event: Change<T>) => void,
  ): (event: WatchEvent<T>) => void {
    const { log } = this.#options;
    return (event) => {
      if (event.type === 'interrupted') {
        log.warn({ kind, err: event.error }, 'The store is out of sight; what is known stays in force');
        this.#lose(kind);
      } else if (event.type === 'live') {
        log.info({ kind }, 'The store is in sight again');
        this.#regain(kind);
      } else {
        onChange(event);
      }
    };
  }

  close(): void {
    this.#cancel();
  }

  #lose(kind: string): void {
    const isFirst = this.#lost.size === 0;
    this.#lost.add(kind);
    if (!isFirst) return;
    const { clock, zone, staleAfter } = this.#options;
    const since = new Date(clock.now()).toISOString();
    this.#cancel = clock.after(staleAfter * 1000, () => zone.setStale(since));
  }

  #regain(kind: string): void {
    this.#lost.delete(kind);
    if (this.#lost.size > 0) return;
    this.#cancel();
    this.#options.zone.setStale(undefined);
  }
}

/** What is not there, or must not be read, drains nothing; out of sight, what was known stays in force. */
function followDrains({ store, zone, log }: FeedOptions, signal: AbortSignal): Promise<void> {
  return store.watch(
    Kinds.ConfigMap,
    DRAINED_REF,
    (event) => {
      switch (event.type) {
        case 'snapshot':
          return setDrained(zone, [...event.objects][0]);
        case 'set':
          return setDrained(zone, event.object);
        case 'removed':
          return setDrained(zone, undefined);
        case 'interrupted':
          if (event.error.code !== 'forbidden') return;
          log.warn(
            { err: event.error },
            'Which clusters are drained must not be read; none counts as drained',
          );
          return;
        case 'live':
          return;
        default:
          event satisfies never;
      }
    },
    signal,
  );
}

const setDrained = (zone: Zone, object: ConfigMap | undefined): void => zone.setDrained(drainsIn(object));

/** cluster → who drained it, in words */
export const drainsIn = (object: ConfigMap | undefined): ReadonlyMap<string, string> =>
  new Map([...parseDrained(object)].map(([cluster, drain]) => [cluster, drainText(drain)]));
