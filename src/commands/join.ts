import { userPath } from '../config/environment.ts';
import type { joinSpec } from '../config/specs/join.ts';
import { clusterIdOf } from '../membership/cluster-id.ts';
import { shippedDefinitions } from '../membership/definitions.ts';
import { join, planJoin } from '../membership/join.ts';
import { manifestsYaml } from '../membership/yaml.ts';
import { systemClock } from '../runtime/clock.ts';
import { loadKubeAddress } from '../store/kube-address.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

export const runJoin: Run<typeof joinSpec> = async (values, context) => {
  const { brokerKubeconfig, brokerNamespace, brokerServer, dryRun } = values;
  const { environment, stdout, stderr } = context;
  if (brokerKubeconfig === undefined) {
    throw new UserError('--broker-kubeconfig FILE is missing; name it even where the broker is this cluster');
  }
  const kept = await loadKubeAddress(userPath(environment, brokerKubeconfig));
  const address = brokerServer === undefined ? kept : { ...kept, server: brokerServer };
  using member = await openCluster(values.kubeconfig, context);
  using broker = await openCluster(brokerKubeconfig, context);
  const cluster = await clusterIdOf(member.store, values.clusterId);
  const request = { cluster, brokerNamespace, address };
  const deps = {
    broker: broker.store,
    member: member.store,
    definitions: await shippedDefinitions(),
    clock: systemClock,
  };
  if (dryRun) {
    const plan = await planJoin(deps, request);
    stdout.write(manifestsYaml(`On the broker, ${broker.store.location}`, plan.brokerManifests));
    stdout.write('---\n');
    stdout.write(
      manifestsYaml(
        `In the member, ${member.store.location}; and Secret pharos-system/pharos-broker with the address ` +
          `${address.server} and a token that the broker issues then`,
        plan.memberManifests,
      ),
    );
    return 'done';
  }
  const { token, credentials } = await join(deps, request);
  if (isLoopback(address.server)) {
    stderr.write(
      `warning: ${address.server} reaches the broker only on the broker's own host; if the members' pods run ` +
        'elsewhere, join again with --broker-server URL\n',
    );
  }
  stderr.write(
    `${member.store.location} is member "${cluster}" of ${address.server}, namespace ${brokerNamespace}; its token ` +
      `${token === 'kept' ? 'is still good' : 'was issued now'}, ends ${new Date(credentials.expiresAt).toISOString()} ` +
      'and is renewed before. See all members: pharos broker show\n',
  );
  return 'done';
};

function isLoopback(server: string): boolean {
  const { hostname } = new URL(server);
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
