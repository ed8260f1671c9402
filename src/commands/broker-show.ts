import type { brokerShowSpec } from '../config/specs/broker-show.ts';
import { expectBroker } from '../membership/join.ts';
import { membersOf, readBroker } from '../membership/members.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { formatRows } from './listing.ts';
import { membersListing } from './members-listing.ts';
import { openCluster } from './open-cluster.ts';

export const runBrokerShow: Run<typeof brokerShowSpec> = async (values, context) => {
  const { brokerNamespace, output } = values;
  using broker = await openCluster(values.kubeconfig, context);
  await expectBroker(broker.store, brokerNamespace);
  const now = systemClock.now();
  const members = membersOf(await readBroker(broker.store, brokerNamespace), now);
  context.stdout.write(formatRows(membersListing, members, output, now));
  return 'done';
};
