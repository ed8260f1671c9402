/** What `pharos join` finds out before it changes anything, from real API servers of two versions. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Lab, openLab } from '../../lab/lab.ts';
import { runCli } from '../../support/cli-process.ts';
import { changes, inventoryOf } from './everything.ts';
import { deploy, NAMESPACE, type Site, site } from './lab-clusterset.ts';

let lab: Lab;
let broker: Site;
let west: Site;
let old: Site;

before(async () => {
  lab = await openLab({ name: 'preflight' });
  [broker, west, old] = await Promise.all([
    site(lab, 'broker'),
    site(lab, 'west'),
    site(lab, 'old', { emulatedVersion: '1.31' }),
  ]);
  await deploy(broker);
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec: { podCIDRs: ['10.1.3.0/24'], podCIDR: '10.1.3.0/24' },
  };
  await west.api.apply([
    node,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kubeadm-config', namespace: 'kube-system' },
      data: { ClusterConfiguration: 'networking:\n  podSubnet: 10.1.0.0/16\n' },
    },
  ]);
  await old.api.apply([node]);
  await broker.api.apply([
    {
      apiVersion: 'pharos.io/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'east', namespace: NAMESPACE },
      spec: { clusterId: 'east', podCIDRs: ['10.1.128.0/17'], serviceCIDRs: ['10.102.0.0/16'] },
    },
  ]);
});
after(async () => {
  for (const each of [broker, west, old]) each?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
});

const join = (member: Site, ...more: string[]): ReturnType<typeof runCli> =>
  runCli([
    'join',
    '--dry-run',
    '--cluster-id=west',
    `--kubeconfig=${member.api.kubeconfig}`,
    `--broker-kubeconfig=${broker.api.kubeconfig}`,
    ...more,
  ]);

/** Of Services, as the API server was started. */
async function serviceRange(of: Site): Promise<string> {
  const { body } = await of.admin.send('GET', '/api/v1/namespaces/default/services/kubernetes');
  return (body as { spec: { clusterIP: string } }).spec.clusterIP.replace(/\.\d+$/, '.0');
}

test('versions, permissions and networks are told, and nothing is changed', async () => {
  const before = await Promise.all([west, broker].map(({ admin }) => inventoryOf(admin)));
  const { status, stderr } = await join(west);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /the member, https:\S+: Kubernetes v1\.\d+\.\S+, all that is needed is allowed/);
  assert.match(stderr, /the broker, https:\S+: Kubernetes v1\./);
  assert.match(stderr, /pods have 10\.1\.0\.0\/16, says ConfigMap kube-system\/kubeadm-config/);
  assert.match(
    stderr,
    new RegExp(`Services have ${await serviceRange(west)}/\\d+, says ServiceCIDR kubernetes`),
  );
  assert.match(
    stderr,
    /warning: 10\.1\.0\.0\/16, the pods of this cluster "west", overlaps 10\.1\.128\.0\/17, the pods of cluster "east"/,
  );
  for (const [index, { admin }] of [west, broker].entries()) {
    assert.deepEqual(changes(before[index] ?? new Map(), await inventoryOf(admin)), []);
  }
});

test('an older Kubernetes tells its range by what it refuses', async () => {
  const { status, stderr } = await join(old);
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    new RegExp(`Services have ${await serviceRange(old)}/\\d+, says the API server’s word`),
  );
  assert.match(
    stderr,
    /warning: pods have 10\.1\.3\.0\/24, says spec\.podCIDRs of the nodes; but nodes that come later/,
  );
});

test('who may read but not write is told what is missing, on both sides at once', async () => {
  const reader = { user: 'reader' };
  for (const { api } of [west, broker]) {
    await api.apply([
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'reader' },
        rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'reader' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reader' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'reader' }],
      },
    ]);
  }
  const { status, stderr } = await runCli([
    'join',
    '--cluster-id=west',
    `--kubeconfig=${await west.api.kubeconfigFor(reader)}`,
    `--broker-kubeconfig=${await broker.api.kubeconfigFor(reader)}`,
  ]);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /the member: these credentials may not create customresourcedefinitions\.apiextensions\.k8s\.io|may not .*create deployments\.apps in pharos-system/,
  );
  assert.match(
    stderr,
    /the broker: these credentials may not create serviceaccounts in pharos-broker.*create serviceaccounts\/token in pharos-broker/,
  );
  assert.equal(stderr.trimEnd().split('\n').length, 1);
});
