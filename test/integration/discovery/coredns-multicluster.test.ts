/**
 * A cluster may let CoreDNS itself answer for the clusterset, by the option `multicluster` of its `kubernetes`
 * plugin, instead of `pharos dns`: what the agent writes is enough for it. With clusterset IPs, on real API
 * servers: CoreDNS takes a ServiceImport's `spec.ips` for its answer.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ApiServer } from '../../lab/api-server.ts';
import type { CoreDns } from '../../lab/coredns.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { type Asked, ask } from '../../support/ask.ts';
import { pharos, type PharosProcess, startPharos } from '../../support/pharos.ts';

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const service = (name: string, clusterIP: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { clusterIP, ports: [{ name: 'http', port: 80 }] },
});
const endpoints = (name: string, address: string) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${name}-1`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready: true }, hostname: `${name}-0` }],
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
});
const exportOf = (name: string) => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: { name, namespace: 'shop' },
});

describe('CoreDNS with the option multicluster answers from what the agent writes', () => {
  let lab: Lab;
  let west: ApiServer;
  let east: ApiServer;
  let coredns: CoreDns;
  let pharosDns: { readonly address: string; readonly port: number };
  const processes: PharosProcess[] = [];

  before(async () => {
    lab = await openLab({ name: 'multicluster' });
    const [broker, ...members] = await Promise.all([lab.api('broker'), lab.api('west'), lab.api('east')]);
    [west, east] = members;
    await pharos('broker', 'deploy', `--kubeconfig=${broker.kubeconfig}`);
    for (const { name, kubeconfig } of members) {
      await pharos(
        'join',
        '--no-components',
        `--cluster-id=${name}`,
        `--kubeconfig=${kubeconfig}`,
        `--broker-kubeconfig=${broker.kubeconfig}`,
      );
    }
    await Promise.all(members.map((member) => member.apply([namespace])));
    const port = await freePort();
    pharosDns = { address: '127.0.0.1', port };
    processes.push(
      ...(await Promise.all([
        ...members.map(({ name, kubeconfig }) =>
          startPharos('agent', `--cluster-id=${name}`, `--kubeconfig=${kubeconfig}`, '--clusterset-ips=on'),
        ),
        startPharos(
          'dns',
          '--cluster-id=east',
          `--kubeconfig=${east.kubeconfig}`,
          `--listen=127.0.0.1:${port}`,
        ),
      ])),
    );
    coredns = await lab.coredns(
      `clusterset.local {\n  bind 127.0.0.1\n  kubernetes cluster.local clusterset.local {\n` +
        `    kubeconfig ${east.kubeconfig}\n    multicluster clusterset.local\n  }\n}`,
    );
    await Promise.all(processes.map((process) => process.ready(60_000)));
  });
  after(async () => {
    for (const process of processes) await process[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  const both = async (name: string, type: 'A' | 'AAAA', wanted: (asked: Asked) => void): Promise<void> => {
    for (const server of [coredns, pharosDns]) {
      await until(`${type} ${name}`, 60_000, async () => {
        wanted(await ask(server, name, type));
        return true;
      });
    }
  };

  test('a ClusterSetIP service has its clusterset IP, the same from both', async () => {
    await west.apply([service('web', '10.0.7.7'), endpoints('web', '10.1.0.5'), exportOf('web')]);
    const ip = await until('a clusterset IP', 60_000, async () => {
      const { stdout } = await east.kubectl([
        'get',
        'serviceimport',
        '-n',
        'shop',
        'web',
        '-o',
        'jsonpath={.spec.ips[0]}',
      ]);
      return stdout === '' ? undefined : stdout;
    });
    assert.match(ip, /^243\./);
    await both('web.shop.svc.clusterset.local', 'A', (asked) =>
      assert.deepEqual(asked, { rcode: 'NOERROR', answers: [`A ${ip}`] }),
    );
    await both('web.shop.svc.clusterset.local', 'AAAA', (asked) =>
      assert.deepEqual(asked, { rcode: 'NOERROR', answers: [] }),
    );
  });

  test('a headless service has its endpoints, by the name of each as well', async () => {
    await west.apply([service('db', 'None'), endpoints('db', '10.1.0.9'), exportOf('db')]);
    for (const name of ['db.shop.svc.clusterset.local', 'db-0.west.db.shop.svc.clusterset.local']) {
      await both(name, 'A', (asked) =>
        assert.deepEqual(asked, { rcode: 'NOERROR', answers: ['A 10.1.0.9'] }),
      );
    }
  });

  test('what is exported no more is gone from both', async () => {
    await west.kubectl(['delete', 'serviceexport', '-n', 'shop', 'web']);
    await both('web.shop.svc.clusterset.local', 'A', (asked) =>
      assert.deepEqual(asked, { rcode: 'NXDOMAIN', answers: [] }),
    );
  });
});
