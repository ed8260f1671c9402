import assert from 'node:assert/strict';
import type { ClusterId } from '../../../src/api/identity.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import type { BrokerCredentials } from '../../../src/membership/credentials.ts';
import { shippedDefinitions } from '../../../src/membership/definitions.ts';
import { deployBroker } from '../../../src/membership/deploy.ts';
import { join, planJoin } from '../../../src/membership/join.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { KubeAddress } from '../../../src/store/kube-address.ts';
import { loadKubeAddress } from '../../../src/store/kube-address.ts';
import { openKubernetesStore } from '../../../src/store/kubernetes.ts';
import type { KubernetesStore } from '../../../src/store/kubernetes.ts';
import type { ApiServer, ApiServerOptions } from '../../lab/api-server.ts';
import type { Lab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { RestClient } from './rest-client.ts';
import { withKubeconfig, withToken } from './rest-client.ts';

export const NAMESPACE = 'pharos-broker';
export const definitions = await shippedDefinitions();

/** An API server of the lab with an administrator's access to it. */
export interface Site extends Disposable {
  readonly api: ApiServer;
  readonly store: KubernetesStore;
  readonly admin: RestClient;
  readonly address: KubeAddress;
}

export async function site(lab: Lab, name: string, options?: ApiServerOptions): Promise<Site> {
  const api = await lab.api(name, options);
  const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
  const admin = await withKubeconfig(api.kubeconfig);
  return {
    api,
    store,
    admin,
    address: await loadKubeAddress(api.kubeconfig),
    [Symbol.dispose]() {
      store.close();
      admin[Symbol.dispose]();
    },
  };
}

export const deploy = ({ store }: Site): Promise<void> =>
  deployBroker(store, NAMESPACE, definitions, systemClock);

export async function joinAs(cluster: string, member: Site, broker: Site): ReturnType<typeof join> {
  const deps = { broker: broker.store, member: member.store, definitions, clock: systemClock };
  const request = { cluster: parseClusterId(cluster), brokerNamespace: NAMESPACE, address: broker.address };
  return join(deps, await planJoin(deps, request));
}

/** A member's own hands on the broker. */
export const handsOf = (
  { address, token }: BrokerCredentials,
  headers: Readonly<Record<string, string>> = {},
): RestClient => withToken(address, token.reveal(), headers);

export const labels = (cluster: string): Record<string, string> => ({
  'multicluster.kubernetes.io/source-cluster': cluster,
  'multicluster.kubernetes.io/service-name': 'mysql',
  'pharos.io/source-namespace': 'shop',
});

/** An API server takes a moment until it enforces a new policy: waits until a forgery is refused. */
export async function untilEnforced(member: RestClient, cluster: ClusterId | string): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases?dryRun=All`;
  const content = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'forged', namespace: NAMESPACE, labels: labels('forged') },
    spec: {},
  };
  await until('the ownership policy in force', 30_000, async () => {
    const { status, body } = await member.send('POST', path, { type: 'application/json', content });
    if (status !== 403) return undefined;
    assert.match(JSON.stringify(body), new RegExp(`cluster \\\\"${cluster}\\\\" may write only`));
    return true;
  });
}
