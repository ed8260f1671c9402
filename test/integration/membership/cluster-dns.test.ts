/**
 * Cluster DNS is somebody else's: on a real API server, where each field has an owner, its ConfigMaps get the
 * stub domain and lose it again to the byte. How CoreDNS takes it is tested in test/e2e.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { planNoStub, planStub } from '../../../src/membership/cluster-dns.ts';
import { applyDnsChanges } from '../../../src/membership/dns-change.ts';
import { OPENSHIFT_DNS } from '../../../src/membership/openshift-dns.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { type KubernetesStore, openKubernetesStore } from '../../../src/store/kubernetes.ts';
import type { ApiServer } from '../../lab/api-server.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { definitionOf } from '../../support/definition-of.ts';

const stub = { zones: ['clusterset.local'], servers: ['10.96.0.53'] };
const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'kube-system' },
  data,
});

suite('the ConfigMaps of cluster DNS', () => {
  let lab: Lab;
  let west: ApiServer;
  let store: KubernetesStore;

  before(async () => {
    lab = await openLab({ name: 'cluster-dns' });
    west = await lab.api('west');
    store = await openKubernetesStore({ kubeconfig: west.kubeconfig, log: silentLog });
    await west.kubectl(['create', 'namespace', 'pharos-system']);
  });
  after(async () => {
    store?.close();
    await lab?.[Symbol.asyncDispose]();
  });

  const dataOf = async (name: string): Promise<unknown> => {
    const { stdout, code } = await west.kubectl([
      'get',
      'configmap',
      '-n',
      'kube-system',
      name,
      '-o',
      'json',
    ]);
    return code === 0 ? (JSON.parse(stdout) as { data?: unknown }).data : undefined;
  };
  const cases: Readonly<Record<string, readonly object[]>> = {
    'a Corefile as kubeadm writes it': [
      configMap('coredns', { Corefile: '.:53 {\n    reload\n}\n', other: 'kept' }),
    ],
    'a folder of files, with one of the user': [
      configMap('coredns', { Corefile: '.:53 {\n}\nimport /etc/coredns/custom/*.server' }),
      configMap('coredns-custom', { 'mine.server': 'example.org {\n}' }),
    ],
    'NodeLocal DNSCache beside CoreDNS': [
      configMap('coredns', { Corefile: '.:53 {\n    reload\n}\n' }),
      configMap('node-local-dns', { Corefile: 'cluster.local:53 {\n}' }),
    ],
  };
  for (const [what, maps] of Object.entries(cases)) {
    test(`${what}: in and out, and every other byte stays`, async () => {
      await west.apply(maps);
      const names = ['coredns', 'coredns-custom', 'node-local-dns'];
      const before = await Promise.all(names.map(dataOf));
      await applyDnsChanges(store, await planStub(store, stub), { backup: true });
      assert.notDeepEqual(await Promise.all(names.map(dataOf)), before);
      assert.deepEqual(await planStub(store, stub), [], 'a second time there is nothing to do');
      await applyDnsChanges(store, await planNoStub(store), { backup: false });
      assert.deepEqual(await Promise.all(names.map(dataOf)), before);
      await west.kubectl(['delete', 'configmap', '-n', 'kube-system', '--ignore-not-found', ...names]);
    });
  }

  test('GKE: kube-dns gets stub domains, and every other byte stays', async () => {
    const stubDomains = '{"corp.example": ["10.9.9.9"]}';
    await west.apply([
      configMap('kube-dns', { stubDomains, upstreamNameservers: '["8.8.8.8"]' }),
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'kube-dns', namespace: 'kube-system' },
        spec: {
          selector: { matchLabels: { app: 'dns' } },
          template: {
            metadata: { labels: { app: 'dns' } },
            spec: { containers: [{ name: 'kubedns', image: 'dns' }] },
          },
        },
      },
    ]);
    await applyDnsChanges(store, await planStub(store, stub), { backup: true });
    const { stubDomains: after = '' } = (await dataOf('kube-dns')) as Record<string, string>;
    assert.deepEqual(JSON.parse(after), { 'clusterset.local': ['10.96.0.53'], 'corp.example': ['10.9.9.9'] });
    assert.deepEqual(await planStub(store, stub), [], 'a second time there is nothing to do');
    await applyDnsChanges(store, await planNoStub(store), { backup: false });
    assert.deepEqual(await dataOf('kube-dns'), { stubDomains, upstreamNameservers: '["8.8.8.8"]' });
    await west.kubectl(['delete', '-n', 'kube-system', 'deployment/kube-dns', 'configmap/kube-dns']);
  });

  test('OpenShift: the DNS operator gets a server, and the others stay', async () => {
    await west.apply([definitionOf(OPENSHIFT_DNS)]);
    const corp = { name: 'corp', zones: ['corp.example'], forwardPlugin: { upstreams: ['10.9.9.9'] } };
    await until('the definition in force', 60_000, async () => {
      await west.apply([
        {
          apiVersion: 'operator.openshift.io/v1',
          kind: 'DNS',
          metadata: { name: 'default' },
          spec: { servers: [corp], logLevel: 'Normal' },
        },
      ]);
      return true;
    });
    const spec = async (): Promise<unknown> =>
      JSON.parse((await west.kubectl(['get', 'dnses.operator.openshift.io', 'default', '-o', 'json'])).stdout)
        .spec;
    await applyDnsChanges(store, await planStub(store, stub), { backup: true });
    assert.deepEqual(await spec(), {
      servers: [
        corp,
        { name: 'pharos', zones: ['clusterset.local'], forwardPlugin: { upstreams: ['10.96.0.53'] } },
      ],
      logLevel: 'Normal',
    });
    assert.deepEqual(await planStub(store, stub), [], 'a second time there is nothing to do');
    await applyDnsChanges(store, await planNoStub(store), { backup: false });
    assert.deepEqual(await spec(), { servers: [corp], logLevel: 'Normal' });
  });
});
