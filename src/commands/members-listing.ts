import type { MemberStatus } from '../membership/members.ts';
import { ago } from './ago.ts';
import type { Listing } from './listing.ts';

/** `show clusters`, `broker show`: a line per member. */
export const membersListing: Listing<MemberStatus> = {
  nameOf: ({ cluster }) => cluster,
  none: 'The broker has no member; "pharos join" makes a cluster one',
  newsOf: (member) => ({ ...member, lastSeen: undefined }),
  columns: [
    { heading: 'CLUSTER', text: ({ cluster }) => cluster },
    { heading: 'STATE', text: ({ state }) => state },
    { heading: 'LAST SEEN', text: ({ lastSeen }, now) => ago(lastSeen, now, 'never') },
    { heading: 'SERVICES', text: ({ services }) => String(services) },
    { heading: 'JOINED', text: ({ joined }, now) => ago(joined, now) },
    {
      heading: 'DRAINED',
      text: ({ drained }, now) =>
        drained === undefined
          ? '-'
          : `by ${drained.by}, ${ago(drained.at, now)}${drained.why === undefined ? '' : `: ${drained.why}`}`,
    },
    { heading: 'VERSION', wide: true, text: ({ version }) => version ?? '-' },
    { heading: 'RECORDS', wide: true, text: ({ records }) => countsOf(records) },
    { heading: 'CLUSTER UID', wide: true, text: ({ clusterUid }) => clusterUid ?? '-' },
  ],
};

const countsOf = (records: MemberStatus['records']): string =>
  Object.entries(records)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ') || 'none';
