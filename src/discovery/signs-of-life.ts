import { Kinds } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { Lease } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import { ClockSkew } from './clock-skew.ts';
import { Expiry } from './expiry.ts';
import { clusterOfLease, Hearing } from './hearing.ts';

interface SignsOfLifeOptions {
  /** This one. */
  readonly cluster: string;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  /** For so long a cluster may be silent before it is given up; absent = for good. */
  readonly expireAfterMs?: number;
  /** Told of clusters that are given up, or came back. */
  readonly onExpiry: (cluster: string) => void;
  readonly clock: Clock;
}

/** What the heartbeats of the clusters on the broker say: who is silent, for how long, and how far clocks differ. */
export class SignsOfLife {
  readonly skew: ClockSkew;
  readonly #leases: ObjectCache<Lease>;
  readonly #hearing: Hearing;
  readonly #expiry: Expiry | undefined;

  constructor({ cluster, broker, brokerNamespace, expireAfterMs, onExpiry, clock }: SignsOfLifeOptions) {
    this.skew = new ClockSkew(cluster);
    this.#hearing = new Hearing(clock);
    this.#expiry =
      expireAfterMs === undefined
        ? undefined
        : new Expiry({
            afterMs: expireAfterMs,
            silentMs: (id) => this.silentMs(id),
            onChange: onExpiry,
            clock,
          });
    const selector = { namespace: brokerNamespace, labelExists: [Label.sourceCluster] };
    this.#leases = new ObjectCache({ store: broker, clock, kind: Kinds.Lease, selector });
    this.#leases.onChange((_key, before, after) => {
      const from = clusterOfLease(after ?? before);
      if (from === undefined) return;
      this.#hearing.tell(from, after);
      if (after === undefined) this.skew.forget(from);
      else if (before !== undefined) this.skew.heard(from, after, clock.now());
    });
    void this.#leases.synced.then(() => this.#expiry?.begin());
    this.#leases.onSight((inSight) => {
      if (!inSight) return this.#hearing.lost();
      this.#hearing.regained();
      this.#expiry?.begin();
    });
  }

  /** For how long nothing was heard of the cluster; undefined where it never was. */
  silentMs(cluster: string): number | undefined {
    return this.#hearing.silentMs(cluster);
  }

  /** Whether it is given up. @param isImported whether what it exports stands here now */
  isExpired(cluster: string, isImported: boolean): boolean {
    return this.#expiry?.isExpired(cluster, isImported) ?? false;
  }

  /** Until `signal` aborts. @param clusters who has records */
  async run(clusters: () => Iterable<string>, signal: AbortSignal): Promise<void> {
    await Promise.all([this.#leases.run(signal), this.#expiry?.run(clusters, signal)]);
  }
}
