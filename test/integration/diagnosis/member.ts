/**
 * A member of a clusterset in which nothing is wrong, on real API servers without nodes: what the components
 * would write is written here, at one moment.
 */
import type { ConfigMap, Deployment } from '../../../src/api/administration.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { Condition, KubeObject, Lease, ServiceExport, ServiceImport } from '../../../src/api/objects.ts';
import type { Cluster, Gateway, TunnelEndpoint } from '../../../src/api/tunnel.ts';
import { checks } from '../../../src/diagnosis/checks.ts';
import { FactSource } from '../../../src/diagnosis/fact-source.ts';
import { gatherersFor } from '../../../src/diagnosis/gather/gatherers.ts';
import { type Finding, runChecks } from '../../../src/diagnosis/run-checks.ts';
import { connectBroker } from '../../../src/membership/broker-connection.ts';
import { planStub } from '../../../src/membership/cluster-dns.ts';
import { applyDnsChanges } from '../../../src/membership/dns-change.ts';
import { clusterUidOf } from '../../../src/membership/cluster-id.ts';
import { componentsFor, dnsAddresses, shippedComponents } from '../../../src/membership/components.ts';
import { storedCredentials } from '../../../src/membership/credentials.ts';
import { applyAll } from '../../../src/membership/deploy.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { ObjectStore } from '../../../src/store/store.ts';
import { joinAs, NAMESPACE, type Site } from '../membership/lab-clusterset.ts';

export const SYSTEM = 'pharos-system';
/** The moment at which everything was written, and at which it is looked at. */
export const NOW = Date.now();
export const at = (ms = NOW): string => new Date(ms).toISOString();
const micro = (ms = NOW): string => at(ms).replace('Z', '000Z');

const COREFILE = `.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
    }
    forward . /etc/resolv.conf
    cache 30
    reload
}
`;

/** Applies an object and its status. */
export async function put<T extends KubeObject>(store: ObjectStore, kind: Kind<T>, object: T): Promise<void> {
  await store.apply(kind, object);
  if ('status' in object) await store.applyStatus(kind, object);
}

const condition = (type: string, status: Condition['status'], reason: string, message = ''): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: at(),
});

export const serviceExport = (...conditions: Condition[]): ServiceExport => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: { name: 'web', namespace: 'shop' },
  status: { conditions },
});
export const VALID = condition('Valid', 'True', 'Valid');
export const READY = condition('Ready', 'True', 'Exported');
export const NO_CONFLICT = condition('Conflict', 'False', 'NoConflicts');
export { condition };

export const serviceImport = (ips: string[], ...conditions: Condition[]): ServiceImport => ({
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { type: 'ClusterSetIP', ports: [{ port: 80, protocol: 'TCP' }], ips },
  status: { conditions },
});

export const record = (cluster: string, namespace: string): ServiceImport => ({
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: {
    name: `web.${namespace}.${cluster}`,
    namespace: NAMESPACE,
    labels: {
      'multicluster.kubernetes.io/source-cluster': cluster,
      'multicluster.kubernetes.io/service-name': 'web',
      'pharos.io/source-namespace': namespace,
    },
  },
  spec: { type: 'ClusterSetIP', ports: [{ port: 80, protocol: 'TCP' }] },
});

export const heartbeat = (cluster: string, uid: string, seen = NOW): Lease => ({
  apiVersion: Kinds.Lease.apiVersion,
  kind: 'Lease',
  metadata: {
    name: cluster,
    namespace: NAMESPACE,
    labels: { 'multicluster.kubernetes.io/source-cluster': cluster },
    annotations: { 'pharos.io/cluster-uid': uid, 'pharos.io/version': '0.1.0' },
  },
  spec: { holderIdentity: 'agent', leaseDurationSeconds: 40, renewTime: micro(seen) },
});

/** The agents' own Lease, on which the one that leads says when the broker last answered. */
export const agentLease = (answered = NOW): Lease => ({
  apiVersion: Kinds.Lease.apiVersion,
  kind: 'Lease',
  metadata: {
    name: 'pharos-agent',
    namespace: SYSTEM,
    annotations: { 'pharos.io/broker-reached': at(answered) },
  },
  spec: { holderIdentity: 'agent', leaseDurationSeconds: 15, renewTime: micro() },
});

export const clusterRecord = (cluster: string, number: number, namespace: string): Cluster => ({
  apiVersion: Kinds.Cluster.apiVersion,
  kind: 'Cluster',
  metadata: { name: cluster, namespace, labels: { 'multicluster.kubernetes.io/source-cluster': cluster } },
  spec: {
    clusterId: cluster,
    podCIDRs: [`10.${number}.0.0/16`],
    serviceCIDRs: [`10.${number + 100}.0.0/16`],
  },
});

export const endpoint = (gateway: string, spec: Partial<TunnelEndpoint['spec']> = {}): TunnelEndpoint => ({
  apiVersion: Kinds.TunnelEndpoint.apiVersion,
  kind: 'Endpoint',
  metadata: {
    name: `east.${gateway}`,
    namespace: SYSTEM,
    labels: { 'multicluster.kubernetes.io/source-cluster': 'east' },
  },
  spec: {
    clusterId: 'east',
    gateway,
    driver: 'ipsec',
    privateIP: '192.168.2.1',
    port: 4500,
    publicKeys: [Buffer.alloc(32, 7).toString('base64')],
    leaseEpoch: 1,
    preferred: true,
    heartbeat: at(),
    ...spec,
  },
});

type GatewayStatus = NonNullable<Gateway['status']>;
export const tunnelTo = (
  gateway: string,
  rest: Partial<NonNullable<GatewayStatus['connections']>[0]> = {},
) => ({
  cluster: 'east',
  gateway,
  driver: 'ipsec' as const,
  state: 'connected' as const,
  since: at(),
  ...rest,
});

