import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { MemoryStore } from '../../../src/store/memory.ts';
import {
  afterStep,
  dueStep,
  type KeyRing,
  openKeyRing,
  publishedKeys,
  type RotationStep,
  storeKeyRing,
} from '../../../src/tunnel/key-ring.ts';
import { makeKeyPair } from '../../../src/tunnel/keys.ts';
import { FakeClock } from '../support/fake-clock.ts';

const TIMES = { everyMs: 1000, announceMs: 30, keepMs: 60 };
const [first, second] = [makeKeyPair('ipsec'), makeKeyPair('ipsec')];
const rest: KeyRing = { current: first, since: 0 };
const announced: KeyRing = { current: first, next: second, since: 0, request: 'r1' };
const switched: KeyRing = { current: second, old: first.publicKey, since: 0, request: 'r1' };

describe('keys are rotated', () => {
  const rows: readonly (readonly [string, KeyRing, number, string | undefined, RotationStep | undefined])[] =
    [
      ['not before their time', rest, 999, undefined, undefined],
      ['at their age', rest, 1000, undefined, 'announce'],
      ['when asked to', rest, 1, 'r1', 'announce'],
      ['once for each request', { ...rest, request: 'r1' }, 1, 'r1', undefined],
      ['only when peers have heard of the new one', announced, 29, 'r1', undefined],
      ['then', announced, 30, 'r1', 'switch'],
      ['with the old one accepted for a while', switched, 59, 'r2', undefined],
      ['and no longer', switched, 60, 'r2', 'forget'],
    ];
  for (const [sentence, ring, now, request, step] of rows) {
    it(sentence, () => assert.equal(dueStep(ring, now, TIMES, request), step));
  }

  it('such that what peers accept always has the key in use, and the one before until it is withdrawn', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1200), fc.option(fc.constantFrom('a', 'b'), { nil: undefined }))),
        (looks) => {
          let ring = rest;
          let now = 0;
          for (const [pause, request] of looks) {
            now += pause;
            const step = dueStep(ring, now, TIMES, request);
            if (step === undefined) continue;
            const before = ring;
            ring = afterStep(ring, step, now, () => makeKeyPair('ipsec'), request);
            // Whoever knows only what was published before accepts what is in use now.
            assert.ok(publishedKeys(before).includes(ring.current.publicKey));
            // And whoever hears of it at once goes on with what was agreed by the key before.
            if (step !== 'forget') assert.ok(publishedKeys(ring).includes(before.current.publicKey));
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('by the next process where one ended in between', async () => {
    const store = new MemoryStore({ location: 'memory', clock: new FakeClock() });
    const made = await openKeyRing(store, 'gw1', 'ipsec', 5);
    assert.deepEqual(publishedKeys(made).length, 1);
    for (const ring of [announced, switched, { ...rest, request: 'r1' }]) {
      await storeKeyRing(store, 'gw1', 'ipsec', ring);
      const opened = await openKeyRing(store, 'gw1', 'ipsec', 99);
      assert.deepEqual(publishedKeys(opened), publishedKeys(ring));
      assert.deepEqual([opened.since, opened.request], [ring.since, ring.request]);
    }
  });
});
