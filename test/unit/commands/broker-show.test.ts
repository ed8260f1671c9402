import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { formatMembers } from '../../../src/commands/broker-show.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const members = [
  {
    cluster: 'east',
    joined: '2026-01-01T00:00:00Z',
    clusterUid: 'e0a7',
    lastSeen: '2026-01-01T23:59:56.123456Z',
    services: 2,
    records: { ServiceImport: 2, EndpointSlice: 3 },
  },
  { cluster: 'ghost', services: 0, records: {} },
];

test('a table tells who joined when, exports how much and was last heard of when', () => {
  assert.equal(
    formatMembers(members, 'table', NOW),
    'CLUSTER   JOINED        SERVICES   LAST SEEN\n' +
      'east      24h ago       2          3s ago\n' +
      'ghost     no identity   0          never\n',
  );
});

test('a wide one tells the records by kind, too, and the cluster behind the name', () => {
  assert.equal(
    formatMembers(members, 'wide', NOW),
    'CLUSTER   JOINED        SERVICES   LAST SEEN   RECORDS                            CLUSTER UID\n' +
      'east      24h ago       2          3s ago      2 ServiceImport, 3 EndpointSlice   e0a7\n' +
      'ghost     no identity   0          never       none                               -\n',
  );
});

test('JSON and YAML hold every field', () => {
  assert.deepEqual(JSON.parse(formatMembers(members, 'json', NOW)), members);
  assert.deepEqual(parse(formatMembers(members, 'yaml', NOW)), members);
});
