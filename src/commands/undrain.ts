import type { undrainSpec } from '../config/specs/undrain.ts';
import { setDrain } from '../membership/drain.ts';
import { expectBroker } from '../membership/join.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';

export const runUndrain: Run<typeof undrainSpec> = async (values, context) => {
  const { cluster, brokerNamespace } = values;
  using broker = await openCluster(values.kubeconfig, context);
  await expectBroker(broker.store, brokerNamespace);
  const before = await setDrain(broker.store, brokerNamespace, cluster, undefined);
  context.stderr.write(
    before === undefined ? `"${cluster}" was not drained\n` : `"${cluster}" is in answers again\n`,
  );
  return 'done';
};
