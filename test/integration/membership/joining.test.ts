import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SecretText } from '../../../src/api/secret-text.ts';
import { connectBroker } from '../../../src/membership/broker-connection.ts';
import { storedCredentials } from '../../../src/membership/credentials.ts';
import { keepCredentials } from '../../../src/membership/keep-credentials.ts';
import { leave, planLeave } from '../../../src/membership/leave.ts';
import { silentLog } from '../../../src/observability/log.ts';
import type { Lab } from '../../lab/lab.ts';
import { openLab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { FakeClock } from '../../unit/support/fake-clock.ts';
import { changes, inventoryOf } from './everything.ts';
import { NAMESPACE, deploy, joinAs, labels, site } from './lab-clusterset.ts';
import type { Site } from './lab-clusterset.ts';

let lab: Lab;
let broker: Site;
let west: Site;
let other: Site;
/** What the two were before anybody knew of Pharos. */
let virgin: { broker: string[]; west: string[] };

const names = async ({ admin }: Site): Promise<string[]> => [...(await inventoryOf(admin)).keys()].sort();

before(async () => {
  lab = await openLab({ name: 'membership' });
  // Namespaces only go for good where the controller manager runs.
  [broker, west, other] = await Promise.all([
    site(lab, 'broker'),
    site(lab, 'west', { controllers: true }),
    site(lab, 'other'),
  ]);
  // The lab's API servers come with the MCS API; here Pharos is to install it.
  const mcs = ['serviceexports.multicluster.x-k8s.io', 'serviceimports.multicluster.x-k8s.io'];
  for (const { api } of [broker, west]) {
    const { code, stderr } = await api.kubectl(['delete', 'customresourcedefinition', ...mcs]);
    assert.equal(code, 0, stderr);
  }
  await until('the controllers to have set up every namespace', 60_000, async () => {
    const lines = await names(west);
    const ready = ['default', 'kube-node-lease', 'kube-public', 'kube-system'].every(
      (namespace) =>
        lines.includes(`configmaps ${namespace}/kube-root-ca.crt`) &&
        lines.includes(`serviceaccounts ${namespace}/default`),
    );
    return ready ? true : undefined;
  });
  virgin = { broker: await names(broker), west: await names(west) };
});

after(async () => {
  for (const each of [broker, west, other]) each?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
});

test('a broker that is deployed twice is the same as once, to the last resourceVersion', async () => {
  await deploy(broker);
  const once = await inventoryOf(broker.admin);
  await deploy(broker);
  assert.deepEqual(changes(once, await inventoryOf(broker.admin)), []);
  const made = [...once.keys()].filter(
    (line) => !virgin.broker.includes(line) && !line.startsWith('apiservices '),
  );
  assert.deepEqual(made.sort(), [
    'customresourcedefinitions /clusters.pharos.io',
    'customresourcedefinitions /endpoints.pharos.io',
    'customresourcedefinitions /serviceimports.multicluster.x-k8s.io',
    'namespaces /pharos-broker',
    'roles pharos-broker/pharos-member',
    'validatingadmissionpolicies /records.pharos-broker.pharos.io',
    'validatingadmissionpolicybindings /records.pharos-broker.pharos.io',
  ]);
});

test('a cluster that joins twice is a member once, to the last resourceVersion', async () => {
  assert.equal((await joinAs('west', west, broker)).token, 'issued');
  await until('the new namespace to be set up', 30_000, async () => {
    const lines = await names(west);
    return lines.includes('configmaps pharos-system/kube-root-ca.crt') &&
      lines.includes('serviceaccounts pharos-system/default')
      ? true
      : undefined;
  });
  const once = { broker: await inventoryOf(broker.admin), west: await inventoryOf(west.admin) };
  assert.equal((await joinAs('west', west, broker)).token, 'kept');
  assert.deepEqual(changes(once.broker, await inventoryOf(broker.admin)), []);
  assert.deepEqual(changes(once.west, await inventoryOf(west.admin)), []);
});

test('what the member keeps is good for reading the records of the clusterset', async () => {
  const credentials = await storedCredentials(west.store);
  assert.ok(credentials);
  const { store } = connectBroker(west.store, credentials, { log: silentLog });
  assert.deepEqual(await store.list(Kinds.ServiceImport, { namespace: NAMESPACE }), []);
  store.close();
});

test('a second cluster that claims the id is refused, and neither side notices', async () => {
  const sites = [broker, west, other];
  const before = await Promise.all(sites.map(({ admin }) => inventoryOf(admin)));
  await assert.rejects(joinAs('west', other, broker), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'id-taken');
    assert.match(
      error.message,
      /^The cluster id "west" is taken: .* run "pharos broker remove-cluster west"/,
    );
    return true;
  });
  const after = await Promise.all(sites.map(({ admin }) => inventoryOf(admin)));
  assert.deepEqual(
    before.flatMap((inventory, i) => changes(inventory, after[i] ?? new Map())),
    [],
  );
});

