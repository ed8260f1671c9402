import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reconciler, type ReconcilerOptions, type ReconcileResult } from '../../../src/runtime/reconciler.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

function setUp(
  reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>,
  options: Partial<ReconcilerOptions> = {},
) {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const reconciler = new Reconciler({ name: 'test', reconcile, log, clock, random: () => 0, ...options });
  const stop = new AbortController();
  return { clock, reconciler, stop, lines };
}

describe('a reconciler', () => {
  it('reconciles what was added before and after it started, and ends when told', async () => {
    const seen: string[] = [];
    const { reconciler, stop } = setUp(async (key) => {
      seen.push(key);
      return 'done';
    });
    reconciler.add('early');
    const running = reconciler.run(stop.signal);
    await reconciler.idle();
    reconciler.add('late');
    await reconciler.idle();
    assert.deepEqual(seen, ['early', 'late']);
    assert.deepEqual([reconciler.succeeded, reconciler.failed], [2, 0]);
    stop.abort();
    await running;
  });

  it('works on several keys at once, but never twice on one', async () => {
    const gates = new Map<string, () => void>();
    const started: string[] = [];
    const { reconciler, stop, clock } = setUp(
      (key) => {
        started.push(key);
        return new Promise((resolve) => gates.set(key, () => resolve('done')));
      },
      { workers: 2 },
    );
    const running = reconciler.run(stop.signal);
    for (const key of ['a', 'a', 'b', 'c']) reconciler.add(key);
    await clock.advance(0);
    reconciler.add('a');
    assert.deepEqual([started, reconciler.depth], [['a', 'b'], 1]);
    gates.get('a')?.();
    await clock.advance(0);
    assert.deepEqual(started, ['a', 'b', 'c']);
    gates.get('b')?.();
    await clock.advance(0);
    assert.deepEqual(started, ['a', 'b', 'c', 'a']);
    for (const open of gates.values()) open();
    stop.abort();
    await running;
  });

  it('tries what failed again with back-off, and says so once', async () => {
    let attempts = 0;
    const { reconciler, stop, clock, lines } = setUp(
      async () => {
        if (++attempts < 4) throw new Error('no luck');
        return 'done';
      },
      { backoff: { baseMs: 100, maxMs: 1000 } },
    );
    const running = reconciler.run(stop.signal);
    reconciler.add('shop/mysql');
    await clock.advance(99);
    assert.equal(attempts, 1);
    await clock.advance(1 + 200 + 400);
    assert.deepEqual([attempts, reconciler.succeeded, reconciler.failed], [4, 1, 3]);
    const warnings = lines.filter((line) => line.level === 'warn');
    assert.equal(warnings.length, 1);
    assert.partialDeepStrictEqual(warnings[0]?.fields, {
      reconciler: 'test',
      key: 'shop/mysql',
      failures: 1,
    });
    stop.abort();
    await running;
  });

  it('waits as long as the error asks', async () => {
    let attempts = 0;
    const { reconciler, stop, clock } = setUp(async () => {
      attempts++;
      throw Object.assign(new Error('busy'), { retryAfterSeconds: 5 });
    });
    const running = reconciler.run(stop.signal);
    reconciler.add('a');
    await clock.advance(4999);
    assert.equal(attempts, 1);
    await clock.advance(1);
    assert.equal(attempts, 2);
    stop.abort();
    await running;
  });

  it('comes back when a reconciliation asks for it', async () => {
    let runs = 0;
    const { reconciler, stop, clock } = setUp(async () => (++runs === 1 ? { retryAfterMs: 300 } : 'done'));
    const running = reconciler.run(stop.signal);
    reconciler.add('a');
    await clock.advance(299);
    assert.equal(runs, 1);
    await clock.advance(1);
    assert.equal(runs, 2);
    await clock.advance(60_000);
    assert.equal(runs, 2);
    stop.abort();
    await running;
  });

  it('lets running reconciliations end at shutdown, and does not call that a failure', async () => {
    let aborted = false;
    const { reconciler, stop, clock, lines } = setUp(
      (_key, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new Error('aborted'));
          }),
        ),
    );
    const running = reconciler.run(stop.signal);
    reconciler.add('a');
    await clock.advance(0);
    stop.abort();
    await running;
    assert.deepEqual([aborted, reconciler.failed, lines, clock.pending], [true, 0, [], 0]);
  });
});
