import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import { parseClusterId } from '../../../src/api/identity.ts';
import { ZoneHistory } from '../../../src/zone/history.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { anEvent, happen, QUESTIONS } from './arbitraries.ts';
import { ask, objectsOf, type ServiceText } from './driver.ts';

const options = { ownCluster: parseClusterId('east'), reverseZones: ['243.0.0.0/16'] };

test('what a zone was is what it said then, word for word', () => {
  fc.assert(
    fc.property(fc.array(anEvent, { minLength: 1, maxLength: 15 }), (events) => {
      let now = 1000;
      const zone = new Zone({ ...options, history: new ZoneHistory(() => now) });
      zone.replaceImports([]);
      zone.replaceSlices([]);
      const all = (of: Pick<Zone, 'answer'>): unknown[] =>
        QUESTIONS.map((question) => of.answer(question, { turn: 0 }));
      const said = new Map<number, unknown[]>([[now, all(zone)]]);
      for (const event of events) {
        now++;
        happen(zone, event);
        said.set(now, all(zone));
      }
      for (const [time, answers] of said) {
        const past = zone.at(time);
        assert.ok(past);
        assert.deepEqual(all(past), answers);
      }
      assert.deepEqual(said.get(now), all(zone), 'looking back changes nothing');
    }),
    { numRuns: 40 },
  );
});

describe('the history', () => {
  const WEB: ServiceText = { from: { west: { ips: ['10.2.0.1'], endpoints: ['10.2.9.9'] } } };
  const NOT_READY: ServiceText = { from: { west: { ips: ['10.2.0.1'], endpoints: ['10.2.9.9 unready'] } } };
  const name = 'A web.shop.svc.clusterset.local';
  const zoneThatRemembers = (most?: number) => {
    const clock = { now: 0 };
    const zone = new Zone({ ...options, history: new ZoneHistory(() => clock.now, most) });
    const set = (time: number, service: ServiceText): void => {
      clock.now = time;
      const { imports, slices } = objectsOf({ 'shop/web': service });
      zone.replaceImports(imports);
      zone.replaceSlices(slices);
    };
    return { zone, clock, set };
  };

  it('tells since when a cluster stands as it does', () => {
    const { zone, clock, set } = zoneThatRemembers();
    set(100, WEB);
    set(200, NOT_READY);
    assert.deepEqual([...zone.standingSince('shop', 'web')], [['west', 200]]);
    set(300, WEB);
    clock.now = 400;
    zone.setReachability(new Map([['west', { reachable: false, reason: 'no answer' }]]));
    clock.now = 500;
    // The same state in other words is the same state.
    zone.setReachability(new Map([['west', { reachable: false, reason: 'still none' }]]));
    assert.deepEqual([...zone.standingSince('shop', 'web')], [['west', 400]]);
    assert.deepEqual([...zone.standingSince('shop', 'none')], []);
  });

  it('knows nothing from before the zone was complete, and says since when it does', () => {
    const { zone, set } = zoneThatRemembers();
    assert.equal(zone.at(0), undefined);
    set(100, WEB);
    assert.equal(zone.at(99), undefined);
    assert.equal(zone.rememberedSince, 100);
    assert.equal(new Zone(options).at(100), undefined);
  });

  it('is bounded: the oldest changes go, and what is before them is not known', () => {
    const { zone, set } = zoneThatRemembers(10);
    for (let time = 1; time <= 200; time++) set(time * 10, time % 2 === 0 ? NOT_READY : WEB);
    const since = zone.rememberedSince ?? 0;
    assert.ok(since > 1700, String(since));
    assert.equal(zone.at(since - 1), undefined);
    const past = zone.at(1990);
    assert.ok(past);
    const asked = { labels: ['web', 'shop', 'svc', 'clusterset', 'local'], type: 1 };
    assert.equal(past.answer(asked, { turn: 0 }).kind, 'records');
    assert.match(ask(zone, name).join(), /NODATA/);
  });
});
