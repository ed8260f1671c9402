import { nearest } from '../config/nearest.ts';
import type { brokerRemoveClusterSpec } from '../config/specs/broker-remove-cluster.ts';
import { setDrain } from '../membership/drain.ts';
import { expectBroker } from '../membership/join.ts';
import { membersOf, readBroker } from '../membership/members.ts';
import { removeMember } from '../membership/remove-member.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

export const runBrokerRemoveCluster: Run<typeof brokerRemoveClusterSpec> = async (values, context) => {
  const { id, brokerNamespace } = values;
  using broker = await openCluster(values.kubeconfig, context);
  const { location } = broker.store;
  await expectBroker(broker.store, brokerNamespace);
  const removed = await removeMember(broker.store, brokerNamespace, id);
  await setDrain(broker.store, brokerNamespace, id, undefined);
  if (removed === 0) {
    const names = membersOf(await readBroker(broker.store, brokerNamespace), systemClock.now()).map(
      ({ cluster }) => cluster,
    );
    const meant = nearest(id, names);
    throw new UserError(
      `${location} has no member "${id}"${meant === undefined ? '' : `; did you mean "${meant}"?`}; ` +
        `its members: ${names.join(', ') || 'none'}`,
    );
  }
  context.stderr.write(
    `"${id}" is no member of ${location} any more: ${removed} objects removed, its token is void. ` +
      'If the cluster still lives, run "pharos leave" there\n',
  );
  return 'done';
};
