import { DRAINED_NAME } from '../api/drained.ts';
import { Kinds } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import type { BrokerSight } from './sights.ts';

export interface WatchedBrokerOptions {
  readonly store: ObjectStore;
  /** Of the records. */
  readonly namespace: string;
  readonly clock: Clock;
  /** Told when the sight may have changed. Must not throw. */
  readonly onChange: () => void;
}

/** The broker's objects, as far as the page shows them, kept up to date. */
export class WatchedBroker {
  readonly #leases;
  readonly #records;
  readonly #drained;

  constructor({ store, namespace, clock, onChange }: WatchedBrokerOptions) {
    const ofMembers = { namespace, labelExists: [Label.sourceCluster] };
    this.#leases = new ObjectCache({ store, kind: Kinds.Lease, selector: ofMembers, clock });
    this.#records = new ObjectCache({ store, kind: Kinds.ServiceImport, selector: ofMembers, clock });
    const drained = { namespace, name: DRAINED_NAME };
    this.#drained = new ObjectCache({ store, kind: Kinds.ConfigMap, selector: drained, clock });
    for (const cache of this.#all) {
      cache.onChange(onChange);
      cache.onSight(onChange);
    }
  }

  /** Follows the broker until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((cache) => cache.run(signal)));
  }

  get sight(): BrokerSight {
    const lost = this.#leases.interruption ?? this.#records.interruption;
    const [drained] = this.#drained.values();
    return {
      leases: [...this.#leases.values()],
      records: [...this.#records.values()],
      drained,
      ...(lost !== undefined && {
        lostAt: lost.since,
        lost: `since ${new Date(lost.since).toISOString()}: ${lost.error.message}`,
      }),
    };
  }

  get #all() {
    return [this.#leases, this.#records, this.#drained] as const;
  }
}
