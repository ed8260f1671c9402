import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ConfigMap } from '../../../src/api/administration.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { planNoStub, planStub } from '../../../src/membership/cluster-dns.ts';
import { applyDnsChanges } from '../../../src/membership/dns-change.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';

const stub = { zones: ['clusterset.local'], servers: ['10.96.0.53'] };
const COREFILE = '.:53 {\n    kubernetes cluster.local\n    reload\n}\n';

async function cluster(
  maps: Readonly<Record<string, { data: Record<string, string>; labels?: Record<string, string> }>>,
): Promise<MemoryStore> {
  const store = new MemoryStore({ location: 'west', clock: new FakeClock() });
  for (const [name, { data, labels }] of Object.entries(maps)) {
    await store.apply(Kinds.ConfigMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'kube-system', ...(labels !== undefined && { labels }) },
      data,
    });
  }
  return store;
}
const dataOf = async (store: MemoryStore, name: string): Promise<ConfigMap['data']> =>
  (await store.get(Kinds.ConfigMap, { name, namespace: 'kube-system' }))?.data;

async function configure(store: MemoryStore): Promise<number> {
  const changes = await planStub(store, stub);
  await applyDnsChanges(store, changes, { backup: true });
  return changes.length;
}
const undo = async (store: MemoryStore): Promise<void> =>
  applyDnsChanges(store, await planNoStub(store), { backup: false });

suite('cluster DNS gets the stub domain', () => {
  test('in the Corefile, with a copy of what stood there, and loses it again to the byte', async () => {
    const store = await cluster({ coredns: { data: { Corefile: COREFILE } } });
    assert.equal(await configure(store), 1);
    assert.match(
      (await dataOf(store, 'coredns'))?.['Corefile'] ?? '',
      /clusterset\.local:53 \{\n    errors\n    forward \. 10\.96\.0\.53\n\}/,
    );
    const backup = await store.get(Kinds.ConfigMap, {
      name: 'cluster-dns-backup',
      namespace: 'pharos-system',
    });
    assert.deepEqual(backup?.data, { 'kube-system.coredns.Corefile': COREFILE });
    assert.equal(await configure(store), 0, 'a second time there is nothing to do');
    await undo(store);
    assert.deepEqual(await dataOf(store, 'coredns'), { Corefile: COREFILE });
    assert.deepEqual(await planNoStub(store), []);
  });

  test('in NodeLocal DNSCache too, where it runs', async () => {
    const store = await cluster({
      coredns: { data: { Corefile: COREFILE } },
      'node-local-dns': { data: { Corefile: 'cluster.local:53 {\n}\n' } },
    });
    assert.equal(await configure(store), 2);
    assert.match((await dataOf(store, 'node-local-dns'))?.['Corefile'] ?? '', /clusterset\.local:53/);
    await undo(store);
    assert.deepEqual(await dataOf(store, 'node-local-dns'), { Corefile: 'cluster.local:53 {\n}\n' });
  });

  test('in a ConfigMap that is made for it, and goes with it', async () => {
    const store = await cluster({ coredns: { data: { Corefile: 'import custom/*.server\n' } } });
    await configure(store);
    assert.deepEqual(Object.keys((await dataOf(store, 'coredns-custom')) ?? {}), ['pharos.server']);
    await undo(store);
    assert.equal(await dataOf(store, 'coredns-custom'), undefined);
  });

  test('a change by somebody else in between is not overwritten', async () => {
    const store = await cluster({ coredns: { data: { Corefile: COREFILE } } });
    const changes = await planStub(store, stub);
    await store.apply(Kinds.ConfigMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace: 'kube-system' },
      data: { Corefile: `${COREFILE}# mine\n` },
    });
    await assert.rejects(applyDnsChanges(store, changes, { backup: true }), { code: 'conflict' });
    assert.deepEqual(await dataOf(store, 'coredns'), { Corefile: `${COREFILE}# mine\n` });
  });

  for (const [what, maps, says] of [
    ['without CoreDNS', {}, /has no Corefile in ConfigMap kube-system\/coredns.*configure-cluster-dns\.md/],
    [
      'where Helm keeps it',
      { coredns: { data: { Corefile: COREFILE }, labels: { 'app.kubernetes.io/managed-by': 'Helm' } } },
      /Helm release/,
    ],
    [
      'where somebody serves the zone in a file of his own',
      {
        coredns: { data: { Corefile: 'import custom/*.server\n' } },
        'coredns-custom': { data: { 'lighthouse.server': 'clusterset.local:53 {\n}\n' } },
      },
      /kube-system\/coredns-custom serves clusterset\.local by a block that Pharos did not write/,
    ],
    [
      'where somebody serves the zone already',
      { coredns: { data: { Corefile: `${COREFILE}clusterset.local {\n}\n` } } },
      /serves clusterset\.local by a block that Pharos did not write/,
    ],
  ] as const) {
    test(`${what} it is refused, with what to do`, async () => {
      await assert.rejects(planStub(await cluster(maps), stub), says);
    });
  }
});
