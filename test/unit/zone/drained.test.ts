/** Clusters that an administrator took out of all answers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClusterId } from '../../../src/api/identity.ts';
import { RRType } from '../../../src/zone/records.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { objectsOf, type ServiceText } from './driver.ts';

const BY = 'drained by alice at 2026-01-01T00:00:00Z';

function zoneOf(service: ServiceText, own = 'east'): Zone {
  const zone = new Zone({ ownCluster: own as ClusterId });
  const { imports, slices } = objectsOf({ 'shop/web': service });
  zone.replaceImports(imports);
  zone.replaceSlices(slices);
  return zone;
}

/** Addresses over several turns, or the kind of answer with its EDE's text. */
function asked(zone: Zone, name = 'web.shop', type: number = RRType.A): string {
  const labels = [...name.split('.'), 'svc', 'clusterset', 'local'];
  const found = new Set<string>();
  for (let turn = 0; turn < 8; turn++) {
    const answer = zone.answer({ labels, type }, { turn });
    if (answer.kind !== 'records')
      return [answer.kind, 'ede' in answer ? answer.ede?.text : ''].join(' ').trim();
    for (const record of answer.answer) if ('address' in record) found.add(record.address);
  }
  return [...found].sort().join(' ');
}

const clusterIp: ServiceText = { from: { east: { ips: ['10.2.0.1'] }, west: { ips: ['10.1.0.1'] } } };
const headless: ServiceText = {
  type: 'Headless',
  ports: ['http 80/TCP'],
  from: { east: { endpoints: ['10.2.1.1'] }, west: { endpoints: ['10.1.1.1', '10.1.1.2 host=web-1'] } },
};
const west = new Map([['west', BY]]);
const both = new Map([
  ['west', BY],
  ['east', BY],
]);

describe('of a ClusterSetIP service a drained cluster', () => {
  it('is never chosen, also where it is the own one, and is again afterwards', () => {
    const zone = zoneOf({ ...clusterIp, policy: 'weighted' });
    assert.equal(asked(zone), '10.1.0.1 10.2.0.1');
    zone.setDrained(west);
    assert.equal(asked(zone), '10.2.0.1');
    zone.setDrained(new Map([['east', BY]]));
    assert.equal(asked(zone), '10.1.0.1');
    zone.setDrained(new Map());
    assert.equal(asked(zone), '10.1.0.1 10.2.0.1');
  });

  it('is named in the reason of the answer', () => {
    const zone = zoneOf({ ...clusterIp, policy: 'weighted' });
    zone.setDrained(west);
    const answer = zone.answer(
      { labels: ['web', 'shop', 'svc', 'clusterset', 'local'], type: RRType.A },
      { turn: 0 },
    );
    assert.match(
      'detail' in answer ? answer.detail : '',
      /east, chosen from east by policy weighted; not west: drained by alice/,
    );
  });

  it('leaves no answer where there is no other, and says who did it', () => {
    const zone = zoneOf(clusterIp);
    zone.setDrained(both);
    assert.equal(
      asked(zone),
      `nodata web.shop.svc.clusterset.local. has no cluster to answer with (east: ${BY}; west: ${BY})`,
    );
    assert.match(asked(zone, 'west.web.shop'), /^nodata .*drained by alice/);
  });

  it('does not touch the clusterset IP, which stays', () => {
    const zone = zoneOf({ ...clusterIp, ips: ['243.0.0.1'] });
    zone.setDrained(west);
    assert.equal(asked(zone), '243.0.0.1');
  });
});

describe('of a headless service a drained cluster’s endpoints', () => {
  it('are left out, by their own names too', () => {
    const zone = zoneOf(headless);
    zone.setDrained(west);
    assert.equal(asked(zone), '10.2.1.1');
    assert.match(asked(zone, 'web-1.west.web.shop'), /^nodata .*drained by alice/);
  });

  it('stay where nothing else is left', () => {
    const zone = zoneOf(headless);
    zone.setDrained(both);
    assert.equal(asked(zone), '10.1.1.1 10.1.1.2 10.2.1.1');
    assert.equal(asked(zone, 'web-1.west.web.shop'), '10.1.1.2');
  });
});

it('only services of clusters whose drain changed are told of', () => {
  const zone = zoneOf(clusterIp);
  const told: unknown[] = [];
  zone.subscribe((changed) => told.push(changed));
  zone.setDrained(new Map([['south', BY]]));
  assert.equal(told.length, 0);
  zone.setDrained(
    new Map([
      ['south', BY],
      ['west', BY],
    ]),
  );
  zone.setDrained(new Map([['west', BY]]));
  assert.equal(told.length, 1);
});
