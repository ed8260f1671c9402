import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { Namespace } from '../../../src/api/objects.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { storeContract } from './contract.ts';

const open = (): MemoryStore => new MemoryStore({ location: 'memory', clock: systemClock });
const namespace = (name: string): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { a: '1' } },
});

storeContract('memory', async () => ({ store: open(), close: async () => {} }));

test('objects from a memory store are frozen to the bottom', async () => {
  const stored = await open().apply(Kinds.Namespace, namespace('shop'));
  assert.throws(() => {
    stored.metadata.labels = {};
  }, TypeError);
  assert.throws(() => Object.assign(stored.metadata.labels ?? {}, { a: '2' }), TypeError);
});

test('two followers see changes in one order, even when the first one reacts with a change', async () => {
  const store = open();
  const stop = new AbortController();
  const seen: string[] = [];
  const last = Promise.withResolvers<void>();
  const watches = [
    store.watch(
      Kinds.Namespace,
      {},
      (event) => {
        if (event.type === 'set' && event.object.metadata.name === 'first') {
          void store.apply(Kinds.Namespace, namespace('reaction'));
        }
      },
      stop.signal,
    ),
    store.watch(
      Kinds.Namespace,
      {},
      (event) => {
        if (event.type !== 'set') return;
        seen.push(event.object.metadata.name);
        if (event.object.metadata.name === 'reaction') last.resolve();
      },
      stop.signal,
    ),
  ];
  await store.apply(Kinds.Namespace, namespace('first'));
  await last.promise;
  assert.deepEqual(seen, ['first', 'reaction']);
  stop.abort();
  await Promise.all(watches);
});

test('an object of another kind than the one named is refused', async () => {
  const wrong = { ...namespace('shop'), apiVersion: 'v2' };
  await assert.rejects(open().apply(Kinds.Namespace, wrong), /it is a v2 Namespace, must be a v1 Namespace$/);
});
