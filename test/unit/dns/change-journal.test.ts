import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ChangeJournal } from '../../../src/dns/change-journal.ts';

test('whoever comes back is told what it missed, each thing once', () => {
  const journal = new ChangeJournal();
  journal.add([1, 2]);
  const left = journal.generation;
  journal.add([3]);
  journal.add([2, 3]);
  assert.deepEqual(new Set(ids(journal, left)), new Set([2, 3]));
  assert.deepEqual(ids(journal, journal.generation), []);
});

test('a change of the serial alone is a generation, and changes nothing', () => {
  const journal = new ChangeJournal();
  const before = journal.generation;
  journal.add([]);
  assert.equal(journal.generation, before + 1);
  assert.deepEqual(ids(journal, before), []);
});

test('what is too long ago, or has not been yet, cannot be said', () => {
  const journal = new ChangeJournal();
  const start = journal.generation;
  for (let id = 1; id <= 16_001; id++) journal.add([id]);
  assert.equal(journal.after(start), 'all');
  assert.equal(journal.after(journal.generation + 1), 'all');
  assert.deepEqual(ids(journal, journal.generation - 1), [16_001]);
});

test('after a change of everything only later ones can be told', () => {
  const journal = new ChangeJournal();
  journal.add([1]);
  const before = journal.generation;
  journal.add('all');
  const after = journal.generation;
  journal.add([2]);
  assert.equal(journal.after(before), 'all');
  assert.deepEqual(ids(journal, after), [2]);
});

test('it never leaves out a change, however many there were', () => {
  const change = fc.oneof(
    { weight: 20, arbitrary: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant('all' as const) },
    { weight: 1, arbitrary: fc.constant(Array.from({ length: 12_000 }, (_, n) => n + 1)) },
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), fc.nat(), (changes, from) => {
      const journal = new ChangeJournal();
      const known = journal.generation + (from % (changes.length + 1));
      const missed = new Set<number>();
      let all = false;
      for (const each of changes) {
        journal.add(each);
        if (journal.generation <= known) continue;
        if (each === 'all') all = true;
        else for (const id of each) missed.add(id);
      }
      const told = journal.after(known);
      if (told !== 'all') {
        assert.equal(all, false);
        assert.deepEqual(new Set(told), missed);
      }
    }),
    { numRuns: 50 },
  );
});

function ids(journal: ChangeJournal, generation: number): readonly number[] {
  const changed = journal.after(generation);
  assert.notEqual(changed, 'all');
  return changed as readonly number[];
}
