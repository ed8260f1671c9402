import type { Clock } from '../runtime/clock.ts';

/** Several heartbeats: who lives has been heard of by then. */
const GRACE_MS = 60_000;
const LOOK_EVERY_MS = 5000;

export interface ExpiryOptions {
  /** For so long a cluster may be silent. */
  readonly afterMs: number;
  /** For how long it is; undefined where it never was heard of, which is no reason to give it up. */
  readonly silentMs: (cluster: string) => number | undefined;
  /** Told of clusters that expired or came back. */
  readonly onChange: (cluster: string) => void;
  readonly clock: Clock;
}

/**
 * Which clusters are silent for too long (`--expire-after`). In the first minute after heartbeats are
 * followed nobody is given up who was not before: when the broker comes back all look silent.
 */
export class Expiry {
  readonly #options: ExpiryOptions;
  readonly #expired = new Set<string>();
  #since: number | undefined; // when heartbeats were first followed, monotonic

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** @param isImported whether what it exports stands here now */
  isExpired(cluster: string, isImported: boolean): boolean {
    if (!this.#isSilent(cluster)) return false;
    return this.#isInGrace ? !isImported : true;
  }

  /** Heartbeats are followed from now on, for the first time or again. */
  begin(): void {
    this.#since = this.#options.clock.monotonic();
  }

  /** Looks again and again until `signal` aborts; @param clusters who has records */
  async run(clusters: () => Iterable<string>, signal: AbortSignal): Promise<void> {
    const { clock, onChange } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      if (this.#isInGrace) continue;
      for (const cluster of new Set([...clusters(), ...this.#expired])) {
        const isSilent = this.#isSilent(cluster);
        if (isSilent === this.#expired.has(cluster)) continue;
        if (isSilent) this.#expired.add(cluster);
        else this.#expired.delete(cluster);
        onChange(cluster);
      }
    }
  }

  get #isInGrace(): boolean {
    return this.#since === undefined || this.#options.clock.monotonic() - this.#since < GRACE_MS;
  }

  #isSilent(cluster: string): boolean {
    const silentMs = this.#options.silentMs(cluster);
    return silentMs !== undefined && silentMs > this.#options.afterMs;
  }
}
