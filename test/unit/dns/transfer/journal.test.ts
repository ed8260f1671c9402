import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Journal, type Step } from '../../../../src/dns/transfer/journal.ts';
import { isAfter } from '../../../../src/dns/transfer/serial.ts';
import { a } from '../support/fake-source.ts';

const texts = (journal: Journal): string[] =>
  journal
    .contents()
    .flat()
    .map((record) => JSON.stringify(record))
    .sort();

/** What a secondary has after steps. */
function applied(before: readonly string[], steps: readonly Step[]): string[] {
  const now = new Set(before);
  for (const { removed, added } of steps) {
    for (const record of removed) assert.ok(now.delete(JSON.stringify(record)), 'what goes was there');
    for (const record of added) {
      const text = JSON.stringify(record);
      assert.ok(!now.has(text), 'what comes was not there');
      now.add(text);
    }
  }
  return [...now].sort();
}

test('serials come after others by less than half of their circle (RFC 1982)', () => {
  const max = 2 ** 32 - 1;
  assert.deepEqual(
    [
      isAfter(1, 0),
      isAfter(0, 0),
      isAfter(0, max),
      isAfter(max, 0),
      isAfter(2 ** 31 - 1, 0),
      isAfter(5, 2 ** 31 + 6),
    ],
    [true, false, true, false, true, true],
  );
});

test('from any serial that is known the steps lead to what the whole is, across the end of the circle too', () => {
  const change = fc.array(fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.array(fc.nat(6), { maxLength: 5 })), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), fc.integer({ min: 5, max: 60 }), (changes, limit) => {
      const journal = new Journal(limit);
      let serial = 2 ** 32 - 4;
      const states = new Map<number, string[]>();
      for (const parts of changes) {
        for (const [part, addresses] of parts) {
          journal.set(
            part,
            addresses.map((n) => a(`${part}.`, `10.0.0.${n}`)),
          );
        }
        serial = (serial + 1) >>> 0;
        journal.commit(serial);
        states.set(serial, texts(journal));
      }
      for (const [at, before] of states) {
        const difference = journal.since(at);
        if (difference.is === 'nothing') assert.equal(at, serial);
        if (difference.is !== 'steps') continue;
        assert.deepEqual(applied(before, difference.steps), texts(journal));
        assert.equal(difference.steps[0]?.from, at);
        assert.equal(difference.steps.at(-1)?.to, serial);
        for (const [index, step] of difference.steps.slice(1).entries()) {
          assert.equal(step.from, difference.steps[index]?.to);
        }
      }
    }),
  );
});

test('the oldest steps go when there are too many, and whoever is behind them gets the whole', () => {
  const journal = new Journal(12);
  journal.set(
    'much',
    Array.from({ length: 100 }, (_, n) => a('m.', `10.1.0.${n}`)),
  );
  for (let serial = 1; serial <= 10; serial++) {
    journal.set('x', [a('x.', `10.0.0.${serial}`)]);
    journal.commit(serial);
  }
  assert.equal(journal.since(10).is, 'nothing');
  assert.equal(journal.since(11).is, 'nothing', 'one that is ahead');
  assert.equal(journal.since(9).is, 'steps');
  assert.equal(journal.since(7).is, 'steps');
  assert.equal(journal.since(6).is, 'whole');
  assert.equal(journal.since(0).is, 'whole');
});

test('where the steps are longer than the whole, the whole is sent', () => {
  const journal = new Journal(1000);
  journal.set('x', [a('x.', '10.0.0.1'), a('x.', '10.0.0.1')]);
  journal.commit(1);
  for (let serial = 2; serial < 9; serial++) {
    journal.set('x', [a('x.', `10.0.0.${serial}`)]);
    journal.commit(serial);
  }
  assert.equal(journal.since(2).is, 'whole');
  assert.equal(texts(journal).length, 1, 'equal records are one');
});
