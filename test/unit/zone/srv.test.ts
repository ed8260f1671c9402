import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { srvRecords } from '../../../src/zone/srv.ts';
import { ask, zoneOf } from './driver.ts';

const weightsOf = (weights: readonly number[]): number[] =>
  srvRecords(
    'x.',
    5,
    weights.map((weight, index) => ({ target: `t${index}.`, port: 80, weight })),
  ).map((record) => (record.type === 'SRV' ? record.weight : -1));

suite('SRV weights', () => {
  test('share 100 in proportion', () => {
    assert.deepEqual(weightsOf([1]), [100]);
    assert.deepEqual(weightsOf([1, 1, 1]), [33, 33, 33]);
    assert.deepEqual(weightsOf([3, 1]), [75, 25]);
  });

  test('stand as they are where they are more together, so that none falls to 0', () => {
    assert.deepEqual(weightsOf([300, 1]), [300, 1]);
    assert.deepEqual(new Set(weightsOf(Array<number>(5000).fill(1))), new Set([1]));
  });

  test('of endpoints follow their clusters’ weights', () => {
    const zone = zoneOf({
      'data/db': {
        type: 'Headless',
        ports: ['sql 3306/TCP'],
        from: {
          west: { weight: 3, endpoints: ['10.1.0.1 host=a'] },
          north: { endpoints: ['10.3.0.1 host=b'] },
          south: { weight: 0, endpoints: ['10.4.0.1 host=c'] },
        },
      },
    });
    assert.deepEqual(
      ask(zone, 'SRV _sql._tcp.db.data.svc.clusterset.local').filter((line) => !line.startsWith('+')),
      [
        '_sql._tcp.db.data.svc.clusterset.local. 5 IN SRV 0 25 3306 b.north.db.data.svc.clusterset.local.',
        '_sql._tcp.db.data.svc.clusterset.local. 5 IN SRV 0 75 3306 a.west.db.data.svc.clusterset.local.',
      ],
    );
  });
});
