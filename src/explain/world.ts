/** All that an explanation is made of, at one moment. Whoever calls `explain()` has read it. */
import type { Standing } from '../zone/service.ts';
import type { Zone } from '../zone/zone.ts';
import type { Background } from './background.ts';
import type { WayStation } from './caches.ts';

export type ExplainedZone = Pick<
  Zone,
  'answer' | 'service' | 'services' | 'hasNamespace' | 'origins' | 'synced' | 'staleSince' | 'rejected'
>;

export interface StandingSince {
  readonly is: Standing['is'];
  readonly at: string;
}

export interface World {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The cluster whose server answers; undefined for one outside all clusters. */
  readonly cluster: string | undefined;
  /** What that server answers from. */
  readonly zone: ExplainedZone;
  /** cluster → since when (RFC 3339) it stands so in the service that is asked for, where that is known */
  readonly standingSince: ReadonlyMap<string, StandingSince>;
  /** The objects behind the service that is asked for; undefined where they were not read, or it is asked for none. */
  readonly background?: Background;
  /** The servers between a client and the one that answers; undefined where they are not known. */
  readonly way: readonly WayStation[] | undefined;
  /** What could not be read, and why. */
  readonly unknown: readonly string[];
}
