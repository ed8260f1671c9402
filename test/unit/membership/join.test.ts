import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { parseCredentials, CREDENTIALS_REF } from '../../../src/membership/credentials.ts';
import type { BrokerCredentials } from '../../../src/membership/credentials.ts';
import { planJoin } from '../../../src/membership/join.ts';
import type { MemoryStore } from '../../../src/store/memory.ts';
import { StoreError } from '../../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { NAMESPACE, cluster, clusterset, definitions, id, inventory, join } from './fixture.ts';

const DAY = 24 * 3_600_000;

async function held(member: MemoryStore): Promise<BrokerCredentials> {
  const secret = await member.get(Kinds.Secret, CREDENTIALS_REF);
  assert.ok(secret);
  return parseCredentials(secret);
}

test('joining gives the member a token for an identity of its own, and where to use it', async () => {
  const { broker, west, deps, request, clock } = await clusterset();
  const { token } = await join(deps, request);
  assert.equal(token, 'issued');
  assert.deepEqual(broker.issued, [{ namespace: NAMESPACE, name: 'cluster-west' }]);
  const credentials = await held(west);
  assert.equal(credentials.token.reveal(), 'token-1');
  assert.equal(credentials.cluster, 'west');
  assert.deepEqual(credentials.address, request.address);
  assert.equal(credentials.expiresAt - clock.now(), 30 * DAY);
  const account = await broker.get(Kinds.ServiceAccount, { namespace: NAMESPACE, name: 'cluster-west' });
  assert.equal(account?.metadata.uid, credentials.identityUid);
});

test('joining again changes nothing, on neither side', async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  const before = [await inventory(broker), await inventory(west)];
  assert.equal((await join(deps, request)).token, 'kept');
  assert.deepEqual([await inventory(broker), await inventory(west)], before);
});

test('looking before joining changes nothing', async () => {
  const { broker, west, deps, request } = await clusterset();
  const before = [await inventory(broker), await inventory(west)];
  await planJoin(deps, request);
  assert.deepEqual([await inventory(broker), await inventory(west)], before);
});

test('a token that is due is replaced by joining again', async () => {
  const { west, deps, request, clock } = await clusterset();
  await join(deps, request);
  await clock.advance(16 * DAY);
  assert.equal((await join(deps, request)).token, 'issued');
  assert.equal((await held(west)).token.reveal(), 'token-2');
});

test('a token whose identity was made anew is replaced by joining again', async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  await broker.remove(Kinds.ServiceAccount, { namespace: NAMESPACE, name: 'cluster-west' });
  assert.equal((await join(deps, request)).token, 'issued');
  assert.equal((await held(west)).token.reveal(), 'token-2');
});

test('a Secret that somebody broke is mended by joining again', async () => {
  const { west, deps, request } = await clusterset();
  await join(deps, request);
  const secret = await west.get(Kinds.Secret, CREDENTIALS_REF);
  assert.ok(secret);
  await west.apply(Kinds.Secret, { ...secret, data: {} });
  await join(deps, request);
  assert.equal((await held(west)).token.reveal(), 'token-2');
});

test('a server that grants less time than was asked for is believed', async () => {
  const { broker, west, deps, request, clock } = await clusterset();
  broker.lifetimeSeconds = 3600;
  await join(deps, request);
  assert.equal((await held(west)).expiresAt - clock.now(), 3_600_000);
});

test('a second cluster that claims the id is refused, and the first is unharmed', async () => {
  const { broker, west, deps, request, clock } = await clusterset();
  await join(deps, request);
  const impostor = await cluster('impostor', clock);
  const before = [await inventory(broker), await inventory(west), await inventory(impostor)];
  await assert.rejects(join({ ...deps, member: impostor }, request), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'id-taken');
    assert.match(
      error.message,
      /^The cluster id "west" is taken: another cluster \(kube-system uid .+, not .+\) joined https:\/\/broker:6443 under it at 2026-01-01T00:00:00Z; choose another --cluster-id, or, if that cluster is gone for good, run "pharos broker remove-cluster west" first$/,
    );
    return true;
  });
  assert.deepEqual([await inventory(broker), await inventory(west), await inventory(impostor)], before);
});

test('of two clusters that claim one id at the same moment exactly one gets it', async () => {
  const { broker, deps, request, clock } = await clusterset();
  const members = await Promise.all(['a', 'b', 'c'].map((name) => cluster(name, clock)));
  const outcomes = await Promise.allSettled(members.map((member) => join({ ...deps, member }, request)));
  const refused = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
  );
  assert.deepEqual(refused, ['id-taken', 'id-taken']);
  assert.equal(broker.issued.length, 1);
});

test('a cluster that is a member under another id must leave first', async () => {
  const { deps, request } = await clusterset();
  await join(deps, request);
  await assert.rejects(join(deps, { ...request, cluster: id('east') }), {
    code: 'already-joined',
    message:
      'https://west:6443 is a member already: "west" of https://broker.example:6443, namespace pharos-broker; run ' +
      '"pharos leave" there before it joins https://broker.example:6443, namespace pharos-broker, as "east"',
  });
});

test('a broker that moved to another address is followed by joining again', async () => {
  const { west, deps, request } = await clusterset();
  await join(deps, request);
  const { token } = await join(deps, { ...request, address: { server: 'https://moved:6443' } });
  assert.equal(token, 'kept');
  assert.deepEqual((await held(west)).address, { server: 'https://moved:6443' });
});

test('an API server that is no broker is named, and nothing is changed', async () => {
  const { west, deps, request } = await clusterset();
  const before = await inventory(west);
  await assert.rejects(join(deps, { ...request, brokerNamespace: 'elsewhere' }), {
    code: 'not-a-broker',
    message:
      'https://broker:6443 is no broker in namespace elsewhere; run "pharos broker deploy" against it first, or ' +
      'name the namespace with --broker-namespace',
  });
  assert.deepEqual(await inventory(west), before);
});

test('a namespace pharos-system that was there before is not taken over', async () => {
  const { west, deps, request } = await clusterset();
  const metadata = { name: 'pharos-system' };
  await west.apply(Kinds.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
  await join(deps, request);
  assert.equal((await west.get(Kinds.Namespace, metadata))?.metadata.labels, undefined);
});

test('a cluster without kube-system can not be told from others and is refused', async () => {
  const { deps, request } = await clusterset();
  const odd = await cluster('odd', new FakeClock());
  await odd.remove(Kinds.Namespace, { name: 'kube-system' });
  await assert.rejects(join({ ...deps, member: odd, definitions }, request), (error) => {
    assert.ok(error instanceof StoreError);
    assert.equal(error.message, 'https://odd:6443 has no namespace kube-system with a uid');
    return true;
  });
});
