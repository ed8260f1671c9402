import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { OwnChanges } from '../../../src/routing/own-changes.ts';

const create = (): OwnChanges => new OwnChanges((line) => line.includes(' ip pharos'));
const END = '# new generation 7 by process 4711 (nft)';
const ELEMENT = 'add element ip pharos ph_vips { 243.0.0.1 }';
const FOREIGN = 'add rule inet firewalld filter_FORWARD accept';

/** @returns which of the transactions were taken for somebody else's */
function hear(changes: OwnChanges, transactions: readonly (readonly string[])[], now = 0): boolean[] {
  return transactions.map((lines) => [...lines, END].map((line) => changes.hear(line, now)).some(Boolean));
}

test('what was begun is ours, however many lines it has and however late it is told', () => {
  const changes = create();
  changes.begin(0);
  changes.begin(0);
  assert.deepEqual(hear(changes, [Array<string>(10_000).fill(ELEMENT), [ELEMENT], [ELEMENT]], 60_000), [
    false,
    false,
    true,
  ]);
});

test('other tables are nobody’s business', () => {
  const changes = create();
  changes.begin(0);
  assert.deepEqual(hear(changes, [[FOREIGN], [ELEMENT], [FOREIGN], [FOREIGN, ELEMENT]]), [
    false,
    false,
    false,
    true,
  ]);
});

test('a transaction that failed is not waited for, nor one that was never told', () => {
  const changes = create();
  changes.begin(0);
  changes.cancel();
  assert.deepEqual(hear(changes, [[ELEMENT]]), [true]);
  changes.begin(0);
  assert.deepEqual(hear(changes, [[ELEMENT]], 600_000), [true]);
});

test('a watch that begins anew may have missed what was before, and may yet hear of it', () => {
  for (const [at, taken] of [
    [5000, false],
    [15_000, true],
  ] as const) {
    const changes = create();
    changes.begin(0);
    changes.hear(ELEMENT, 0);
    changes.hear('', 0);
    assert.deepEqual(hear(changes, [[FOREIGN], [ELEMENT]], at), [false, taken]);
  }
});

test('in any order as many are taken for somebody else’s as are', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('own', 'theirs', 'elsewhere')), (story) => {
      const changes = create();
      const heard = story.flatMap((what) => {
        if (what === 'own') changes.begin(0);
        return hear(changes, [what === 'elsewhere' ? [FOREIGN] : [ELEMENT]]);
      });
      assert.deepEqual(
        heard,
        story.map((what) => what === 'theirs'),
      );
    }),
  );
});
