import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Annotation } from '../../../src/api/names.ts';
import type { Lease } from '../../../src/api/objects.ts';
import { ClockSkew } from '../../../src/discovery/clock-skew.ts';

const lease = (renewed: number, heard?: string): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'west', ...(heard !== undefined && { annotations: { [Annotation.heard]: heard } }) },
  spec: { renewTime: new Date(renewed).toISOString().replace('Z', '000Z') },
});

const START = Date.UTC(2026, 0, 1);

/** Two clusters that beat in turn, each heartbeat taking its time; east's clock is ahead by `ahead`. */
function exchange(
  ahead: number | ((beat: number) => number),
  ways: readonly (readonly [toEast: number, toWest: number])[],
): ClockSkew {
  const [west, east] = [new ClockSkew('west'), new ClockSkew('east')];
  const aheadAt = typeof ahead === 'number' ? () => ahead : ahead;
  // Once more in the end: west's last word on how long east's heartbeats take.
  for (const [beat, [toEast, toWest]] of [...ways, ...ways.slice(-1)].entries()) {
    const now = START + beat * 10_000;
    east.heard('west', lease(now, west.delays), now + toEast + aheadAt(beat));
    west.heard('east', lease(now + aheadAt(beat), east.delays), now + toWest);
  }
  return east;
}

describe('how far a clock is ahead', () => {
  it('is known exactly where both ways take the same, whatever the clocks show', () => {
    const any = fc.record({
      ahead: fc.integer({ min: -1e9, max: 1e9 }),
      way: fc.integer({ min: 0, max: 5000 }),
    });
    fc.assert(
      fc.property(any, ({ ahead, way }) => {
        assert.equal(exchange(ahead, [[way, way]]).aheadOf('west'), ahead);
      }),
    );
  });

  it('is off by no more than half of what the quickest ways differ by', () => {
    const way = fc.integer({ min: 1, max: 2000 });
    const ways = fc.array(fc.tuple(way, way), { minLength: 1, maxLength: 11 });
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), ways, (ahead, given) => {
        const quickest = (at: 0 | 1): number => Math.min(...given.map((both) => both[at]));
        const found = exchange(ahead, given).aheadOf('west') ?? assert.fail('it is not known');
        const bound = Math.abs(quickest(0) - quickest(1)) / 2;
        assert.ok(Math.abs(found - ahead) <= bound, `${found} is not ${ahead} +- ${bound}`);
      }),
    );
  });

  it('is not known before both have told, nor when the other one is gone', () => {
    const east = new ClockSkew('east');
    assert.equal(east.aheadOf('west'), undefined);
    east.heard('west', lease(START), START + 5);
    assert.equal(east.aheadOf('west'), undefined);
    east.heard('west', lease(START, '{"east": 7}'), START + 5);
    assert.equal(east.aheadOf('west'), -1);
    east.forget('west');
    assert.equal(east.aheadOf('west'), undefined);
  });

  it('follows a clock that is set, within as many heartbeats as are remembered', () => {
    const ways = Array.from({ length: 30 }, () => [3, 3] as const);
    assert.equal(exchange((beat) => (beat < 15 ? -7000 : 60_000), ways).aheadOf('west'), 60_000);
  });

  it('is not known by what makes no sense', () => {
    for (const nonsense of ['', '{', '[]', 'null', '{"east": "7"}', '{"east": null}', '{"EAST": 7}', '7']) {
      const east = new ClockSkew('east');
      east.heard('west', lease(START, nonsense), START + 5);
      assert.equal(east.aheadOf('west'), undefined, nonsense);
    }
  });
});
