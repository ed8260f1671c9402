import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import { explain } from '../../../src/explain/explain.ts';
import type { Explanation } from '../../../src/explain/explanation.ts';
import { parseQuestion } from '../../../src/explain/question.ts';
import { sentAnswer } from '../../../src/explain/sent.ts';
import type { World } from '../../../src/explain/world.ts';
import { formatDomainName } from '../../../src/zone/name.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { anEvent, happen, QUESTIONS } from '../zone/arbitraries.ts';
import { zoneOf, type ServiceText } from '../zone/driver.ts';

const NOW = Date.parse('2026-11-25T02:00:00Z');

const worldOf = (zone: Zone, more: Partial<World> = {}): World => ({
  now: NOW,
  cluster: 'east',
  zone,
  standingSince: new Map(),
  way: undefined,
  unknown: [],
  ...more,
});

const explained = (world: World, name: string, type = 'A', client?: string): Explanation =>
  explain(parseQuestion(name, type, world.zone.origins), world, client);

const WEB: ServiceText = {
  ports: ['http 80/TCP'],
  from: { east: { ips: ['10.1.0.1'] }, west: { ips: ['10.2.0.1'] } },
};

test('the answer is the one of the zone, and so are its reason and its error text', () => {
  fc.assert(
    fc.property(fc.array(anEvent, { maxLength: 12 }), (events) => {
      const zone = new Zone({ ownCluster: 'east' as never });
      for (const event of events) happen(zone, event);
      for (const { labels, type } of QUESTIONS) {
        const answer = zone.answer({ labels, type }, { turn: 0 });
        const typed = parseQuestion(formatDomainName(labels), `TYPE${type}`, zone.origins);
        const explanation = explain(typed, worldOf(zone));
        assert.deepEqual(explanation.answer, sentAnswer(answer));
        assert.equal(explanation.verdict.reason, answer.reason);
        assert.equal(explanation.verdict.answer, answer.kind);
        assert.equal(explanation.answer.ede?.text, answer.ede?.text);
        assert.doesNotThrow(() => JSON.stringify(explanation));
      }
    }),
    { numRuns: 60 },
  );
});

describe('clusters', () => {
  it('that count are named with what they give, and the chosen one', () => {
    const { candidates, choice, verdict } = explained(worldOf(zoneOf({ 'shop/web': WEB })), 'web.shop');
    assert.deepEqual(
      candidates.map(({ cluster, counts, chosen, addresses }) => [cluster, counts, chosen, addresses]),
      [
        ['east', true, true, ['10.1.0.1']],
        ['west', true, false, ['10.2.0.1']],
      ],
    );
    assert.deepEqual(choice, {
      policy: 'local',
      affinity: false,
      families: { IPv4: { among: ['east'], chosen: ['east'], period: 1 } },
    });
    assert.match(verdict.text, /^web\.shop\.svc\.clusterset\.local\. A resolves in east to 10\.1\.0\.1: /);
  });

  it('that cannot be reached are told with why and since when', () => {
    const zone = zoneOf({ 'shop/web': { ...WEB, from: { west: { ips: ['10.2.0.1'] } } } });
    zone.setReachability(new Map([['west', { reachable: false, reason: 'the cable is cut' }]]));
    const since = '2026-11-25T01:00:00Z';
    const world = worldOf(zone, {
      standingSince: new Map([['west', { is: 'unreachable' as const, at: since }]]),
    });
    const { candidates, verdict, answer } = explained(world, 'web.shop');
    assert.equal(candidates[0]?.text, `it is unreachable: the cable is cut, since ${since}`);
    assert.equal(candidates[0]?.since, since);
    assert.equal(verdict.reason, 'no-reachable-cluster');
    assert.match(answer.ede?.text ?? '', /the cable is cut/);
  });
});

describe('what would change an answer', () => {
  const changesFrom = (own: string): readonly string[] => {
    const { changes } = explained(worldOf(zoneOf({ 'shop/web': WEB }, { own })), 'web.shop');
    return changes.map(({ text }) => text);
  };
  it('is another policy for a cluster that has no turn, and nothing for one whose turn comes', () => {
    assert.match(changesFrom('east').join(), /^Another policy, for west to answer as well/);
    assert.deepEqual(changesFrom('north'), []);
  });
});

describe('names that do not exist', () => {
  const zone = zoneOf({ 'shop/web': WEB, 'shop/api': WEB, 'data/web': WEB });
  const nearestOf = (name: string): readonly string[] => explained(worldOf(zone), name).nearest;
  it('have near ones: a misspelt service, a misspelt namespace, a service that is elsewhere', () => {
    assert.deepEqual(nearestOf('wbe.shop'), ['web.shop.svc.clusterset.local.']);
    assert.deepEqual(nearestOf('api.shpo'), ['api.shop.svc.clusterset.local.']);
    assert.deepEqual(nearestOf('api.data'), ['api.shop.svc.clusterset.local.']);
    assert.deepEqual(nearestOf('shop.api'), ['api.shop.svc.clusterset.local.']);
    assert.deepEqual(nearestOf('entirely.different'), []);
  });
});

describe('questions', () => {
  const { origins } = zoneOf({});
  const nameOf = (text: string): string => parseQuestion(text, 'a', origins).name;
  it('are completed as a search path would, unless they end with a dot', () => {
    assert.equal(nameOf('web.shop'), 'web.shop.svc.clusterset.local.');
    assert.equal(nameOf('web.shop.svc'), 'web.shop.svc.clusterset.local.');
    assert.equal(nameOf('db-0.west.db.shop'), 'db-0.west.db.shop.svc.clusterset.local.');
    assert.equal(nameOf('_http._tcp.web.shop'), '_http._tcp.web.shop.svc.clusterset.local.');
    assert.equal(nameOf('web.shop.'), 'web.shop.');
    assert.equal(nameOf('Web.shop.svc.clusterset.local'), 'web.shop.svc.clusterset.local.');
    assert.equal(nameOf('web.shop.svc.cluster.local'), 'web.shop.svc.cluster.local.');
  });
  it('that are none are refused with what is wrong', () => {
    assert.throws(() => parseQuestion('web..shop', 'A', origins), /not a domain name/);
    assert.throws(
      () => parseQuestion('web.shop', 'AA', origins),
      /"AA" is not a record type: use one of A, /,
    );
    assert.equal(parseQuestion('web.shop', 'TYPE28', origins).typeName, 'AAAA');
    assert.equal(parseQuestion('web.shop', 'https', origins).type, 65);
  });
});
