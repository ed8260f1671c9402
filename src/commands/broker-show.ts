import { stringify } from 'yaml';
import type { brokerShowSpec } from '../config/specs/broker-show.ts';
import { expectBroker } from '../membership/join.ts';
import type { MemberStatus } from '../membership/members.ts';
import { membersOf, readBroker } from '../membership/members.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { formatAge, formatTable } from './print-table.ts';

export const runBrokerShow: Run<typeof brokerShowSpec> = async (values, context) => {
  const { brokerNamespace, output } = values;
  using broker = await openCluster(values.kubeconfig, context);
  await expectBroker(broker.store, brokerNamespace);
  const members = membersOf(await readBroker(broker.store, brokerNamespace));
  context.stdout.write(formatMembers(members, output, systemClock.now()));
  return 'done';
};

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
        ['CLUSTER', 'JOINED', 'SERVICES', 'LAST SEEN', ...(isWide ? ['RECORDS', 'CLUSTER UID'] : [])],
        members.map(({ cluster, joined, services, lastSeen, records, clusterUid }) => [
          cluster,
          ago(joined, 'no identity'),
          String(services),
          ago(lastSeen, 'never'),
          ...(isWide ? [countsOf(records), clusterUid ?? '-'] : []),
        ]),
      );
    }
    default:
      return output satisfies never;
  }
}

const countsOf = (records: MemberStatus['records']): string =>
  Object.entries(records)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ') || 'none';
