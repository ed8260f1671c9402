import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { changedRows, formatRows, type OutputFormat } from '../../../src/commands/listing.ts';
import { membersListing } from '../../../src/commands/members-listing.ts';
import type { MemberStatus } from '../../../src/membership/members.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const members: readonly MemberStatus[] = [
  {
    cluster: 'east',
    joined: '2026-01-01T00:00:00Z',
    clusterUid: 'e0a7',
    lastSeen: '2026-01-01T23:59:56.123456Z',
    state: 'alive',
    version: '1.2.3',
    drained: { by: 'alice@laptop', at: '2026-01-01T23:00:00Z', why: 'new kernel' },
    services: 2,
    records: { ServiceImport: 2, EndpointSlice: 3 },
  },
  { cluster: 'ghost', state: 'never-heard', services: 0, records: {} },
  { cluster: 'north', state: 'silent', lastSeen: '2026-01-01T23:50:00.000000Z', services: 1, records: {} },
];
const format = (output: OutputFormat): string => formatRows(membersListing, members, output, NOW);

test('a table tells who is silent since when, exports how much, and was drained by whom', () => {
  assert.equal(
    format('table'),
    'CLUSTER   STATE         LAST SEEN   SERVICES   JOINED    DRAINED\n' +
      'east      alive         3s ago      2          24h ago   by alice@laptop, 60m ago: new kernel\n' +
      'ghost     never-heard   never       0          -         -\n' +
      'north     silent        10m ago     1          -         -\n',
  );
});

test('a wide one tells the version, the records by kind, and the cluster behind the name', () => {
  const [headings, east] = format('wide').split('\n');
  assert.match(headings ?? '', / DRAINED +VERSION +RECORDS +CLUSTER UID$/);
  assert.match(east ?? '', / 1\.2\.3 +2 ServiceImport, 3 EndpointSlice +e0a7$/);
});

test('JSON and YAML hold every field', () => {
  assert.deepEqual(JSON.parse(format('json')), members);
  assert.deepEqual(parse(format('yaml')), members);
});

test('a heartbeat is no news, a change of state is', () => {
  const [east, ghost, north] = members as [MemberStatus, MemberStatus, MemberStatus];
  const later: MemberStatus = { ...east, lastSeen: '2026-01-02T00:00:06.000000Z' };
  const back: MemberStatus = { ...north, state: 'alive' };
  assert.deepEqual(changedRows(membersListing, members, [later, ghost, back]), { changed: [back], gone: [] });
  assert.deepEqual(changedRows(membersListing, [], members), { changed: members, gone: [] });
});
