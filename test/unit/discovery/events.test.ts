import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { Events } from '../../../src/discovery/events.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { service, serviceExport } from './objects.ts';
import { type Member, World } from './world.ts';

/** `Warning NoService web`, in the order of their making. */
async function events({ memory }: Pick<Member, 'memory'>): Promise<string[]> {
  const all = await memory.list(Kinds.Event);
  return all
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
    .map(({ type, reason, regarding, series }) =>
      [type, reason, regarding.name, series && `x${series.count}`].filter(Boolean).join(' '),
    );
}

describe('Events', () => {
  it('tell what happens to an export, and nothing twice', async () => {
    await using world = await World.open({ agent: { events: true } });
    await world.west.put(serviceExport('web'));
    await world.settle();
    await world.west.put(service('web'));
    await world.pass(1000);
    await world.east.put(service('web', { ports: [{ name: 'http', port: 8080 }] }), serviceExport('web'));
    await world.settle();
    await world.east.put(service('web'));
    await world.settle();
    const told = [
      'Warning NoService web',
      'Normal Valid web',
      'Normal Exported web',
      'Warning Conflict web',
      'Normal ConflictResolved web',
    ];
    assert.deepEqual((await events(world.west)).sort(), told.sort());
    await world.stop(world.west);
    world.start(world.west);
    await world.pass(3600_000);
    assert.equal((await events(world.west)).length, told.length);
    assert.deepEqual(await events(world.north), []);
  });

  it('tell that there is no clusterset IP, and that there is one', async () => {
    await using world = await World.open({ agent: { events: true }, clustersetCidrs: ['243.0.0.1/32'] });
    await world.west.put(service('web'), serviceExport('web'));
    await world.settle();
    await world.west.put(service('db'), serviceExport('db'));
    await world.settle();
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.pass(400_000);
    assert.deepEqual(await events(world.east), [
      'Warning ClustersetIPExhausted db',
      'Normal ClustersetIPAllocated db',
    ]);
  });
});

describe('Events of one kind', () => {
  const setUp = () => {
    const clock = new FakeClock();
    const memory = new MemoryStore({ location: 'memory', clock });
    return { clock, memory, events: new Events({ store: memory, instance: 'a', clock, log: silentLog }) };
  };
  const told = { type: 'Warning', reason: 'Conflict', action: 'Export', note: 'a port' } as const;

  it('are counted rather than repeated', async () => {
    const { clock, memory, events: sink } = setUp();
    for (let minute = 0; minute < 25; minute++) {
      sink.tell(serviceExport('web'), told);
      await clock.advance(60_000);
    }
    assert.deepEqual(await events({ memory }), ['Warning Conflict web x21']);
  });

  it('are bounded in rate, and remembered in number', async () => {
    const { clock, memory, events: sink } = setUp();
    for (let at = 0; at < 5000; at++) sink.tell(serviceExport('web'), { ...told, note: `${at}` });
    await clock.advance(10_000);
    for (let at = 0; at < 5000; at++) sink.tell(serviceExport('web'), { ...told, note: `again ${at}` });
    await clock.advance(0);
    assert.equal((await memory.list(Kinds.Event)).length, 25 + 10);
    assert.equal(sink.dropped, 10_000 - 35);
  });

  it('are no longer than the API takes', async () => {
    const { clock, memory, events: sink } = setUp();
    sink.tell(serviceExport('web'), { ...told, note: 'é'.repeat(5000) });
    await clock.advance(0);
    const [event] = await memory.list(Kinds.Event);
    assert.ok(Buffer.byteLength(event?.note ?? '') <= 1024);
    assert.match(event?.note ?? '', /^é+…$/);
  });
});
