/**
 * The product's promise, with nothing pretended: kubectl applies a ServiceExport in west, and a pod in east
 * resolves the name through its ordinary cluster DNS and talks to the pods in west. Until tunnels exist the
 * lab routes Service and pod networks between the clusters.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Cluster } from '../lab/cluster.ts';
import { image } from '../lab/images.ts';
import { openLab, whyNoClusters, type Lab } from '../lab/lab.ts';
import { deployPharos, pharosCorefile, type PharosMember } from '../lab/pharos.ts';
import { until } from '../lab/wait.ts';

const skip = (await whyNoClusters()) ?? false;

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const client = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'client', namespace: 'shop' },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'client', image: image.tools }] },
};
const template = (app: string) => ({
  metadata: { labels: { app } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'whoami', image: image.whoami, ports: [{ containerPort: 8080 }] }],
  },
});
const web = [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: template('web') },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
];
const database = [
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: 'shop' },
    spec: {
      serviceName: 'db',
      replicas: 2,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'db' } },
      template: template('db'),
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'db', namespace: 'shop' },
    spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ name: 'http', port: 8080 }] },
  },
];
const exportOf = (name: string) => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: { name, namespace: 'shop' },
});

suite('a pod in east uses a service of west by name', { skip }, () => {
  let lab: Lab;
  let west: Cluster;
  let east: Cluster;
  let members: PharosMember[] = [];

  before(async () => {
    lab = await openLab({ name: 'job' });
    const [broker, ...clusters] = await Promise.all([
      lab.fabricApi('broker', { controllers: true }),
      lab.cluster('west', { corefile: pharosCorefile }),
      lab.cluster('east', { corefile: pharosCorefile }),
    ]);
    [west, east] = clusters;
    members = await deployPharos(broker, clusters);
    for (const cluster of clusters) await cluster.apply([namespace]);
    await Promise.all([west.apply([...web, ...database]), east.apply([client])]);
    const wait = async (cluster: Cluster, ...what: string[]): Promise<void> => {
      const { code, stderr } = await cluster.kubectl(['-n', 'shop', ...what, '--timeout=120s']);
      assert.equal(code, 0, stderr);
    };
    await Promise.all([
      wait(west, 'rollout', 'status', 'deployment/web'),
      wait(west, 'rollout', 'status', 'statefulset/db'),
      wait(east, 'wait', '--for=condition=Ready', 'pod/client'),
    ]);
  });
  after(() => lab?.[Symbol.asyncDispose]());

  const inEast = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await east.exec('shop/client', args);
    assert.equal(code, 0, `${args.join(' ')}: exit ${code}: ${stderr}`);
    return stdout.trim();
  };
  const eventually = <T>(what: string, look: () => Promise<T | undefined>): Promise<T> =>
    until(what, 20_000, look);
  const podsOf = async (app: string): Promise<Map<string, string>> => {
    const { stdout } = await west.kubectl(['-n', 'shop', 'get', 'pods', '-l', `app=${app}`, '-o', 'json']);
    const { items } = JSON.parse(stdout) as {
      items: { metadata: { name: string }; status: { podIP: string } }[];
    };
    return new Map(items.map(({ metadata, status }) => [metadata.name, status.podIP]));
  };

  test('before the export the name does not resolve', async () => {
    const { code } = await east.exec('shop/client', ['getent', 'hosts', 'web.shop.svc.clusterset.local']);
    assert.equal(code, 2);
  });

  test('after kubectl apply of the export, getent and curl by name reach the pod in west', async () => {
    await west.apply([exportOf('web')]);
    const serviceIp = (
      await west.kubectl(['-n', 'shop', 'get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}'])
    ).stdout;
    const hosts = await eventually('web resolves in east', () =>
      inEast('getent', 'hosts', 'web.shop.svc.clusterset.local'),
    );
    assert.equal(hosts.split(/\s+/)[0], serviceIp);
    const [pod] = await podsOf('web');
    const page = await inEast('curl', '-sS', '--max-time', '5', 'http://web.shop.svc.clusterset.local/');
    assert.equal(page.split(' ')[0], pod?.[0], 'the answer names the pod that gave it');
  });

  test('kubectl shows the conditions and the import', async () => {
    const { stdout } = await west.kubectl([
      '-n',
      'shop',
      'get',
      'serviceexport',
      'web',
      '-o',
      'jsonpath={range .status.conditions[*]}{.type}={.status} {end}',
    ]);
    assert.deepEqual(stdout.trim().split(' ').sort(), ['Conflict=False', 'Ready=True', 'Valid=True']);
    const imported = await east.kubectl(['-n', 'shop', 'get', 'serviceimport', 'web', '-o', 'name']);
    assert.equal(imported.code, 0, imported.stderr);
  });

  test('a headless service gives the pods themselves, each by its own name, with the source address kept', async () => {
    await west.apply([exportOf('db')]);
    const pods = await podsOf('db');
    const name = 'db.shop.svc.clusterset.local';
    const addresses = await eventually('both pods of db resolve in east', async () => {
      const found = (await inEast('dig', '+short', name)).split('\n').sort();
      return found.length === 2 ? found : undefined;
    });
    assert.deepEqual(addresses, [...pods.values()].sort());
    const clientIp = (
      await east.kubectl(['-n', 'shop', 'get', 'pod', 'client', '-o', 'jsonpath={.status.podIP}'])
    ).stdout;
    for (const pod of pods.keys()) {
      const page = await inEast('curl', '-sS', '--max-time', '5', `http://${pod}.west.${name}:8080/`);
      assert.equal(page, `${pod} ${clientIp}`);
    }
  });

  test('when the pods of a service are gone, its name answers with no address and says why', async () => {
    await west.kubectl(['-n', 'shop', 'scale', 'deployment', 'web', '--replicas=0']);
    const answer = await eventually('web has no address', async () => {
      const text = await inEast('dig', `@${members[1]?.dnsAddress}`, 'web.shop.svc.clusterset.local');
      return text.includes('ANSWER: 0') ? text : undefined;
    });
    assert.match(answer, /status: NOERROR/);
    assert.match(answer, /EDE: 2[23] .*web\.shop\..*west: no ready endpoint/s);
    await west.kubectl(['-n', 'shop', 'scale', 'deployment', 'web', '--replicas=1']);
    await eventually('web is back', () => inEast('getent', 'hosts', 'web.shop.svc.clusterset.local'));
  });

  test('agents and DNS servers that are killed and started again change no answer and lose none', async () => {
    const [, eastMember] = members;
    for (const member of members) await member.agent.stop('SIGKILL');
    await inEast('getent', 'hosts', 'web.shop.svc.clusterset.local');
    for (const member of members) await member.agent.start();
    await eastMember?.dns.stop('SIGKILL');
    await eastMember?.dns.start();
    await eventually('web resolves again', () => inEast('getent', 'hosts', 'web.shop.svc.clusterset.local'));
  });

  test('after kubectl delete of the export the name goes', async () => {
    await west.kubectl(['-n', 'shop', 'delete', 'serviceexport', 'web']);
    await eventually('web is gone', async () => {
      const { code } = await east.exec('shop/client', ['getent', 'hosts', 'web.shop.svc.clusterset.local']);
      return code === 2 ? true : undefined;
    });
  });
});
