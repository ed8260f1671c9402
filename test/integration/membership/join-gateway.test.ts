/**
 * `pharos join --gateway` and `leave` against real API servers: what is installed, with which rights and where,
 * and that all of it goes. No kubelet runs: the test says in their place that what should run does.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { DaemonSet, Deployment } from '../../../src/api/administration.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { runCli } from '../../support/cli-process.ts';
import { deploy, NAMESPACE, type Site, site } from './lab-clusterset.ts';

let lab: Lab;
let broker: Site;
let west: Site;
let stop: () => Promise<void>;
/** Arguments of each host pod's cleanup, as the nodes would have run it. */
const cleanups = new Map<string, readonly string[]>();

before(async () => {
  lab = await openLab({ name: 'join-gateway' });
  [broker, west] = await Promise.all([site(lab, 'broker'), site(lab, 'west')]);
  await deploy(broker);
  await west.api.apply(
    ['n1', 'n2', 'n3'].map((name) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } })),
  );
  stop = sayReady(west);
});
after(async () => {
  await stop?.();
  for (const each of [broker, west]) each?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
});

/** Says of all that should run that it does, until it is told to stop. */
function sayReady({ admin, store }: Site): () => Promise<void> {
  const stopped = new AbortController();
  const tell = async (path: string, status: object): Promise<void> => {
    await admin.send('PATCH', `/apis/apps/v1/namespaces/pharos-system/${path}/status`, {
      type: 'application/merge-patch+json',
      content: { status },
    });
  };
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      const where = { namespace: 'pharos-system' };
      for (const { metadata, spec, status } of await store.list<Deployment>(Kinds.Deployment, where)) {
        const replicas = spec.replicas ?? 1;
        if (status?.observedGeneration === metadata.generation) continue;
        const counts = {
          replicas,
          updatedReplicas: replicas,
          availableReplicas: replicas,
          readyReplicas: replicas,
        };
        await tell(`deployments/${metadata.name}`, { observedGeneration: metadata.generation, ...counts });
      }
      for (const { metadata, spec, status } of await store.list<DaemonSet>(Kinds.DaemonSet, where)) {
        if (status?.observedGeneration === metadata.generation) continue;
        const { initContainers } = spec.template.spec as { initContainers?: { args: string[] }[] };
        const [cleanup] = initContainers ?? [];
        if (cleanup !== undefined) cleanups.set(metadata.name, cleanup.args);
        const counts = {
          currentNumberScheduled: 3,
          numberMisscheduled: 0,
          desiredNumberScheduled: 3,
          numberReady: 3,
        };
        await tell(`daemonsets/${metadata.name}`, {
          observedGeneration: metadata.generation,
          ...counts,
          updatedNumberScheduled: 3,
          numberAvailable: 3,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return async () => {
    stopped.abort();
    await loop;
  };
}

const join = (...more: string[]): ReturnType<typeof runCli> =>
  runCli([
    'join',
    '--gateway',
    '--cluster-id=west',
    '--cable-driver=wireguard',
    '--pod-cidr=10.1.0.0/16',
    '--service-cidr=10.101.0.0/16',
    `--kubeconfig=${west.api.kubeconfig}`,
    `--broker-kubeconfig=${broker.api.kubeconfig}`,
    ...more,
  ]);

const labelOf = async (name: string): Promise<string | undefined> =>
  (await west.store.get(Kinds.Node, { name }))?.metadata.labels?.['pharos.io/gateway'];

async function mayGateway(...what: string[]): Promise<boolean> {
  const { stdout } = await west.api.kubectl([
    'auth',
    'can-i',
    ...what,
    '--as=system:serviceaccount:pharos-system:pharos-gateway',
  ]);
  return stdout.trim() === 'yes';
}

test('without a gateway node it says which there are, and changes nothing', async () => {
  const { status, stderr } = await join();
  assert.equal(status, 1);
  assert.match(stderr, /no node is a gateway: name one, or better two, .* of n1, n2, n3/);
  assert.equal(await west.store.get(Kinds.Namespace, { name: 'pharos-system' }), undefined);
});

test('networks that another member has are refused, with both owners', async () => {
  await broker.api.apply([
    {
      apiVersion: 'pharos.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'east', namespace: NAMESPACE },
      spec: { clusterId: 'east', podCIDRs: ['10.2.0.0/16'], serviceCIDRs: ['10.101.128.0/17'] },
    },
  ]);
  const { status, stderr } = await join('--gateway-node=n1');
  assert.equal(status, 1);
  assert.match(
    stderr,
    /10\.101\.0\.0\/16, the Services of this cluster "west", overlaps 10\.101\.128\.0\/17, the Services of cluster "east"/,
  );
  await broker.store.remove(Kinds.Cluster, { name: 'east', namespace: NAMESPACE });
});

test('gateways and route agents are installed as the chart has them, with the networks and the driver', async () => {
  await west.api.kubectl(['label', 'node', 'n2', 'pharos.io/gateway=true']);
  const { status, stderr } = await join('--gateway-node=n1', '--host-image=registry.example.com/host:1');
  assert.equal(status, 0, stderr);
  assert.match(stderr, /gateways are n1, n2/);
  assert.deepEqual(await Promise.all(['n1', 'n2', 'n3'].map(labelOf)), ['true', 'true', undefined]);
  const config = await west.store.get(Kinds.ConfigMap, { name: 'pharos', namespace: 'pharos-system' });
  assert.deepEqual(config?.data, {
    PHAROS_CLUSTER_ID: 'west',
    PHAROS_POD_CIDR: '10.1.0.0/16',
    PHAROS_SERVICE_CIDR: '10.101.0.0/16',
    PHAROS_CABLE_DRIVER: 'wireguard',
    PHAROS_CLUSTERSET_CIDR: '243.0.0.0/16',
    PHAROS_CLUSTERSET_IPS: 'off',
  });
  const pods = await west.store.list<DaemonSet>(Kinds.DaemonSet, { namespace: 'pharos-system' });
  assert.deepEqual(
    pods.map(({ metadata, spec }) => `${metadata.name} ${spec.template.spec.containers[0]?.image}`).sort(),
    ['pharos-gateway registry.example.com/host:1', 'pharos-route-agent registry.example.com/host:1'],
  );
});

test('a gateway may do what it must, and no more', async () => {
  assert.equal(await mayGateway('patch', 'gateways.pharos.io', '-n', 'pharos-system'), true);
  assert.equal(
    await mayGateway('patch', 'leases.coordination.k8s.io/pharos-gateway', '-n', 'pharos-system'),
    true,
  );
  assert.equal(await mayGateway('get', 'secrets', '-n', 'default'), false);
  assert.equal(await mayGateway('patch', 'nodes'), false);
});

test('joining again changes nothing', async () => {
  const versions = async (): Promise<string[]> =>
    (await west.store.list<DaemonSet>(Kinds.DaemonSet)).map(
      ({ metadata }) => `${metadata.name} ${metadata.generation}`,
    );
  const present = await versions();
  const { status, stderr } = await join('--gateway-node=n1', '--host-image=registry.example.com/host:1');
  assert.equal(status, 0, stderr);
  assert.deepEqual(await versions(), present);
});

test('leaving cleans the nodes by the same pods, and takes back all but what others did', async () => {
  const { status, stderr } = await runCli([
    'leave',
    `--kubeconfig=${west.api.kubeconfig}`,
    `--broker-kubeconfig=${broker.api.kubeconfig}`,
  ]);
  assert.equal(status, 0, stderr);
  assert.deepEqual([...cleanups.keys()].sort(), ['pharos-gateway', 'pharos-route-agent']);
  for (const args of cleanups.values()) assert.equal(args.at(-1), '--cleanup');
  const kinds: readonly Kind[] = [Kinds.DaemonSet, Kinds.Deployment, Kinds.ServiceAccount, Kinds.RoleBinding];
  for (const kind of kinds) {
    const left = await west.store.list(kind, { labels: { 'pharos.io/managed-by': 'pharos.io' } });
    assert.deepEqual(
      left.map(({ metadata }) => metadata.name),
      [],
    );
  }
  assert.deepEqual(
    await Promise.all(['n1', 'n2', 'n3'].map(labelOf)),
    [undefined, 'true', undefined],
    'the label that somebody else set stays',
  );
});
