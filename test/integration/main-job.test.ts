/**
 * The main job on real API servers, as the how-to describes it: `broker deploy`, `join`, an agent each. kubectl applies a ServiceExport in west, and a real CoreDNS that forwards
 * the stub domain to `pharos dns` in east answers for it. Pods and their cluster DNS come in test/e2e.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer } from '../lab/api-server.ts';
import { type CoreDns } from '../lab/coredns.ts';
import { type Lab, openLab } from '../lab/lab.ts';
import { freePort } from '../lab/ports.ts';
import { until } from '../lab/wait.ts';
import { type Asked, ask } from '../support/ask.ts';
import { pharos, type PharosProcess, startPharos } from '../support/pharos.ts';

const web = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { clusterIP: '10.0.7.7', ports: [{ name: 'http', port: 80 }] },
};
const endpointsOf = (service: string, address: string) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${service}-1`, namespace: 'shop', labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready: true }, hostname: `${service}-0` }],
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
});
const mysql = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'mysql', namespace: 'shop' },
  spec: { clusterIP: 'None', ports: [{ name: 'http', port: 8080 }] },
};
const exportOf = (service: string) => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: { name: service, namespace: 'shop' },
});
const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

describe('an export in west is answered in east', () => {
  let lab: Lab;
  let broker: ApiServer;
  let west: ApiServer;
  let east: ApiServer;
  let clusterDns: CoreDns;
  const processes: PharosProcess[] = [];

  before(async () => {
    lab = await openLab({ name: 'main-job' });
    [broker, west, east] = await Promise.all([lab.api('broker'), lab.api('west'), lab.api('east')]);
    await pharos('broker', 'deploy', `--kubeconfig=${broker.kubeconfig}`);
    for (const { name, kubeconfig } of [west, east]) {
      await pharos(
        'join',
        '--no-components',
        `--cluster-id=${name}`,
        `--kubeconfig=${kubeconfig}`,
        `--broker-kubeconfig=${broker.kubeconfig}`,
      );
    }
    await Promise.all([west.apply([namespace('shop')]), east.apply([namespace('shop')])]);
    const port = await freePort();
    processes.push(
      ...(await Promise.all([
        ...[west, east].map((cluster) =>
          startPharos('agent', `--cluster-id=${cluster.name}`, `--kubeconfig=${cluster.kubeconfig}`),
        ),
        startPharos(
          'dns',
          '--cluster-id=east',
          `--kubeconfig=${east.kubeconfig}`,
          `--listen=127.0.0.1:${port}`,
        ),
      ])),
    );
    clusterDns = await lab.coredns(`clusterset.local {\n  bind 127.0.0.1\n  forward . 127.0.0.1:${port}\n}`);
    await Promise.all(processes.map((process) => process.ready()));
  });
  after(async () => {
    for (const process of processes) await process[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  /** Waits until CoreDNS in east answers so; on time-out the error shows the last answer. */
  const answers = (name: string, type: 'A' | 'AAAA' | 'SRV', wanted: Asked): Promise<true> =>
    until(`${type} ${name} = ${JSON.stringify(wanted)}`, 10_000, async () => {
      assert.deepEqual(await ask(clusterDns, name, type), wanted);
      return true as const;
    });

  const conditionsOf = async (service: string): Promise<Record<string, string>> => {
    const { stdout } = await west.kubectl(['get', 'serviceexport', '-n', 'shop', service, '-o', 'json']);
    const { status } = JSON.parse(stdout) as {
      status?: { conditions?: { type: string; status: string; reason: string }[] };
    };
    return Object.fromEntries(
      (status?.conditions ?? []).map((condition) => [
        condition.type,
        `${condition.status} ${condition.reason}`,
      ]),
    );
  };

  test('the name does not exist before the export', async () => {
    await west.apply([web, endpointsOf('web', '10.1.0.5')]);
    await answers('web.shop.svc.clusterset.local', 'A', { rcode: 'NXDOMAIN', answers: [] });
  });

  test('kubectl apply of the export makes it resolve to the Service IP of west', async () => {
    await west.apply([exportOf('web')]);
    await answers('web.shop.svc.clusterset.local', 'A', { rcode: 'NOERROR', answers: ['A 10.0.7.7'] });
    await answers('web.shop.svc.clusterset.local', 'AAAA', { rcode: 'NOERROR', answers: [] });
  });

  test('the ServiceExport says Valid, Ready and no Conflict', async () => {
    await until('conditions', 10_000, async () => {
      assert.deepEqual(await conditionsOf('web'), {
        Valid: 'True Valid',
        Ready: 'True Exported',
        Conflict: 'False NoConflicts',
      });
      return true;
    });
  });

  test('east has a ServiceImport and an EndpointSlice as the MCS API wants them', async () => {
    const { stdout } = await east.kubectl([
      'get',
      'serviceimports,endpointslices',
      '-n',
      'shop',
      '-o',
      'json',
    ]);
    const { items } = JSON.parse(stdout) as {
      items: {
        kind: string;
        metadata: { name: string; labels: Record<string, string> };
        spec?: { type: string; ports: { port: number; name: string }[] };
        status?: { clusters: { cluster: string }[] };
      }[];
    };
    const imported = items.find((item) => item.kind === 'ServiceImport');
    assert.equal(imported?.metadata.name, 'web');
    assert.equal(imported?.spec?.type, 'ClusterSetIP');
    assert.deepEqual(imported?.status?.clusters, [{ cluster: 'west' }]);
    const slice = items.find((item) => item.kind === 'EndpointSlice');
    assert.equal(slice?.metadata.labels['multicluster.kubernetes.io/service-name'], 'web');
    assert.equal(slice?.metadata.labels['multicluster.kubernetes.io/source-cluster'], 'west');
    assert.equal(slice?.metadata.labels['endpointslice.kubernetes.io/managed-by'], 'pharos.io');
    assert.equal(
      slice?.metadata.labels['kubernetes.io/service-name'],
      undefined,
      'kube-proxy must not see it',
    );
  });

  test('a headless service answers with its endpoints and follows them', async () => {
    await west.apply([mysql, endpointsOf('mysql', '10.1.0.9'), exportOf('mysql')]);
    await answers('mysql.shop.svc.clusterset.local', 'A', { rcode: 'NOERROR', answers: ['A 10.1.0.9'] });
    await answers('mysql-0.west.mysql.shop.svc.clusterset.local', 'A', {
      rcode: 'NOERROR',
      answers: ['A 10.1.0.9'],
    });
    await west.apply([endpointsOf('mysql', '10.1.0.10')]);
    await answers('mysql.shop.svc.clusterset.local', 'A', { rcode: 'NOERROR', answers: ['A 10.1.0.10'] });
  });

  test('while the API server of east is away, the DNS server answers on; afterwards it follows again', async () => {
    await east.kill();
    await answers('mysql.shop.svc.clusterset.local', 'A', { rcode: 'NOERROR', answers: ['A 10.1.0.10'] });
    await west.apply([endpointsOf('mysql', '10.1.0.11')]);
    await east.start();
    await answers('mysql.shop.svc.clusterset.local', 'A', { rcode: 'NOERROR', answers: ['A 10.1.0.11'] });
  });

  test('kubectl delete of the export makes the name go', async () => {
    const { code } = await west.kubectl(['delete', 'serviceexport', '-n', 'shop', 'web']);
    assert.equal(code, 0);
    await answers('web.shop.svc.clusterset.local', 'A', { rcode: 'NXDOMAIN', answers: [] });
  });
});
