import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection, Gateway, TunnelEndpoint } from '../../../src/api/tunnel.ts';
import {
  connectionStatuses,
  endpointStatuses,
  gatewayStatuses,
} from '../../../src/commands/gateway-status.ts';
import {
  connectionsListing,
  endpointsListing,
  gatewaysListing,
} from '../../../src/commands/gateways-listing.ts';
import { changedRows, formatRows } from '../../../src/commands/listing.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

const gateway = (name: string, status?: Gateway['status'], annotations = {}): Gateway => ({
  apiVersion: 'pharos.io/v1alpha1',
  kind: 'Gateway',
  metadata: { name, namespace: 'pharos-system', annotations },
  ...(status && { status }),
});

const connection = (more: Partial<Connection> = {}): Connection => ({
  cluster: 'west',
  gateway: 'west-1',
  driver: 'ipsec',
  state: 'connected',
  since: ago(3600),
  roundTripMs: 12.345,
  jitterMs: 0.5,
  loss: 0.0123,
  mtu: 1400,
  device: 'ph-west-1',
  ...more,
});

const refused = { record: 'Endpoint evil.node', reason: 'bad-key', message: 'its key is no key' };

const gateways = [
  gateway('node-2', { heartbeat: ago(60), haStatus: 'passive', connections: [connection()] }),
  gateway(
    'node-1',
    {
      heartbeat: ago(3),
      haStatus: 'active',
      nodeIP: '10.9.0.1',
      leaseEpoch: 7,
      connections: [
        connection(),
        connection({
          cluster: 'north',
          gateway: 'n1',
          state: 'connecting',
          reason: 'no answer from 192.0.2.1',
        }),
      ],
      refused: [refused],
    },
    { 'pharos.io/drain': 'true' },
  ),
  gateway('node-3'),
];

const lines = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ {2,}/g, '  '));

describe('gateways', () => {
  it('are told with their role, life, connections and what they refuse', () => {
    assert.deepEqual(lines(formatRows(gatewaysListing, gatewayStatuses(gateways, NOW), 'wide', NOW)), [
      'GATEWAY  ROLE  STATE  LAST SEEN  CONNECTIONS  NODE IP  EPOCH  REMARKS',
      'node-1  active  alive  3s ago  1/2 up  10.9.0.1  7  is asked to leave the lead to another one; ' +
        'refuses Endpoint evil.node, bad-key: its key is no key',
      'node-2  passive  silent  60s ago  0/1 up  -  -  -',
      'node-3  -  never-heard  never  0/0 up  -  -  -',
    ]);
  });

  it('a heartbeat is no news', () => {
    const before = gatewayStatuses(gateways, NOW);
    const later = gateways.map((each) => ({ ...each, status: { ...each.status, heartbeat: ago(-1) } }));
    const { changed } = changedRows(gatewaysListing, before, gatewayStatuses(later, NOW + 1000));
    assert.deepEqual(
      changed.map((row) => row.gateway),
      ['node-2', 'node-3'],
    );
  });
});

describe('connections', () => {
  it('are told with their state, and why; those of a silent gateway are unknown', () => {
    assert.deepEqual(lines(formatRows(connectionsListing, connectionStatuses(gateways, NOW), 'wide', NOW)), [
      'GATEWAY  CLUSTER  PEER  DRIVER  STATE  SINCE  ROUND TRIP  LOSS  JITTER  MTU  DEVICE  REASON',
      'node-1  west  west-1  ipsec  connected  60m ago  12.3ms  1.2%  0.5ms  1400  ph-west-1  -',
      'node-1  north  n1  ipsec  connecting  60m ago  12.3ms  1.2%  0.5ms  1400  ph-west-1  no answer from 192.0.2.1',
      'node-2  west  west-1  ipsec  unknown  60m ago  12.3ms  1.2%  0.5ms  1400  ph-west-1  ' +
        'gateway node-2 is silent; it said last: connected',
    ]);
  });

  it('another round trip is no news, another state is', () => {
    const rows = (more: Partial<Connection>) =>
      connectionStatuses([gateway('n', { heartbeat: ago(0), connections: [connection(more)] })], NOW);
    const newsOf = (more: Partial<Connection>) =>
      changedRows(connectionsListing, rows({}), rows(more)).changed.length;
    assert.deepEqual(
      [newsOf({ roundTripMs: 99, loss: 0.5, jitterMs: 3 }), newsOf({ state: 'degraded' })],
      [0, 1],
    );
  });
});

describe('endpoints', () => {
  const record = (name: string, more: Partial<TunnelEndpoint['spec']> = {}): TunnelEndpoint => ({
    apiVersion: 'pharos.io/v1alpha1',
    kind: 'Endpoint',
    metadata: { name, namespace: 'pharos-broker' },
    spec: {
      clusterId: name.split('.')[0] ?? '',
      gateway: name.split('.')[1] ?? '',
      driver: 'wireguard',
      privateIP: '10.9.0.1',
      port: 4500,
      publicKeys: ['key='],
      leaseEpoch: 3,
      preferred: true,
      heartbeat: ago(5),
      ...more,
    },
  });
  const records = [
    record('west.w1', { publicIP: '2001:db8::1', nat: true, mtu: 1300 }),
    record('evil.node', { heartbeat: ago(100), preferred: false }),
  ];

  it('are told with how they are reached, whether they live, and whether they are taken here', () => {
    const rows = endpointStatuses(records, gateways, 'broker', NOW);
    assert.deepEqual(lines(formatRows(endpointsListing, rows, 'wide', NOW)), [
      'CLUSTER  GATEWAY  DRIVER  ADDRESS  PREFERRED  STATE  LAST SEEN  PRIVATE IP  NAT  MTU  EPOCH  KEYS  REMARKS',
      'evil  node  wireguard  10.9.0.1:4500  no  silent  100s ago  10.9.0.1  no  -  3  key=  ' +
        'refused here, bad-key: its key is no key',
      'west  w1  wireguard  [2001:db8::1]:4500  yes  alive  5s ago  10.9.0.1  yes  1300  3  key=  -',
    ]);
  });

  it('of copies it is not told whether they live: heartbeats are not copied', () => {
    const rows = endpointStatuses(records, [], 'copies', NOW);
    assert.deepEqual(
      rows.map(({ state, lastSeen }) => [state, lastSeen]),
      [
        [undefined, undefined],
        [undefined, undefined],
      ],
    );
  });
});
