import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  afterCall,
  type CallEnd,
  type EndedCall,
  firstPace,
  mayStart,
  type Pace,
  type PaceLimits,
} from '../../../src/runtime/pace.ts';

const LIMITS: PaceLimits = { least: 1, most: 64, first: 16, slowMs: 1000 };

/** A call of 5 ms that ended at `endedAt` while all places were taken. */
const call = (end: CallEnd, endedAt: number, more: Partial<EndedCall> = {}): EndedCall => ({
  end,
  startedAt: endedAt - 5,
  endedAt,
  wasFull: true,
  ...more,
});
const after = (calls: readonly EndedCall[], from: Pace = firstPace(LIMITS)): Pace =>
  calls.reduce((pace, each) => afterCall(pace, each, LIMITS), from);
const many = (count: number, end: CallEnd, everyMs = 10, from = 100): EndedCall[] =>
  Array.from({ length: count }, (_, at) => call(end, from + at * everyMs));

describe('the pace', () => {
  const ROWS: readonly (readonly [what: string, calls: readonly EndedCall[], window: number])[] = [
    ['begins in the middle', [], 16],
    ['grows by each answer at first', many(10, 'answered'), 26],
    ['grows to the most and no further', many(100, 'answered'), 64],
    [
      'does not grow by calls that others did not wait for',
      many(99, 'answered').map((each) => ({ ...each, wasFull: false })),
      16,
    ],
    ['halves when the server has too much to do', [call('overloaded', 100)], 8],
    ['halves once for a round of calls', Array.from({ length: 16 }, () => call('overloaded', 100)), 8],
    ['halves again for the next round', [call('overloaded', 100), call('overloaded', 200)], 4],
    ['keeps a place', many(50, 'overloaded'), 1],
    ['shrinks a little by a slow answer', [call('answered', 2000, { startedAt: 100 })], 12.8],
    ['grows slowly where it has shrunk before', [call('overloaded', 100), call('answered', 200)], 8.125],
    ['begins anew when the server was away', [...many(100, 'answered'), call('lost', 5000)], 16],
    ['does not grow by a server that is away', [...many(9, 'overloaded'), call('lost', 5000)], 1],
  ];
  for (const [what, calls, window] of ROWS) {
    it(what, () => assert.equal(after(calls).window, window));
  }

  it('waits for as long as the server asks, the longest of all', () => {
    const pace = after([
      call('overloaded', 100, { retryAfterMs: 3000 }),
      call('overloaded', 101, { retryAfterMs: 1000 }),
    ]);
    assert.deepEqual(
      [3099, 3100].map((now) => mayStart(pace, 0, now)),
      [false, true],
    );
  });

  const end = fc.constantFrom<CallEnd>('answered', 'overloaded', 'lost');
  const calls = fc.array(
    fc.record({
      end,
      tookMs: fc.nat(3000),
      pauseMs: fc.nat(100),
      wasFull: fc.boolean(),
      retryAfterMs: fc.nat(100),
    }),
    { maxLength: 200 },
  );
  const history = calls.map((given) => {
    let now = 0;
    return given.map(({ tookMs, pauseMs, ...each }): EndedCall => {
      now += pauseMs;
      return { ...each, startedAt: now - tookMs, endedAt: now };
    });
  });

  it('stays within its limits, whatever happens', () => {
    fc.assert(
      fc.property(history, (given) => {
        let pace = firstPace(LIMITS);
        for (const each of given) {
          pace = afterCall(pace, each, LIMITS);
          assert.ok(pace.window >= LIMITS.least && pace.window <= LIMITS.most, String(pace.window));
        }
      }),
    );
  });

  it('never lets more through after trouble than before', () => {
    fc.assert(
      fc.property(history, fc.constantFrom<CallEnd>('overloaded', 'lost'), (given, trouble) => {
        const before = after(given);
        const now = (given.at(-1)?.endedAt ?? 0) + 1000;
        assert.ok(after([call(trouble, now)], before).window <= before.window);
      }),
    );
  });

  it('comes back to the most once the server is well, whatever happened before', () => {
    fc.assert(
      fc.property(history, (given) => {
        const from = (given.at(-1)?.endedAt ?? 0) + 10_000;
        assert.equal(after(many(3000, 'answered', 10, from), after(given)).window, LIMITS.most);
      }),
    );
  });

  it('always lets one through once the time that was asked for is over', () => {
    fc.assert(
      fc.property(history, (given) => {
        const pace = after(given);
        assert.ok(mayStart(pace, 0, Math.max(0, pace.notBefore)));
      }),
    );
  });
});
