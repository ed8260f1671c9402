/**
 * How far the other clusters' clocks are from this one's, from the heartbeats that all send anyway: each says
 * how long the others' took to it, by the two clocks. Half of the difference of the two ways is what the clocks
 * differ by, as NTP has it (RFC 5905, section 8). Pure.
 */
import { Annotation } from '../api/names.ts';
import type { Lease } from '../api/objects.ts';

/** Of the latest so many heartbeats the quickest counts: it waited the least anywhere. */
const REMEMBERED = 12;

export class ClockSkew {
  readonly #cluster: string;
  readonly #delays = new Map<string, number[]>(); // cluster → how long its latest heartbeats took to here, in ms
  readonly #theirs = new Map<string, number>(); // cluster → how long ours take to it, as it says, in ms

  /** @param cluster this one */
  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /**
   * A heartbeat that has come this moment; one that stood there before says nothing.
   *
   * @param now milliseconds since 1970 by this cluster's clock
   */
  heard(cluster: string, lease: Lease, now: number): void {
    const sent = Date.parse(lease.spec.renewTime ?? '');
    if (cluster === this.#cluster || Number.isNaN(sent)) return;
    const delays = this.#delays.get(cluster) ?? [];
    if (delays.length === 0) this.#delays.set(cluster, delays);
    delays.push(now - sent);
    if (delays.length > REMEMBERED) delays.shift();
    const ours = delayIn(lease.metadata.annotations?.[Annotation.heard], this.#cluster);
    if (ours === undefined) this.#theirs.delete(cluster);
    else this.#theirs.set(cluster, ours);
  }

  /** The cluster is gone. */
  forget(cluster: string): void {
    this.#delays.delete(cluster);
    this.#theirs.delete(cluster);
  }

  /** What to tell the others: JSON object, cluster → milliseconds; undefined where nothing was heard yet. */
  get delays(): string | undefined {
    if (this.#delays.size === 0) return undefined;
    return JSON.stringify(
      Object.fromEntries([...this.#delays].map(([id, delays]) => [id, Math.min(...delays)])),
    );
  }

  /** Milliseconds by which this cluster's clock is ahead of the other's; undefined until both have told. */
  aheadOf(cluster: string): number | undefined {
    const [delays, theirs] = [this.#delays.get(cluster), this.#theirs.get(cluster)];
    return delays === undefined || theirs === undefined ? undefined : (Math.min(...delays) - theirs) / 2;
  }
}

/** What somebody else says how long the heartbeats of `cluster` take to it, in milliseconds. */
function delayIn(text = '', cluster: string): number | undefined {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return undefined;
  }
  const delay = (given as Partial<Record<string, unknown>> | null)?.[cluster];
  return typeof delay === 'number' && Number.isFinite(delay) ? delay : undefined;
}
