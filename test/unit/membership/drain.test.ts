import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DRAINED_NAME, drainText, parseDrained } from '../../../src/api/drained.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { setDrain } from '../../../src/membership/drain.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { StoreError } from '../../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';

const [west, east] = [parseClusterId('west'), parseClusterId('east')];
const drain = { by: 'alice', at: '2026-01-01T00:00:00Z', why: 'new kernel' };

function setUp() {
  const memory = new MemoryStore({ location: 'broker', clock: new FakeClock() });
  const store = new FaultyStore(memory);
  const drained = async () =>
    Object.fromEntries(
      parseDrained(await memory.get(Kinds.ConfigMap, { name: DRAINED_NAME, namespace: 'pharos-broker' })),
    );
  const set = (...[cluster, what]: [typeof west, typeof drain | undefined]) =>
    setDrain(store, 'pharos-broker', cluster, what);
  return { store, memory, drained, set };
}

test('clusters are drained and brought back one by one', async () => {
  const { drained, set } = setUp();
  assert.equal(await set(east, undefined), undefined);
  assert.deepEqual(await drained(), {});
  await set(west, drain);
  await set(east, { ...drain, by: 'bob' });
  assert.deepEqual(await drained(), { west: drain, east: { ...drain, by: 'bob' } });
  assert.deepEqual(await set(west, undefined), drain);
  assert.deepEqual(await drained(), { east: { ...drain, by: 'bob' } });
});

test('two who drain at the same moment both succeed', async () => {
  const { drained, set, store } = setUp();
  await set(west, drain);
  store.failNext('apply', new StoreError('conflict', 'somebody was first'));
  await set(east, drain);
  assert.deepEqual(Object.keys(await drained()), ['east', 'west'].reverse());
});

test('what somebody wrote by hand drains all the same, and its words are cut', () => {
  const data = { west: 'yes', 'no id': '{}', east: JSON.stringify({ by: 'x'.repeat(500), at: 7 }) };
  const drained = parseDrained({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data });
  assert.deepEqual([...drained.keys()], ['west', 'east']);
  assert.equal(drainText(drained.get('west')!), 'drained by somebody at an unknown time');
  assert.equal(drained.get('east')?.by.length, 100);
});
