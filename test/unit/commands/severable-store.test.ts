import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SeverableStore } from '../../../src/commands/playground/severable-store.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { storeContract } from '../store/contract.ts';
import { record } from '../support/recording.ts';

const open = (): SeverableStore =>
  new SeverableStore(new MemoryStore({ location: 'the broker', clock: systemClock }));
const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace' as const, metadata: { name } });

storeContract('severable', async () => ({ store: open(), close: async () => {} }));

test('while it is cut every call fails as a store that is away', async () => {
  const store = open();
  store.cut();
  for (const call of [
    () => store.list(Kinds.Namespace),
    () => store.get(Kinds.Namespace, { name: 'shop' }),
    () => store.apply(Kinds.Namespace, namespace('shop')),
    () => store.applyStatus(Kinds.Namespace, namespace('shop')),
    () => store.remove(Kinds.Namespace, { name: 'shop' }),
  ]) {
    await assert.rejects(call(), {
      code: 'unavailable',
      message: /the broker: the cluster is disconnected$/,
    });
  }
  store.mend();
  assert.deepEqual(await store.list(Kinds.Namespace), []);
});

test('a watch is interrupted, then told what is there now, then live', async () => {
  const inner = new MemoryStore({ location: 'the broker', clock: systemClock });
  const store = new SeverableStore(inner);
  const stop = new AbortController();
  const seen = record(store, Kinds.Namespace, {}, stop.signal);
  await seen.until('snapshot');
  store.cut();
  await seen.until('interrupted');
  await inner.apply(Kinds.Namespace, namespace('shop'));
  store.mend();
  await seen.until('live');
  await inner.apply(Kinds.Namespace, namespace('dev'));
  await seen.until('set dev');
  assert.deepEqual(seen.lines, ['snapshot', 'interrupted', 'snapshot shop', 'live', 'set dev']);
  await seen.stop();
});
