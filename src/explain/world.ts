/** All that an explanation is made of, at one moment. Whoever calls `explain()` has read it. */
import type { Zone } from '../zone/zone.ts';

export type ExplainedZone = Pick<
  Zone,
  'answer' | 'service' | 'services' | 'hasNamespace' | 'origins' | 'synced' | 'staleSince' | 'rejected'
>;

export interface World {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The cluster whose server answers; undefined for one outside all clusters. */
  readonly cluster: string | undefined;
  /** What that server answers from. */
  readonly zone: ExplainedZone;
  /** cluster → RFC 3339 time since which it cannot be reached, where that is known */
  readonly unreachableSince: ReadonlyMap<string, string>;
  /** What could not be read, and why. */
  readonly unknown: readonly string[];
}
