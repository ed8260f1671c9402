import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/runtime/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

for (const [name, clock] of [
  ['the system clock', systemClock],
  ['the fake clock', new FakeClock()],
] as const) {
  test(`${name} ends a sleep at once when the signal aborts, before or during it`, async () => {
    await clock.sleep(1e9, AbortSignal.abort());
    const abort = new AbortController();
    const slept = clock.sleep(1e9, abort.signal);
    abort.abort();
    await slept;
  });
}

test('the system clock sleeps at least as long as told', async () => {
  const before = systemClock.monotonic();
  await systemClock.sleep(5);
  assert.ok(systemClock.monotonic() - before >= 4);
});

test('the system clock does not call what was called off', async () => {
  let called = false;
  systemClock.after(0, () => (called = true))();
  await systemClock.sleep(2);
  assert.equal(called, false);
});

test('the system clock holds a delay that is longer than timers can be', async () => {
  let called = false;
  const cancel = systemClock.after(2 ** 31, () => (called = true));
  await systemClock.sleep(2);
  cancel();
  assert.equal(called, false);
});
