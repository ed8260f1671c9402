import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type Judgement, PacedCalls } from '../../../src/runtime/paced-calls.ts';
import { FakeClock } from '../support/fake-clock.ts';

class Failed extends Error {
  readonly judgement: Judgement;
  constructor(judgement: Judgement) {
    super('failed');
    this.judgement = judgement;
  }
}

function setUp() {
  const clock = new FakeClock();
  const calls = new PacedCalls({
    clock,
    limits: { least: 1, most: 8, first: 2, slowMs: 1000 },
    judge: (error) => (error as Failed).judgement,
  });
  const order: string[] = [];
  const under: { name: string; resolve: () => void; reject: (error: Failed) => void }[] = [];
  /** Starts a call that ends when told. */
  const call = (name: string): Promise<void> =>
    calls.run(() => {
      order.push(name);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      under.push({ name, resolve, reject });
      return promise;
    });
  return { clock, calls, order, under, call };
}

describe('paced calls', () => {
  it('go in the order in which they came, as many at once as may', async () => {
    const { calls, order, under, call } = setUp();
    const all = ['a', 'b', 'c', 'd'].map((name) => call(name));
    await turn();
    assert.deepEqual(order, ['a', 'b']);
    assert.deepEqual([calls.underWay, calls.waiting, calls.allowed], [2, 2, 2]);
    under[0]?.resolve();
    await turn();
    // It was answered, and others wait: one more may go at once.
    assert.deepEqual(order, ['a', 'b', 'c', 'd']);
    for (const each of under) each.resolve();
    await Promise.all(all);
    assert.deepEqual([calls.underWay, calls.waiting], [0, 0]);
  });

  it('wait out what an overloaded server asks for, and their callers hear of its refusal', async () => {
    const { clock, calls, order, under, call } = setUp();
    const refused = assert.rejects(call('a'), Failed);
    await turn();
    under[0]?.reject(new Failed({ end: 'overloaded', retryAfterMs: 5000 }));
    await refused;
    const next = call('b');
    await clock.advance(4999);
    assert.deepEqual(order, ['a']);
    assert.equal(calls.counters.overloads, 1);
    await clock.advance(1);
    assert.deepEqual(order, ['a', 'b']);
    under[1]?.resolve();
    await next;
    assert.equal(calls.counters.waitedMs, 5000);
  });

  it('all end, whatever becomes of each, and never more are under way than may be', async () => {
    const outcome = fc.oneof(
      fc.constant('answered' as const),
      fc.record({ end: fc.constantFrom('overloaded' as const, 'lost' as const), retryAfterMs: fc.nat(2000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(outcome, fc.nat(2000)), { maxLength: 60 }), async (script) => {
        const { clock, calls } = setUp();
        let settled = 0;
        for (const [how, tookMs] of script) {
          void calls
            .run(async () => {
              assert.ok(calls.underWay <= 8);
              await clock.sleep(tookMs);
              if (how !== 'answered') throw new Failed(how);
            })
            .catch(() => {})
            .finally(() => settled++);
        }
        await clock.advance(60 * 4000 + 1);
        assert.equal(settled, script.length);
        assert.deepEqual([calls.underWay, calls.waiting], [0, 0]);
      }),
      { numRuns: 50 },
    );
  });
});
