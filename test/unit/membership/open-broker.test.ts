import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openJoinedBroker } from '../../../src/membership/open-broker.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { clusterset, id, join } from './fixture.ts';
import type { Clusterset } from './fixture.ts';

const open = ({ west, clock }: Clusterset, cluster = 'west') =>
  openJoinedBroker({ member: west, cluster: id(cluster), clock, random: () => 0, log: silentLog });

test('a cluster that never joined has no broker', async () => {
  assert.equal(await open(await clusterset()), undefined);
});

test('a cluster that joined finds its broker at the address, and in the namespace, that it was given', async () => {
  const set = await clusterset();
  await join(set.deps, set.request);
  const broker = await open(set);
  assert.equal(broker?.store.location, 'https://broker.example:6443');
  assert.equal(broker.namespace, 'pharos-broker');
});

test('a process that acts as another cluster than the one that joined is stopped before it writes', async () => {
  const set = await clusterset();
  await join(set.deps, set.request);
  await assert.rejects(open(set, 'east'), {
    code: 'id-differs',
    message:
      'https://west:6443 joined its broker as "west", this process acts as "east"; leave --cluster-id out, or run ' +
      '"pharos leave" and "pharos join" to change the id',
  });
});