test('the token is renewed by itself, with itself, and the new one is used at once', async () => {
  const credentials = await storedCredentials(west.store);
  assert.ok(credentials);
  const connection = connectBroker(west.store, credentials, { log: silentLog });
  const clock = new FakeClock();
  clock.setWallClock(Date.now());
  const used: string[] = [];
  const stop = new AbortController();
  const running = keepCredentials(
    {
      member: west.store,
      issuer: connection.store,
      clock,
      random: () => 0,
      log: silentLog,
      mayRenew: () => true,
      onCredentials: (newer) => {
        used.push(newer.token.reveal());
        connection.use(newer);
      },
    },
    stop.signal,
  );
  await until('the stored token used', 10_000, () => (used.length === 1 ? true : undefined));
  clock.setWallClock(Date.now() + 16 * 24 * 3_600_000);
  await until('a new token used', 10_000, async () => {
    await clock.advance(3_600_000);
    return used.length === 2 ? true : undefined;
  });
  stop.abort();
  await running;
  assert.equal((await storedCredentials(west.store))?.token.reveal(), used[1]);
  assert.notEqual(used[0], used[1]);
  assert.deepEqual(await connection.store.list(Kinds.ServiceImport, { namespace: NAMESPACE }), []);
  connection.store.close();
});

test('a token that the broker refuses is replaced by what the Secret holds meanwhile', async () => {
  const credentials = await storedCredentials(west.store);
  assert.ok(credentials);
  const stale = { ...credentials, token: new SecretText('stale') };
  const { store } = connectBroker(west.store, stale, { log: silentLog });
  assert.deepEqual(await store.list(Kinds.ServiceImport, { namespace: NAMESPACE }), []);
  store.close();
});

test('leaving takes back everything in the member and on the broker, and nothing else', async () => {
  const own = { namespace: 'default', labels: { 'pharos.io/managed-by': 'pharos.io' } };
  await west.api.apply([
    {
      apiVersion: Kinds.ServiceImport.apiVersion,
      kind: 'ServiceImport',
      metadata: { name: 'mysql', ...own },
      spec: { type: 'ClusterSetIP', ports: [{ port: 3306 }], ips: [] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'mysql.east.ipv4',
        namespace: 'default',
        labels: { 'endpointslice.kubernetes.io/managed-by': 'pharos.io' },
      },
      addressType: 'IPv4',
      endpoints: [],
      ports: [],
    },
  ]);
  await broker.store.apply(Kinds.ServiceImport, {
    apiVersion: Kinds.ServiceImport.apiVersion,
    kind: 'ServiceImport',
    metadata: { name: 'mysql.shop.west', namespace: NAMESPACE, labels: labels('west') },
    spec: { type: 'ClusterSetIP', ports: [] },
  });
  const sides = { member: west.store, broker: broker.store };
  const { kept } = await leave(
    sides,
    await planLeave(sides, { cluster: undefined, brokerNamespace: NAMESPACE }),
  );
  assert.deepEqual(kept, []);
  await until('the namespace and the definitions gone', 60_000, async () => {
    const lines = await names(west);
    return lines.some((line) => line.includes('pharos') || line.includes('multicluster')) ? undefined : true;
  });
  assert.deepEqual(await names(west), virgin.west);
  const left = (await names(broker)).filter((line) => !virgin.broker.includes(line));
  assert.deepEqual(
    left.filter((line) => line.includes('west')),
    [],
  );
  assert.ok(left.length >= 5, 'the broker itself stays');
});

test('an id that was left may be taken by another cluster, as a new identity', async () => {
  const { credentials, token } = await joinAs('west', other, broker);
  assert.equal(token, 'issued');
  const { store } = connectBroker(other.store, credentials, { log: silentLog });
  assert.deepEqual(await store.list(Kinds.ServiceImport, { namespace: NAMESPACE }), []);
  store.close();
});
