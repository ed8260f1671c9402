import { aggregate, type View } from './aggregate.ts';
import { filtered, type ImportFilters } from './import-filters.ts';
import type { Refused } from './reading.ts';
import type { ExportRecord } from './record.ts';

/** Who looks at a service's exports, and what he lets in. */
export interface Perspective {
  readonly cluster: string;
  readonly filters: ImportFilters;
  /** Whether a cluster is silent for so long that what it exports no longer counts. */
  readonly isExpired: (cluster: string) => boolean;
}

/** What a cluster sees of a service. */
export interface Seen {
  /** Of what is let in; undefined where nothing is. */
  readonly view: View | undefined;
  /** As it would be without filters. */
  readonly all: View | undefined;
  /** cluster → why it is not let in */
  readonly refused: ReadonlyMap<string, Refused>;
}

const EXPIRED: Refused = { refusal: 'expired', why: 'its cluster is silent for longer than --expire-after' };

/** What is exported to a cluster and let in there. Its own exports it never refuses. Pure. */
export function seenBy({ cluster, filters, isExpired }: Perspective, exports: readonly ExportRecord[]): Seen {
  const visible = exports.filter(({ toClusters }) => toClusters?.includes(cluster) ?? true);
  const refused = new Map<string, Refused>();
  for (const record of visible) {
    if (record.cluster === cluster) continue;
    const problem = filtered(filters, record) ?? (isExpired(record.cluster) ? EXPIRED : undefined);
    if (problem !== undefined) refused.set(record.cluster, problem);
  }
  return {
    view: aggregate(visible.filter((record) => !refused.has(record.cluster))),
    all: aggregate(visible),
    refused,
  };
}
