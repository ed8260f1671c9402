import type { Lease } from '../api/objects.ts';
import { Label } from '../api/names.ts';
import type { Clock } from '../runtime/clock.ts';

interface Heard {
  /** By the other cluster's clock, milliseconds since 1970. */
  readonly renewed: number;
  /** By our own, monotonic. */
  readonly at: number;
}

/** When each cluster was heard of last, by our own clock: what the others' clocks show does not matter. */
export class Hearing {
  readonly #clock: Clock;
  readonly #heard = new Map<string, Heard>(); // cluster → its last sign of life
  #lostAt: number | undefined; // while the broker is out of sight

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A heartbeat as it stands on the broker, or none any more. */
  tell(cluster: string, lease: Lease | undefined): void {
    const renewed = Date.parse(lease?.spec.renewTime ?? '');
    if (Number.isNaN(renewed)) {
      this.#heard.delete(cluster);
      return;
    }
    const before = this.#heard.get(cluster);
    if (before?.renewed === renewed) return;
    const now = this.#clock.monotonic();
    // Of the first one all that is known is what it says itself.
    const at = before === undefined ? now - Math.max(0, this.#clock.now() - renewed) : now;
    this.#heard.set(cluster, { renewed, at });
  }

  /** Nothing can be heard from now on: the broker is out of sight. That is nobody's silence. */
  lost(): void {
    this.#lostAt ??= this.#clock.monotonic();
  }

  regained(): void {
    if (this.#lostAt === undefined) return;
    const deafMs = this.#clock.monotonic() - this.#lostAt;
    this.#lostAt = undefined;
    for (const [cluster, heard] of this.#heard) this.#heard.set(cluster, { ...heard, at: heard.at + deafMs });
  }

  /** For how long nothing was heard of the cluster; undefined where it never was. */
  silentMs(cluster: string): number | undefined {
    const heard = this.#heard.get(cluster);
    return heard && Math.max(0, (this.#lostAt ?? this.#clock.monotonic()) - heard.at);
  }
}

export const clusterOfLease = (lease: Lease | undefined): string | undefined =>
  lease?.metadata.labels?.[Label.sourceCluster];
