import type { brokerDeploySpec } from '../config/specs/broker-deploy.ts';
import { shippedDefinitions } from '../membership/definitions.ts';
import { deployBroker, planBroker } from '../membership/deploy.ts';
import { manifestsYaml } from '../membership/yaml.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';

export const runBrokerDeploy: Run<typeof brokerDeploySpec> = async (values, context) => {
  const { brokerNamespace, dryRun } = values;
  const { stdout, stderr } = context;
  using broker = await openCluster(values.kubeconfig, context);
  const { location } = broker.store;
  const definitions = await shippedDefinitions();
  if (dryRun) {
    const manifests = await planBroker(broker.store, brokerNamespace, definitions);
    stdout.write(manifestsYaml(`On the broker, ${location}`, manifests));
    return 'done';
  }
  await deployBroker(broker.store, brokerNamespace, definitions, systemClock);
  stderr.write(
    `${location} is a broker, namespace ${brokerNamespace}. Next, for each cluster: pharos join --cluster-id ID ` +
      '--kubeconfig FILE --broker-kubeconfig FILE\n',
  );
  return 'done';
};
