import { hostname } from 'node:os';
import type { drainSpec } from '../config/specs/drain.ts';
import { setDrain } from '../membership/drain.ts';
import { expectBroker } from '../membership/join.ts';
import { membersOf, readBroker } from '../membership/members.ts';
import { nearest } from '../config/nearest.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

export const runDrain: Run<typeof drainSpec> = async (values, context) => {
  const { cluster, brokerNamespace, reason } = values;
  using broker = await openCluster(values.kubeconfig, context);
  await expectBroker(broker.store, brokerNamespace);
  const now = systemClock.now();
  const members = membersOf(await readBroker(broker.store, brokerNamespace), now).map((each) => each.cluster);
  if (!members.includes(cluster)) {
    const meant = nearest(cluster, members);
    throw new UserError(
      `${broker.store.location} has no member "${cluster}"${meant === undefined ? '' : `; did you mean "${meant}"?`}; ` +
        `its members: ${members.join(', ') || 'none'}`,
    );
  }
  const { USER: user = 'somebody' } = context.environment.variables;
  await setDrain(broker.store, brokerNamespace, cluster, {
    by: `${user}@${hostname()}`,
    at: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
    ...(reason !== undefined && { why: reason }),
  });
  context.stderr.write(
    `"${cluster}" is drained: no member answers with it until "pharos undrain ${cluster}". Existing connections stay\n`,
  );
  return 'done';
};
