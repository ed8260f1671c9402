import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { Annotation, Label } from '../../../src/api/names.ts';
import type { Clock } from '../../../src/runtime/clock.ts';
import { Propagation, propagationMetric } from '../../../src/commands/propagation.ts';
import { feedZone } from '../../../src/commands/feed-zone.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { endpoint, headless, service, serviceExport, slice } from './objects.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Member, World } from './world.ts';

/** So long until both clusters have told each other how long their heartbeats take. */
const HALF_A_MINUTE = 31_000;

const stamps = async (place: Member | World['broker'], cluster: string): Promise<(string | undefined)[]> => {
  const labels = { [Label.sourceCluster]: cluster };
  const slices = await place.memory.list(Kinds.EndpointSlice, { labels });
  return slices.map(({ metadata }) => metadata.annotations?.[Annotation.changed]);
};

const iso = (at: number): string => new Date(at).toISOString();

describe('when endpoints changed', () => {
  it('goes with them to the broker and on to the others, by the clock of whoever reads it', async () => {
    await using world = await World.open({ asleep: ['east'] });
    const { west, east, clock } = world;
    const ahead: Clock = {
      now: () => clock.now() + 5000,
      monotonic: () => clock.monotonic(),
      after: (ms, run) => clock.after(ms, run),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    };
    world.start(east, {}, { clock: ahead });
    await west.put(headless('db'), slice('db', 'db-a', [endpoint('10.1.0.1')]), serviceExport('db'));
    await world.settle();
    assert.deepEqual(await stamps(east, 'west'), [undefined], 'nobody knows yet how the clocks differ');

    await world.pass(HALF_A_MINUTE);
    const writes = west.writes + east.writes;
    await west.put(slice('db', 'db-a', [endpoint('10.1.0.2')]));
    const changed = clock.now();
    await world.settle();
    assert.deepEqual(await stamps(world.broker, 'west'), [iso(changed)]);
    assert.deepEqual(await stamps(east, 'west'), [iso(changed + 5000)]);
    assert.equal(west.writes + east.writes - writes, 2, 'nothing is written for it');
  });

  it('includes for how long the broker was away', async () => {
    await using world = await World.open();
    const { west, east, clock } = world;
    await west.put(headless('db'), slice('db', 'db-a', [endpoint('10.1.0.1')]), serviceExport('db'));
    await world.pass(HALF_A_MINUTE);
    world.broker.store.disconnect();
    await world.settle();
    await west.put(slice('db', 'db-a', [endpoint('10.1.0.2')]));
    const changed = clock.now();
    await world.pass(60_000);
    world.broker.store.reconnect('changes');
    await world.pass(HALF_A_MINUTE);
    assert.deepEqual(await stamps(east, 'west'), [iso(changed)]);
  });

  it('is not told anew by a restart, nor of what is put back', async () => {
    await using world = await World.open();
    const { west, east } = world;
    await west.put(headless('db'), slice('db', 'db-a', [endpoint('10.1.0.1')]), serviceExport('db'));
    await world.pass(HALF_A_MINUTE);
    await west.put(slice('db', 'db-a', [endpoint('10.1.0.2')]));
    await world.settle();
    const versions = await east.versions();
    for (const member of [west, east]) {
      await world.stop(member);
      world.start(member);
      await world.pass(HALF_A_MINUTE);
    }
    assert.deepEqual(await east.versions(), versions);
    const [there] = await east.memory.list(Kinds.EndpointSlice, {
      labels: { [Label.sourceCluster]: 'west' },
    });
    await east.delete(Kinds.EndpointSlice, there?.metadata.name ?? '');
    await world.settle();
    assert.deepEqual(await stamps(east, 'west'), [undefined]);
  });
});

it('the DNS server counts how long changes of others took to it, each once, and no list', async () => {
  await using world = await World.open();
  const { west, east, clock } = world;
  const stop = new AbortController();
  const propagation = new Propagation(clock);
  const zone = new Zone();
  const feed = {
    store: east.memory,
    zone,
    clock,
    log: silentLog,
    staleAfter: 30,
    gateways: false,
    propagation,
  };
  const fed = feedZone(feed, stop.signal);
  const count = (): [count: number, sum: number] => {
    const metric = propagationMetric(propagation);
    assert.ok(metric.type === 'histogram');
    const { counts, sum } = metric.read();
    return [Array.from(counts).reduce((a, b) => a + b, 0), sum];
  };
  await west.put(service('web'), slice('web', 'web-a', [endpoint('10.1.0.1')]), serviceExport('web'));
  await world.pass(HALF_A_MINUTE);
  assert.deepEqual(count(), [0, 0]);

  // Time stands still while nothing waits: what east gets late took as long as that.
  await world.stop(east);
  world.start(east);
  await world.pass(HALF_A_MINUTE);
  east.store.disconnect();
  await world.settle();
  await west.put(slice('web', 'web-a', []));
  await world.pass(2000);
  east.store.reconnect('changes');
  await world.pass(30_000);
  const [times, seconds] = count();
  assert.equal(times, 1);
  assert.ok(seconds >= 2 && seconds < 32, String(seconds));
  await east.put(slice('web', 'unrelated', []));
  await world.settle();
  assert.deepEqual(count(), [times, seconds]);
  stop.abort();
  await fed;
});

it('the DNS server takes no change for news whose time it has seen in a list', () => {
  const clock = new FakeClock();
  const propagation = new Propagation(clock);
  const listed = {
    ...slice('web', 'web-a', [endpoint('10.1.0.1')]),
    metadata: {
      name: 'web-a',
      namespace: 'shop',
      annotations: { [Annotation.changed]: iso(clock.now() - 10_000) },
    },
  };
  assert.deepEqual([...propagation.listed([listed])], [listed]);
  propagation.answered({ type: 'set', object: { ...listed, endpoints: [] } });
  assert.equal(propagation.sum, 0);
});
