import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { ClusterId } from '../../../src/api/identity.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { Annotation, Label } from '../../../src/api/names.ts';
import type { EndpointSlice, ServiceImport } from '../../../src/api/objects.ts';
import type { ConnectionState, Gateway } from '../../../src/api/tunnel.ts';
import { feedZone } from '../../../src/commands/feed-zone.ts';
import { reachabilityOf } from '../../../src/commands/follow-gateways.ts';
import { SeverableStore } from '../../../src/commands/playground/severable-store.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { type ObjectStore, StoreError } from '../../../src/store/store.ts';
import { RRType } from '../../../src/zone/records.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { FakeClock } from '../support/fake-clock.ts';

const gateway = (
  name: string,
  ...connections: [cluster: string, state: ConnectionState, reason?: string][]
): Gateway => ({
  apiVersion: Kinds.Gateway.apiVersion,
  kind: 'Gateway',
  metadata: { name, namespace: 'pharos-system' },
  status: {
    connections: connections.map(([cluster, state, reason]) => ({
      cluster,
      state,
      ...(reason !== undefined && { reason }),
    })),
  },
});

const web: ServiceImport = {
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: {
    name: 'web',
    namespace: 'shop',
    annotations: {
      [Annotation.exports]: JSON.stringify([{ cluster: 'west', ips: ['10.0.0.1'], weight: 1 }]),
    },
  },
  spec: { type: 'ClusterSetIP', ports: [{ name: 'http', port: 80 }] },
};
const slice: EndpointSlice = {
  apiVersion: Kinds.EndpointSlice.apiVersion,
  kind: 'EndpointSlice',
  metadata: {
    name: 'web.west.ipv4',
    namespace: 'shop',
    labels: { [Label.serviceName]: 'web', [Label.sourceCluster]: 'west' },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
  ports: [{ name: 'http', port: 80 }],
};

function setUp(wrap: (store: MemoryStore) => ObjectStore = (store) => store) {
  const clock = new FakeClock();
  const memory = new MemoryStore({ location: 'memory', clock });
  const zone = new Zone({ ownCluster: 'east' as ClusterId });
  const stop = new AbortController();
  const options = { store: wrap(memory), zone, clock, log: silentLog, staleAfter: 30, gateways: true };
  const fed = feedZone(options, stop.signal);
  return {
    clock,
    memory,
    zone,
    close: () => (stop.abort(), fed),
    /** What the zone says now for web's address. */
    answer: async () => {
      await clock.advance(0);
      return zone.answer(
        { labels: ['web', 'shop', 'svc', 'clusterset', 'local'], type: RRType.A },
        { turn: 0 },
      );
    },
  };
}

test('what is in the store is in the zone, and what goes from it goes', async () => {
  const { memory, answer, close, zone } = setUp();
  assert.equal(zone.synced, false);
  assert.equal((await answer()).kind, 'nxdomain');
  await memory.apply(Kinds.ServiceImport, web);
  await memory.apply(Kinds.EndpointSlice, slice);
  assert.equal((await answer()).kind, 'records');
  await memory.remove(Kinds.EndpointSlice, slice.metadata);
  assert.equal((await answer()).kind, 'nodata');
  await memory.remove(Kinds.ServiceImport, web.metadata);
  assert.equal((await answer()).kind, 'nxdomain');
  await close();
});

test('a cluster whose connection is down is in no answer, until its gateway says otherwise', async () => {
  const { memory, answer, close } = setUp();
  await memory.apply(Kinds.ServiceImport, web);
  await memory.apply(Kinds.EndpointSlice, slice);
  const down = gateway('node-1', ['west', 'error', 'no answer']);
  await memory.apply(Kinds.Gateway, down);
  await memory.applyStatus(Kinds.Gateway, down);
  const unreachable = await answer();
  assert.equal(unreachable.reason, 'no-reachable-cluster');
  assert.match(unreachable.detail, /the connection is in state error: no answer/);
  await memory.applyStatus(Kinds.Gateway, gateway('node-1', ['west', 'connected']));
  assert.equal((await answer()).kind, 'records');
  await memory.remove(Kinds.Gateway, down.metadata);
  assert.equal((await answer()).kind, 'records');
  await close();
});

const beating = (at: string): Gateway => {
  const object = gateway('node-1', ['west', 'connected']);
  return { ...object, status: { ...object.status, heartbeat: at } };
};

test('gateways that give no sign of life any more are not believed, and the answer says why', async () => {
  const { memory, answer, close, clock } = setUp();
  await memory.apply(Kinds.ServiceImport, web);
  await memory.apply(Kinds.EndpointSlice, slice);
  await memory.apply(Kinds.Gateway, beating('1'));
  for (const beat of ['1', '2', '3']) {
    await memory.applyStatus(Kinds.Gateway, beating(beat));
    await clock.advance(15_000);
    assert.equal((await answer()).kind, 'records');
  }
  await clock.advance(6000);
  const silent = await answer();
  assert.equal(silent.reason, 'no-reachable-cluster');
  assert.match(silent.detail, /gateway node-1 has given no sign of life for 20 s/);
  await memory.applyStatus(Kinds.Gateway, beating('4'));
  assert.equal((await answer()).kind, 'records');
  await close();
});

test('while the store is out of sight nobody is taken for silent, nor at once when it is back', async () => {
  let severable: SeverableStore | undefined;
  const { memory, answer, close, clock } = setUp((store) => (severable = new SeverableStore(store)));
  await memory.apply(Kinds.ServiceImport, web);
  await memory.apply(Kinds.EndpointSlice, slice);
  await memory.apply(Kinds.Gateway, beating('1'));
  await memory.applyStatus(Kinds.Gateway, beating('1'));
  await clock.advance(10_000);
  severable?.cut();
  await clock.advance(60_000);
  assert.equal((await answer()).kind, 'records');
  severable?.mend();
  await clock.advance(10_000);
  assert.equal((await answer()).kind, 'records');
  await clock.advance(12_000);
  assert.equal((await answer()).kind, 'nodata');
  await close();
});

test('answers are marked as stale some time after the store went out of sight, and fresh again after', async () => {
  let severable: SeverableStore | undefined;
  const { memory, answer, close, clock } = setUp((store) => (severable = new SeverableStore(store)));
  await memory.apply(Kinds.ServiceImport, web);
  await memory.apply(Kinds.EndpointSlice, slice);
  assert.equal((await answer()).ede, undefined);
  severable?.cut();
  await clock.advance(29_000);
  assert.equal((await answer()).ede, undefined);
  await clock.advance(1000);
  const stale = await answer();
  assert.equal(stale.kind, 'records');
  assert.equal(stale.ede?.code, 3);
  severable?.mend();
  await clock.advance(0);
  assert.equal((await answer()).ede, undefined);
  await close();
});

test('a store that is back in time leaves no mark', async () => {
  let severable: SeverableStore | undefined;
  const { memory, answer, close, clock } = setUp((store) => (severable = new SeverableStore(store)));
  await memory.apply(Kinds.ServiceImport, web);
  await memory.apply(Kinds.EndpointSlice, slice);
  severable?.cut();
  await clock.advance(10_000);
  severable?.mend();
  await clock.advance(60_000);
  assert.equal((await answer()).ede, undefined);
  await close();
});

test('a cluster that has no kind Gateway reaches all others', async () => {
  const noSuchKind = new StoreError('not-found', 'no kind Gateway');
  const { memory, answer, close } = setUp((store) => ({
    location: store.location,
    list: store.list.bind(store),
    get: store.get.bind(store),
    apply: store.apply.bind(store),
    applyStatus: store.applyStatus.bind(store),
    remove: store.remove.bind(store),
    watch: (kind, selector, onEvent, signal) => {
      if (kind.kind !== 'Gateway') return store.watch(kind, selector, onEvent, signal);
      onEvent({ type: 'interrupted', error: noSuchKind });
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  }));
  await memory.apply(Kinds.ServiceImport, web);
  await memory.apply(Kinds.EndpointSlice, slice);
  assert.equal((await answer()).kind, 'records');
  await close();
});

describe('a cluster is reachable', () => {
  const rows: Record<string, { gateways: Gateway[]; wants: boolean | undefined }> = {
    'when one of several gateways is connected': {
      gateways: [gateway('a', ['west', 'connected']), gateway('b', ['west', 'error'])],
      wants: true,
    },
    'over a degraded connection': { gateways: [gateway('a', ['west', 'degraded'])], wants: true },
    'not while the only connection comes up': {
      gateways: [gateway('a', ['west', 'connecting'])],
      wants: false,
    },
    'not when no gateway knows it': { gateways: [gateway('a')], wants: undefined },
  };
  for (const [sentence, { gateways, wants }] of Object.entries(rows)) {
    it(sentence, () => {
      const reachability = reachabilityOf(gateways);
      assert.notEqual(reachability, 'all');
      assert.equal(reachability !== 'all' && reachability.get('west')?.reachable, wants);
    });
  }
  it('where there are no gateways', () => assert.equal(reachabilityOf([]), 'all'));
});
