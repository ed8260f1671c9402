import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../../src/api/cidr.ts';
import { reverseZones } from '../../../src/membership/reverse-zones.ts';

test('cluster DNS is told those of the clusterset and of others, and keeps its own', () => {
  const zones = reverseZones({
    own: ['10.1.0.0/16', '10.101.0.0/16'].map(parseCidr),
    clusterset: [parseCidr('243.0.0.0/16')],
    remote: ['10.2.0.0/16', '10.2.0.0/16', '10.1.7.0/24', '10.0.0.0/7', '0.0.0.0/0'].map(parseCidr),
  });
  assert.deepEqual(zones, ['0.243.in-addr.arpa', '2.10.in-addr.arpa']);
});
