import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LEAST_MTU, PathMtu, RAISE_MS } from '../../../src/tunnel/path-mtu.ts';

const ROOM = 1370;
const WAIT_MS = 200;
const TICK_MS = 100;

/** What a way does with a packet of this size: lets it through, or does not. */
type Way = (size: number, now: number) => boolean;
const upTo =
  (most: number): Way =>
  (size) =>
    size <= most;

/** Lives for so long, with a look every 100 ms and answers a little later. @returns what it used, and what it sent */
function live(path: PathMtu, from: number, ms: number, way: Way, isAlive = true, mayGrow = true) {
  const used: number[] = [];
  let sent = 0;
  for (let now = from; now < from + ms; now += TICK_MS) {
    const sizes = path.due(now, isAlive, WAIT_MS, mayGrow);
    sent += sizes.length;
    for (const size of sizes) if (way(size, now)) path.answered(size, now + 1);
    if (used.at(-1) !== path.mtu) used.push(path.mtu);
  }
  return { used, sent, end: from + ms };
}

test('a way that takes all there is room for is known by one answer', () => {
  const path = new PathMtu(ROOM, 0);
  assert.ok(path.due(0, true, WAIT_MS).includes(ROOM));
  path.answered(ROOM, 1);
  assert.deepEqual([path.mtu, path.isSettled], [ROOM, true]);
});

test('a narrow way is left within a second, and known to four bytes within five', () => {
  const path = new PathMtu(ROOM, 0);
  const { end } = live(path, 0, 1000, upTo(1182));
  assert.ok(path.mtu <= 1182 && path.mtu > 900, `${path.mtu}`);
  const { used } = live(path, end, 4000, upTo(1182));
  assert.ok(path.isSettled);
  assert.ok(path.mtu <= 1182 && path.mtu > 1182 - 4, `${path.mtu}`);
  assert.ok(used.length <= 2, `it is not changed with each step: ${used.join(' ')}`);
});

test('a way that becomes narrower is left within four seconds, and not looked at again for ten minutes', () => {
  const path = new PathMtu(ROOM, 0);
  let { end } = live(path, 0, 10_000, upTo(ROOM));
  ({ end } = live(path, end, 4000, upTo(1182)));
  assert.ok(path.mtu <= 1182, `${path.mtu}`);
  ({ end } = live(path, end, 10_000, upTo(1182)));
  const narrow = path.mtu;
  const later = live(path, end, RAISE_MS - 20_000, upTo(ROOM));
  assert.deepEqual(later.used, [narrow]);
  live(path, later.end, 20_000, upTo(ROOM));
  assert.equal(path.mtu, ROOM, 'it is wide again');
});

test('where looking for more makes no sense it is not done', () => {
  const path = new PathMtu(ROOM, 0);
  const { end } = live(path, 0, 10_000, upTo(1182));
  const narrow = path.mtu;
  assert.deepEqual(live(path, end, 2 * RAISE_MS, upTo(ROOM), true, false).used, [narrow]);
});

test('an end that does not know such packets is left alone, and what was used is used on', () => {
  const path = new PathMtu(ROOM, 0, 1300);
  const { used, sent } = live(path, 0, 60_000, () => false);
  assert.deepEqual([used, path.isSettled], [[1300], false]);
  assert.ok(sent < 100, `${sent} packets in a minute`);
});

test('a tunnel that is silent tells nothing of sizes', () => {
  const path = new PathMtu(ROOM, 0);
  const { end } = live(path, 0, 5000, upTo(ROOM));
  const { sent } = live(path, end, 60_000, () => false, false);
  assert.deepEqual([path.mtu, path.isSettled, sent], [ROOM, true, 0]);
});

test('what the kernel was told counts, and what it cuts for us does not', () => {
  const path = new PathMtu(ROOM, 0);
  let { end } = live(path, 0, 5000, upTo(ROOM));
  path.limit(1170, end);
  assert.deepEqual([path.mtu, path.isSettled], [1170, true]);
  ({ end } = live(path, end, 60_000, upTo(ROOM)));
  assert.equal(path.mtu, 1170);
  const searching = new PathMtu(ROOM, end);
  searching.due(end, true, WAIT_MS);
  searching.limit(1170, end);
  live(searching, end, 5000, upTo(ROOM));
  assert.deepEqual([searching.mtu, searching.isSettled], [1170, true]);
});

test('an absurd limit is not believed', () => {
  const path = new PathMtu(ROOM, 0);
  path.limit(-5, 0);
  assert.equal(path.mtu, LEAST_MTU);
});

test('another device, another search; what does not fit any more is not used for a moment', () => {
  const path = new PathMtu(ROOM, 0);
  const { end } = live(path, 0, 5000, upTo(ROOM));
  path.setRoom(1300, end);
  assert.equal(path.mtu, 1300);
  path.setRoom(1400, end);
  assert.equal(path.mtu, 1300, 'not before it is known');
  live(path, end, 5000, upTo(1400));
  assert.equal(path.mtu, 1400);
});

test('any way is found out, with some loss, within bounds, and by few packets', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: LEAST_MTU, max: 9000 }),
      fc.integer({ min: 1280, max: 9000 }),
      fc.option(fc.integer({ min: LEAST_MTU, max: 9000 }), { nil: undefined }),
      fc.integer({ min: 0, max: 20 }),
      (most, room, believed, lossPercent) => {
        let random = most * 7919 + room;
        const way: Way = (size) => {
          random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
          return size <= most && random % 100 >= lossPercent;
        };
        const path = new PathMtu(room, 0, believed);
        const { used, sent, end } = live(path, 0, 20_000, way);
        const truth = Math.min(most, room);
        for (const mtu of used) assert.ok(mtu >= LEAST_MTU && mtu <= room);
        assert.ok(path.mtu <= truth, `${path.mtu} is more than ${truth}`);
        assert.ok(sent <= 400, `${sent} packets`);
        if (lossPercent > 0) return;
        assert.ok(path.isSettled && path.mtu > truth - 5, `${path.mtu} of ${truth}`);
        assert.equal(live(path, end, 60_000, way).used.length, 1, 'and stays');
      },
    ),
    { numRuns: 300 },
  );
});
