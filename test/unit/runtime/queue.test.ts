import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { WorkQueue, type WorkQueueOptions } from '../../../src/runtime/queue.ts';
import { FakeClock } from '../support/fake-clock.ts';

function setUp(options: Partial<WorkQueueOptions> = {}) {
  const clock = new FakeClock();
  const queue = new WorkQueue({
    clock,
    random: () => 0,
    backoff: { baseMs: 100, maxMs: 1000 },
    perSecond: 1000,
    ...options,
  });
  const stop = new AbortController();
  /** The key that a taker gets without waiting, or undefined. */
  const takeNow = async (): Promise<string | undefined> => {
    const impatient = new AbortController();
    const taken = queue.take(impatient.signal);
    impatient.abort();
    return taken;
  };
  return { clock, queue, stop, takeNow };
}

describe('a work queue', () => {
  it('hands out keys in the order in which they came', async () => {
    const { queue, takeNow } = setUp();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    assert.equal(queue.depth, 3);
    assert.deepEqual([await takeNow(), await takeNow(), await takeNow()], ['a', 'b', 'c']);
    assert.deepEqual([queue.depth, queue.processing], [0, 3]);
  });

  it('holds a key once, however often it is added', async () => {
    const { queue, takeNow } = setUp();
    for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
    assert.deepEqual([await takeNow(), await takeNow(), await takeNow()], ['a', 'b', undefined]);
  });

  it('gives a waiting taker the key as soon as it is added', async () => {
    const { queue, stop } = setUp();
    const taken = queue.take(stop.signal);
    queue.add('a');
    assert.equal(await taken, 'a');
  });

  it('never gives a key to two takers at once, and gives it again when it was added meanwhile', async () => {
    const { queue, takeNow } = setUp();
    queue.add('a');
    assert.equal(await takeNow(), 'a');
    queue.add('a');
    assert.equal(await takeNow(), undefined);
    queue.done('a');
    assert.equal(await takeNow(), 'a');
    queue.done('a');
    assert.equal(await takeNow(), undefined);
  });

  it('holds back a key that is added with a delay', async () => {
    const { clock, queue, takeNow } = setUp();
    queue.add('a', 500);
    await clock.advance(499);
    assert.deepEqual([await takeNow(), queue.delayed], [undefined, 1]);
    await clock.advance(1);
    assert.deepEqual([await takeNow(), queue.delayed], ['a', 0]);
  });

  it('lets the earlier of two times hold', async () => {
    const { clock, queue, takeNow } = setUp();
    queue.add('a', 500);
    queue.add('a', 900);
    queue.add('a', 200);
    await clock.advance(200);
    assert.equal(await takeNow(), 'a');
    queue.done('a');
    await clock.advance(5000);
    assert.equal(await takeNow(), undefined);
    assert.equal(clock.pending, 0);
  });

  it('waits longer after each failure of a key, and starts afresh after a success', async () => {
    const { clock, queue, takeNow } = setUp();
    queue.add('a');
    for (const [failures, delayMs] of [
      [1, 100],
      [2, 200],
      [3, 400],
    ] as const) {
      assert.equal(await takeNow(), 'a');
      assert.deepEqual(queue.failed('a'), { failures, delayMs });
      await clock.advance(delayMs - 1);
      assert.equal(await takeNow(), undefined);
      await clock.advance(1);
    }
    assert.equal(await takeNow(), 'a');
    queue.done('a');
    queue.add('a');
    assert.equal(await takeNow(), 'a');
    assert.equal(queue.failed('a').failures, 1);
  });

  it('waits at least as long as the other side asked', async () => {
    const { queue, takeNow } = setUp();
    queue.add('a');
    await takeNow();
    assert.equal(queue.failed('a', 7000).delayMs, 7000);
  });

  it('tries a failed key at once when something changed, during or after the attempt', async () => {
    const { queue, takeNow } = setUp();
    queue.add('a');
    await takeNow();
    queue.add('a');
    queue.failed('a');
    assert.equal(await takeNow(), 'a');
    queue.failed('a');
    queue.add('a');
    assert.equal(await takeNow(), 'a');
    assert.equal(queue.failed('a').failures, 3);
  });

  it('hands out no more keys a second than it may', async () => {
    const { clock, queue, stop } = setUp({ perSecond: 10 });
    const taken: (string | undefined)[] = [];
    for (let i = 0; i < 25; i++) {
      queue.add(`key-${i}`);
      void queue.take(stop.signal).then((key) => taken.push(key));
    }
    await clock.advance(0);
    assert.equal(taken.length, 10);
    await clock.advance(1000);
    assert.equal(taken.length, 20);
    await clock.advance(1000);
    assert.equal(taken.length, 25);
  });

  it('gives up taking when told, and keeps the keys for others', async () => {
    const { queue, stop, takeNow } = setUp();
    const waiting = queue.take(stop.signal);
    stop.abort();
    assert.equal(await waiting, undefined);
    assert.equal(await queue.take(stop.signal), undefined);
    queue.add('a');
    assert.equal(await takeNow(), 'a');
  });

  it('is idle while nothing is ready or processed', async () => {
    const { queue, takeNow } = setUp();
    await queue.idle();
    queue.add('later', 1000);
    await queue.idle();
    queue.add('a');
    let idle = false;
    const waited = queue.idle().then(() => (idle = true));
    assert.equal(await takeNow(), 'a');
    queue.add('a');
    queue.done('a');
    await takeNow();
    assert.equal(idle, false);
    queue.done('a');
    await waited;
  });

  it('leaves no timer behind when it is cleared', async () => {
    const { clock, queue, takeNow } = setUp({ perSecond: 1 });
    queue.add('a');
    queue.add('b');
    queue.add('c', 1000);
    await takeNow();
    await takeNow();
    queue.clear();
    assert.deepEqual([clock.pending, queue.depth, queue.delayed, queue.processing], [0, 0, 0, 1]);
  });

  it('loses no key and doubles none, whatever is done to it in whatever order', async () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key, delayMs: fc.constantFrom(0, 0, 50, 400) }),
      fc.record({ do: fc.constantFrom('take', 'done', 'failed') }),
      fc.record({ do: fc.constant('advance' as const), ms: fc.nat(300) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, queue, takeNow } = setUp();
        const busy: string[] = [];
        const owed = new Set<string>(); // added, and not taken since
        const take = async (): Promise<boolean> => {
          const taken = await takeNow();
          if (taken === undefined) return false;
          assert.ok(!busy.includes(taken), `${taken} is processed twice at once`);
          busy.push(taken);
          owed.delete(taken);
          return true;
        };
        const end = (how: 'done' | 'failed'): void => {
          const ended = busy.shift();
          if (ended === undefined) return;
          if (how === 'failed') owed.add(ended);
          queue[how](ended);
        };
        for (const step of steps) {
          if (step.do === 'add') {
            owed.add(step.key);
            queue.add(step.key, step.delayMs);
          } else if (step.do === 'advance') await clock.advance(step.ms);
          else if (step.do === 'take') await take();
          else end(step.do);
        }
        while (busy.length > 0) end('done');
        await clock.advance(2000);
        while (await take()) end('done');
        assert.deepEqual([...owed], []);
        assert.deepEqual([queue.depth, queue.delayed, queue.processing], [0, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});
