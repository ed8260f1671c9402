import { stringify } from 'yaml';
import type { MemberStatus } from '../membership/members.ts';
import { formatAge, formatTable } from './print-table.ts';

/** @param now milliseconds since 1970 */
export function formatMembers(
  members: readonly MemberStatus[],
  output: 'table' | 'wide' | 'json' | 'yaml',
  now: number,
): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify(members, undefined, 2)}\n`;
    case 'yaml':
      return stringify(members);
    case 'table':
    case 'wide': {
      const isWide = output === 'wide';
      const ago = (time: string | undefined, otherwise: string): string =>
        time === undefined ? otherwise : `${formatAge(now - Date.parse(time))} ago`;
      return formatTable(
        [
          'CLUSTER',
          'STATE',
          'LAST SEEN',
          'SERVICES',
          'JOINED',
          'DRAINED',
          ...(isWide ? ['VERSION', 'RECORDS', 'CLUSTER UID'] : []),
        ],
        members.map(
          ({ cluster, state, joined, services, lastSeen, drained, version, records, clusterUid }) => [
            cluster,
            state,
            ago(lastSeen, 'never'),
            String(services),
            ago(joined, '-'),
            drained === undefined
              ? '-'
              : `by ${drained.by}, ${drainedAgo(drained.at, now)}${drained.why === undefined ? '' : `: ${drained.why}`}`,
            ...(isWide ? [version ?? '-', countsOf(records), clusterUid ?? '-'] : []),
          ],
        ),
      );
    }
    default:
      return output satisfies never;
  }
}

const drainedAgo = (at: string, now: number): string =>
  Number.isNaN(Date.parse(at)) ? at : `${formatAge(now - Date.parse(at))} ago`;

const countsOf = (records: MemberStatus['records']): string =>
  Object.entries(records)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ') || 'none';
