import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkHealth } from '../../../src/tunnel/link-health.ts';

const TIMES = { intervalMs: 100, missed: 3 };

/** Probes every 100 ms from `from` on; `answers` tells what becomes of each. Ends with a look at the health. */
function probe(health: LinkHealth, from: number, answers: readonly boolean[], roundTripMs = 1): number {
  let now = from;
  for (const answered of answers) {
    const sequence = health.send(now);
    if (answered) health.receive(sequence, now + roundTripMs);
    health.evaluate(now + roundTripMs);
    now += TIMES.intervalMs;
  }
  return now;
}
const times = (count: number, answered = true): boolean[] => Array<boolean>(count).fill(answered);

test('a process that was stopped for a while does not take its own silence for that of others', () => {
  const health = new LinkHealth(TIMES, 0);
  probe(health, 0, times(20));
  health.send(9_000);
  assert.ok(health.isAlive(9_001));
});

test('the first answer connects', () => {
  const health = new LinkHealth(TIMES, 0);
  assert.deepEqual([health.state, health.isAlive(0)], ['connecting', false]);
  probe(health, 0, [true]);
  assert.deepEqual([health.state, health.isAlive(50), health.roundTripMs], ['connected', true, 1]);
});

test('silence of three intervals ends it, no sooner', () => {
  const health = new LinkHealth(TIMES, 0);
  const now = probe(health, 0, times(20)); // the last answer at 1901
  probe(health, now, times(2, false));
  for (const [at, alive] of [
    [2200, true],
    [2201, true],
    [2202, false],
  ] as const)
    assert.equal(health.isAlive(at), alive);
  health.evaluate(2202);
  assert.deepEqual([health.state, health.reason], ['error', 'probes are no longer answered']);
  assert.equal(health.deadline, 2201);
});

test('a long way is not a broken one: silence is measured in round trips too', () => {
  const health = new LinkHealth(TIMES, 0);
  const now = probe(health, 0, times(10), 400); // the last answer at 1300, 3 × 400 ms are allowed
  for (let sent = now; sent < 2600; sent += 100) health.send(sent);
  assert.ok(health.isAlive(2400));
  assert.ok(!health.isAlive(2600));
});

test('after silence ten answers in a row bring it back; until then it carries only where nothing else does', () => {
  const health = new LinkHealth(TIMES, 0);
  let now = probe(health, 0, times(20));
  now = probe(health, now, times(10, false));
  assert.equal(health.state, 'error');
  now = probe(health, now, times(9));
  assert.deepEqual([health.state, health.isAlive(now), health.isSettled(now)], ['error', true, false]);
  now = probe(health, now, [true]);
  assert.deepEqual([health.state === 'error', health.isSettled(now)], [false, true]);
});

test('loss makes it degraded, and only clearly less loss makes it sound again', () => {
  const health = new LinkHealth(TIMES, 0);
  let now = probe(health, 0, times(30));
  for (let i = 0; i < 6; i++) now = probe(health, now, [false, ...times(4)]);
  assert.equal(health.state, 'degraded');
  assert.match(health.reason ?? '', /of 100 probes are lost/);
  now = probe(health, now, times(40));
  assert.equal(health.state, 'degraded', 'a little loss is in the window still');
  probe(health, now, times(30));
  assert.deepEqual([health.state, health.reason], ['connected', undefined]);
});

test('a tunnel that was in use before this process started is trusted until probes tell', () => {
  const health = new LinkHealth(TIMES, 1000, 500);
  assert.deepEqual([health.isAlive(1400), health.isAlive(1501)], [true, false]);
});

test('what never answers is in error after ten seconds', () => {
  const health = new LinkHealth(TIMES, 0);
  probe(health, 0, times(99, false));
  assert.equal(health.state, 'connecting');
  health.evaluate(10_001);
  assert.deepEqual([health.state, health.reason], ['error', 'no probe was ever answered']);
});

test('an answer that nobody asked for, or that comes twice, counts for nothing', () => {
  const health = new LinkHealth(TIMES, 0);
  const sequence = health.send(0);
  assert.equal(health.receive(sequence + 1, 1), false);
  assert.equal(health.receive(sequence, 1), true);
  assert.equal(health.receive(sequence, 2), false);
});
