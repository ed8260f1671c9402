import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseClusterId } from '../../../src/api/identity.ts';
import { reverseAddresses } from '../../../src/zone/answer-reverse.ts';
import { recordsOfApex, recordsOfService, reverseRecordsOfService } from '../../../src/zone/contents.ts';
import { RRType, type ResourceRecord } from '../../../src/zone/records.ts';
import { reverseLabelsOf } from '../../../src/zone/reverse-name.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { anEvent, happen } from './arbitraries.ts';
import { zoneOf } from './driver.ts';

const ORIGIN = ['clusterset', 'local'];
const textOf = (record: ResourceRecord): string => JSON.stringify(record);

test('what secondaries get of a name is all that anybody may get of it, over all turns and clients', () => {
  let checked = 0;
  fc.assert(
    fc.property(fc.array(anEvent, { maxLength: 12 }), (events) => {
      const zone = new Zone();
      for (const event of events) happen(zone, event);
      if (!zone.synced) return;
      for (const service of zone.services()) {
        const sets = Map.groupBy(
          recordsOfService(zone, ORIGIN, service),
          ({ name, type }) => `${type} ${name}`,
        );
        for (const [key, records] of sets) {
          const [type = 'A', name = ''] = key.split(' ');
          const question = { labels: name.slice(0, -1).split('.'), type: RRType[type as 'A'] };
          const ever = new Set<string>();
          const first = zone.answer(question, { turn: 0 });
          const period = first.kind === 'records' ? first.period : 1;
          for (let turn = 0; turn < period; turn++) {
            const answer = zone.answer(question, { turn });
            if (answer.kind === 'records') answer.answer.map(textOf).forEach((text) => ever.add(text));
          }
          assert.deepEqual(new Set(records.map(textOf)), ever, key);
          checked++;
        }
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(checked > 20, `${checked} sets`);
});

test('secondaries get all names of an address, of each service its own', () => {
  let checked = 0;
  fc.assert(
    fc.property(fc.array(anEvent, { minLength: 8, maxLength: 40 }), (events) => {
      const zone = new Zone({ ownCluster: parseClusterId('east'), reverseZones: ['0.0.0.0/0', '::/0'] });
      for (const event of events) happen(zone, event);
      const services = [...zone.services()];
      const all = services.flatMap((service) =>
        ['in-addr', 'ip6'].flatMap((suffix) =>
          reverseRecordsOfService(zone, [suffix, 'arpa'], 'clusterset.local.', service),
        ),
      );
      assert.equal(new Set(all.map(textOf)).size, all.length, 'no record twice');
      for (const address of new Set(services.flatMap(reverseAddresses))) {
        const answer = zone.answer({ labels: reverseLabelsOf(address), type: RRType.PTR }, { turn: 0 });
        assert.equal(answer.kind, 'records');
        const name = `${reverseLabelsOf(address).join('.')}.`;
        assert.deepEqual(
          new Set(all.filter((record) => record.name === name).map(textOf)),
          new Set(answer.kind === 'records' ? answer.answer.map(textOf) : []),
        );
        checked++;
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(checked > 20, `${checked} addresses`);
});

test('a zone has these records', () => {
  const zone = zoneOf(
    {
      'shop/web': {
        policy: 'weighted',
        affinity: true,
        ports: ['http 80/TCP'],
        from: {
          west: { ips: ['10.1.0.1'], weight: 3 },
          east: { ips: ['10.2.0.1'] },
          off: { ips: ['10.3.0.1'], weight: 0 },
        },
      },
      'shop/db': {
        type: 'Headless',
        from: { west: { endpoints: ['10.9.0.1 host=db-0', '10.9.0.2 pod=db-x'] } },
      },
    },
    { advertise: ['192.0.2.53'] },
  );
  const short = (record: ResourceRecord): string =>
    `${record.name.replace('.clusterset.local.', '')} ${record.type} ${'address' in record ? record.address : ''}`.trim();
  assert.deepEqual(recordsOfApex(zone, ORIGIN).map(short), [
    'clusterset.local. NS',
    'ns.dns A 192.0.2.53',
    'dns-version TXT',
  ]);
  const all = [...zone.services()].flatMap((service) => recordsOfService(zone, ORIGIN, service));
  assert.deepEqual(
    all.map(short).sort(),
    [
      '10-9-0-2.west.db.shop.svc A 10.9.0.2',
      '_http._tcp.east.web.shop.svc SRV',
      '_http._tcp.web.shop.svc SRV',
      '_http._tcp.west.web.shop.svc SRV',
      'db-0.west.db.shop.svc A 10.9.0.1',
      'db-x.west.db.shop.svc A 10.9.0.2',
      'db.shop.svc A 10.9.0.1',
      'db.shop.svc A 10.9.0.2',
      'east.web.shop.svc A 10.2.0.1',
      'east.web.shop.svc SRV',
      'web.shop.svc A 10.1.0.1',
      'web.shop.svc A 10.2.0.1',
      'web.shop.svc SRV',
      'west.db.shop.svc A 10.9.0.1',
      'west.db.shop.svc A 10.9.0.2',
      'west.web.shop.svc A 10.1.0.1',
      'west.web.shop.svc SRV',
    ].sort(),
  );
});
