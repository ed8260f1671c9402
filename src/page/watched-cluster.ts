import { DRAINED_REF } from '../api/drained.ts';
import { type Kind, Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore, Selector } from '../store/store.ts';
import type { ClusterSight } from './sights.ts';

export interface WatchedClusterOptions {
  readonly id: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** Told when the sight may have changed. Must not throw. */
  readonly onChange: () => void;
}

/** A member cluster's objects, as far as the page shows them, kept up to date. */
export class WatchedCluster {
  readonly id: string;
  readonly #imports;
  readonly #slices;
  readonly #exports;
  readonly #gateways;
  readonly #records;
  readonly #drained;

  constructor({ id, store, clock, onChange }: WatchedClusterOptions) {
    this.id = id;
    const cache = <T extends KubeObject>(kind: Kind<T>, selector?: Selector): ObjectCache<T> => {
      const made = new ObjectCache<T>({ store, kind, clock, ...(selector && { selector }) });
      made.onChange(onChange);
      made.onSight(onChange);
      return made;
    };
    this.#imports = cache(Kinds.ServiceImport);
    this.#slices = cache(Kinds.EndpointSlice);
    this.#exports = cache(Kinds.ServiceExport);
    this.#gateways = cache(Kinds.Gateway);
    this.#records = cache(Kinds.Cluster, { namespace: SYSTEM_NAMESPACE });
    this.#drained = cache(Kinds.ConfigMap, DRAINED_REF);
  }

  /** Follows the store until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const all = [...this.#needed, this.#gateways, this.#records, this.#drained];
    await Promise.all(all.map((cache) => cache.run(signal)));
  }

  /** Resolves when all that services are made of has been listed. */
  async synced(): Promise<void> {
    await Promise.all(this.#needed.map((cache) => cache.synced));
  }

  get sight(): ClusterSight {
    // Gateways and what others say of themselves need not be there, nor need they be ours to read.
    const lost = this.#needed.find(({ interruption }) => interruption !== undefined)?.interruption;
    const [drained] = this.#drained.values();
    return {
      id: this.id,
      imports: [...this.#imports.values()],
      slices: [...this.#slices.values()],
      exports: [...this.#exports.values()],
      gateways: [...this.#gateways.values()],
      records: [...this.#records.values()],
      drained,
      ...(lost !== undefined && {
        lost: `out of sight since ${new Date(lost.since).toISOString()}: ${lost.error.message}`,
      }),
    };
  }

  get #needed() {
    return [this.#imports, this.#slices, this.#exports] as const;
  }
}