export const gateway = (name: string, status: Partial<GatewayStatus> = {}): Gateway => ({
  apiVersion: Kinds.Gateway.apiVersion,
  kind: 'Gateway',
  metadata: { name, namespace: SYSTEM },
  status: {
    haStatus: 'active',
    nodeIP: '192.168.1.1',
    leaseEpoch: 1,
    heartbeat: at(),
    connections: [tunnelTo('node-1')],
    refused: [],
    ...status,
  },
});

/** As the controllers write it, when all replicas run. */
export async function makeReady(store: ObjectStore, name: string, ready = 2): Promise<void> {
  const present = await store.get(Kinds.Deployment, { name, namespace: SYSTEM });
  if (present === undefined) throw new Error(`there is no Deployment ${name}`);
  const status = {
    observedGeneration: present.metadata.generation ?? 1,
    replicas: 2,
    updatedReplicas: 2,
    readyReplicas: ready,
    availableReplicas: ready,
  };
  await store.applyStatus<Deployment>(Kinds.Deployment, { ...present, status });
}

/** As an upgrade of one component alone does it. */
export async function setImage(store: ObjectStore, name: string, image: string): Promise<void> {
  const present = await store.get(Kinds.Deployment, { name, namespace: SYSTEM });
  if (present === undefined) throw new Error(`there is no Deployment ${name}`);
  const { template } = present.spec;
  const containers = template.spec.containers.map((container) => ({ ...container, image }));
  const spec = { ...present.spec, template: { ...template, spec: { ...template.spec, containers } } };
  await store.apply<Deployment>(Kinds.Deployment, { ...present, spec });
  await makeReady(store, name);
}

/** Makes `west` a member of `broker` beside "east", with everything in order. */
export async function healthyMember(west: Site, broker: Site): Promise<void> {
  await joinAs('west', west, broker);
  const { store } = west;
  const components = componentsFor(await shippedComponents('member'), {
    cluster: parseClusterId('west'),
    image: undefined,
  });
  await applyAll(store, components);
  await Promise.all(['pharos-agent', 'pharos-dns'].map((name) => makeReady(store, name)));
  const uid = await clusterUidOf(store);
  for (const name of ['shop', 'kube-system']) {
    await store.apply(Kinds.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  await putDnsSlice(store, ['10.1.0.53']);
  for (const name of ['coredns', 'node-local-dns']) {
    await store.apply(Kinds.ConfigMap, corefile(name, COREFILE));
  }
  await configureDns(store);
  await put(store, Kinds.ServiceExport, serviceExport(VALID, READY, NO_CONFLICT));
  await put(store, Kinds.ServiceImport, serviceImport([]));
  await put(store, Kinds.Gateway, gateway('node-1'));
  await put(store, Kinds.Gateway, gateway('node-2', { haStatus: 'passive', leaseEpoch: 0 }));
  await store.apply(Kinds.Lease, agentLease());
  await store.apply(Kinds.Cluster, clusterRecord('east', 2, SYSTEM));
  await store.apply(Kinds.TunnelEndpoint, endpoint('node-1'));
  await Promise.all([
    broker.store.apply(Kinds.Lease, heartbeat('west', uid)),
    broker.store.apply(Kinds.Lease, heartbeat('east', 'another')),
    broker.store.apply(Kinds.ServiceImport, record('east', 'shop')),
    broker.store.apply(Kinds.Cluster, clusterRecord('west', 1, NAMESPACE)),
    broker.store.apply(Kinds.Cluster, clusterRecord('east', 2, NAMESPACE)),
  ]);
}

export const corefile = (name: string, text: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'kube-system' },
  data: { Corefile: text },
});

/** As the endpoint slice controller writes it. */
export const putDnsSlice = (store: ObjectStore, addresses: string[]) =>
  store.apply(Kinds.EndpointSlice, {
    apiVersion: Kinds.EndpointSlice.apiVersion,
    kind: 'EndpointSlice',
    metadata: {
      name: 'pharos-dns-1',
      namespace: SYSTEM,
      labels: { 'kubernetes.io/service-name': 'pharos-dns' },
    },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'dns', port: 5353, protocol: 'UDP' }],
  });

export async function configureDns(store: ObjectStore, servers?: readonly string[]): Promise<void> {
  const stub = {
    zones: ['clusterset.local', '2.10.in-addr.arpa', '3.10.in-addr.arpa'],
    servers: servers ?? (await dnsAddresses(store)),
  };
  await applyDnsChanges(store, await planStub(store, stub), { backup: false });
}

/** What `pharos diagnose --broker-kubeconfig` finds at {@link NOW}, without asking any DNS server. */
export async function diagnose(west: Site, broker: Site): Promise<readonly Finding[]> {
  const credentials = await storedCredentials(west.store);
  const connection = credentials && connectBroker(west.store, credentials, { log: silentLog });
  const clock = { ...systemClock, now: () => NOW };
  try {
    const gatherers = gatherersFor({
      member: west.store,
      asMember: async () =>
        connection && credentials && { store: connection.store, namespace: credentials.namespace },
      asAdministrator: async () => ({ store: broker.store, namespace: NAMESPACE }),
      host: undefined,
      asking: { ask: undefined, cannotAsk: 'not asked', dnsServer: undefined, clusterDns: undefined },
      zone: 'clusterset.local',
      clock,
    });
    const source = new FactSource(gatherers, { clock, limitMs: 60_000 });
    return await runChecks(checks, source, { now: NOW, version: '0.1.0', zone: 'clusterset.local' });
  } finally {
    connection?.store.close();
  }
}
