import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import { type Gateway, GATEWAY_LIFE_MS } from '../../../src/api/tunnel.ts';
import { ObjectCache } from '../../../src/store/cache.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { recordCaches, RecordSync } from '../../../src/tunnel/record-sync.ts';
import { ENDPOINT_LIFE_MS } from '../../../src/tunnel/settings.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { recordingLog } from '../support/recording-log.ts';
import { clusterRecord, endpointRecord, west } from './records.ts';

const other = (heartbeat: string): Gateway => ({
  apiVersion: Kinds.Gateway.apiVersion,
  kind: 'Gateway',
  metadata: { name: 'gw2', namespace: SYSTEM_NAMESPACE },
  status: {
    haStatus: 'passive',
    heartbeat,
    connections: [{ cluster: 'north', gateway: 'gw1', state: 'connected' }],
  },
});

/** West's leader with another gateway beside it, and east on the broker. */
async function start() {
  const clock = new FakeClock();
  const [member, broker] = ['west', 'broker'].map(
    (location) => new FaultyStore(new MemoryStore({ location, clock })),
  );
  assert.ok(member !== undefined && broker !== undefined);
  const beat = async (heartbeat: string): Promise<void> => {
    await member.applyStatus(Kinds.Gateway, other(heartbeat));
    await broker.apply(Kinds.TunnelEndpoint, endpointRecord('east', 'gw1', '192.168.2.11', { heartbeat }));
  };
  const { status: _, ...object } = other('');
  await member.apply(Kinds.Gateway, object);
  await broker.apply(Kinds.Cluster, clusterRecord('east', '10.2.0.0/16'));
  await beat('2026-01-01T00:00:00Z');
  const stop = new AbortController();
  const copies = recordCaches(member, SYSTEM_NAMESPACE, clock);
  const gateways = new ObjectCache<Gateway>({
    store: member,
    kind: Kinds.Gateway,
    selector: { namespace: SYSTEM_NAMESPACE },
    clock,
  });
  const sync = new RecordSync({
    self: west,
    own: clusterRecord('west', '10.1.0.0/16'),
    member,
    broker,
    brokerNamespace: 'pharos-broker',
    copies,
    gateways,
    clock,
    log: recordingLog().log,
  });
  const running = Promise.all([
    ...[copies.clusters, copies.endpoints, gateways].map((cache) => cache.run(stop.signal)),
    sync.run(stop.signal),
  ]);
  await clock.advance(1000);
  return {
    clock,
    member,
    broker,
    beat,
    /** What the other gateway is left with, and whether the copy of east's Endpoint is there. */
    look: async () => ({
      connections: (await member.get(Kinds.Gateway, { name: 'gw2', namespace: SYSTEM_NAMESPACE }))?.status
        ?.connections?.length,
      copied:
        (await member.get(Kinds.TunnelEndpoint, { name: 'east.gw1', namespace: SYSTEM_NAMESPACE })) !==
        undefined,
    }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await clock.advance(1000);
      await running;
    },
  };
}

test('a gateway and an endpoint whose heartbeat stands still are buried', async () => {
  await using sync = await start();
  assert.deepEqual(await sync.look(), { connections: 1, copied: true });
  await sync.clock.advance(Math.max(GATEWAY_LIFE_MS, ENDPOINT_LIFE_MS) + 10_000);
  assert.deepEqual(await sync.look(), { connections: 0, copied: false });
});

for (const [which, what] of [
  ['member', 'cluster’s own API server'],
  ['broker', 'broker'],
] as const) {
  for (const how of ['changes', 'snapshot'] as const) {
    test(`nobody is buried for what could not be seen while the ${what} was away, back with ${how === 'changes' ? 'what changed' : 'a new list'}`, async () => {
      await using sync = await start();
      sync[which].disconnect();
      for (let i = 0; i < 12; i++) {
        await sync.clock.advance(10_000);
        // Whoever can be seen shows signs of life.
        if (which === 'member')
          await sync.broker.apply(
            Kinds.TunnelEndpoint,
            endpointRecord('east', 'gw1', '192.168.2.11', { heartbeat: `2026-01-01T00:00:1${i % 10}Z` }),
          );
        else await sync.member.applyStatus(Kinds.Gateway, other(`2026-01-01T00:00:1${i % 10}Z`));
      }
      sync[which].reconnect(how);
      await sync.clock.advance(8000);
      assert.deepEqual(await sync.look(), { connections: 1, copied: true });
      await sync.beat('2026-01-01T00:05:00Z');
      await sync.clock.advance(10_000);
      assert.deepEqual(await sync.look(), { connections: 1, copied: true });
    });
  }
}
