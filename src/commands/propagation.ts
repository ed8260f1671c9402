import { keyOf } from '../api/kinds.ts';
import type { EndpointSlice } from '../api/objects.ts';
import { stampOf } from '../discovery/news.ts';
import type { MetricSource } from '../observability/metric-source.ts';
import type { Clock } from '../runtime/clock.ts';
import type { WatchEvent } from '../store/store.ts';

/** Seconds. Around what is owed: 60 ms for half of all changes, 200 ms for nearly all, 1 s under load. */
const BOUNDS = [
  0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600,
];
/** Who says more, by mistake or not, does not spoil the sum. */
const MAX_SECONDS = 86_400;

/**
 * How long changes in other clusters take until this server answers with them. The agent that wrote a slice
 * here has put the time at which the other cluster's agent learned of the change into this cluster's time.
 */
export class Propagation {
  readonly counts = new Float64Array(BOUNDS.length + 1);
  sum = 0;
  readonly #clock: Clock;
  readonly #stamps = new Map<string, number>(); // slice → when it changed, as it said last

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a list tells, as it passes: it may have been there for long and is not measured. */
  *listed(slices: Iterable<EndpointSlice>): Generator<EndpointSlice> {
    this.#stamps.clear();
    for (const slice of slices) {
      this.#remember(slice);
      yield slice;
    }
  }

  /** The zone has just taken this in. */
  answered(event: Extract<WatchEvent<EndpointSlice>, { type: 'set' | 'removed' }>): void {
    switch (event.type) {
      case 'removed':
        this.#stamps.delete(keyOf(event.object));
        return;
      case 'set':
        if (this.#remember(event.object)) this.#observe(event.object);
        return;
      default:
        event satisfies never;
    }
  }

  /** @returns whether it has changed since it was seen last */
  #remember(slice: EndpointSlice): boolean {
    const [key, stamp] = [keyOf(slice), stampOf(slice)];
    const isNews = stamp !== undefined && stamp !== this.#stamps.get(key);
    if (stamp === undefined) this.#stamps.delete(key);
    else this.#stamps.set(key, stamp);
    return isNews;
  }

  #observe(slice: EndpointSlice): void {
    // Clocks are compared to a few milliseconds: what is quicker than that may seem to arrive before it left.
    const seconds = Math.max(0, this.#clock.now() - (stampOf(slice) ?? 0)) / 1000;
    if (seconds > MAX_SECONDS) return;
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    const at = bucket < 0 ? BOUNDS.length : bucket;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += seconds;
  }
}

export const propagationMetric = (propagation: Propagation): MetricSource => ({
  name: 'pharos_propagation_seconds',
  help:
    "Time from when another cluster's agent learned that an exported service's endpoints changed to when this " +
    'server answers with them; the clocks of the two clusters are made equal by their heartbeats, and what cannot ' +
    'be timed so, as in the first half minute of an agent, is not counted.',
  type: 'histogram',
  read: () => ({ bounds: BOUNDS, counts: propagation.counts, sum: propagation.sum }),
});
