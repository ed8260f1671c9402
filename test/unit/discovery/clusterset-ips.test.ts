import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import type { Agent } from '../../../src/discovery/agent.ts';
import { REST_MS } from '../../../src/discovery/allocations.ts';
import { LEDGER_REF } from '../../../src/discovery/ip-ledger.ts';
import type { ApplyOptions, ObjectStore } from '../../../src/store/store.ts';
import { headless, service, serviceExport } from './objects.ts';
import { type Member, World, type WorldOptions } from './world.ts';

const open = (clustersetCidrs: readonly string[] = ['243.0.0.0/16'], more: WorldOptions = {}) =>
  World.open({ clustersetCidrs, ...more });

async function exportAll(member: Member, ...names: readonly string[]): Promise<void> {
  for (const name of names) await member.put(service(name), serviceExport(name));
}

const condition = async (member: Member, name: string): Promise<string | undefined> => {
  const found = await member.memory.get(Kinds.ServiceImport, { name, namespace: 'shop' });
  const [first] = found?.status?.conditions ?? [];
  return first && `${first.type}=${first.status} ${first.reason}: ${first.message}`;
};

describe('a clusterset IP', () => {
  it('is given to each ClusterSetIP service in every cluster, and to no headless one', async () => {
    await using world = await open();
    await exportAll(world.west, 'web', 'api');
    await world.west.put(headless('db'), serviceExport('db'));
    await world.settle();
    for (const member of world.members) {
      const [api, db, web] = await member.ips();
      assert.match(api ?? '', /^api 243\.0\.\d+\.\d+$/);
      assert.equal(db, 'db');
      assert.match(web ?? '', /^web 243\.0\.\d+\.\d+$/);
    }
  });

  it('is of the families of the oldest export', async () => {
    await using world = await open(['243.0.0.0/16', 'fd00:243::/112']);
    const dual = { clusterIPs: ['10.0.0.7', 'fd01::7'], ipFamilies: ['IPv6', 'IPv4'] as ('IPv4' | 'IPv6')[] };
    await world.west.put(service('web', dual), serviceExport('web'));
    await world.settle();
    assert.match((await world.east.ips()).join(), /^web fd00:243::[0-9a-f]+ 243\.0\.\d+\.\d+$/);
  });

  it('outlives restarts, outages of the broker and deletion by hand, and nothing is written for it', async () => {
    await using world = await open();
    await exportAll(world.west, 'web', 'api', 'shop');
    await world.settle();
    const before = await world.east.ips();
    const versions = await world.east.versions();
    await world.stop(world.east);
    world.broker.store.disconnect();
    world.start(world.east);
    await world.pass(60_000);
    world.broker.store.reconnect('changes');
    await world.pass(60_000);
    assert.deepEqual(await world.east.versions(), versions);
    for (const name of ['web', 'api']) await world.east.delete(Kinds.ServiceImport, name);
    await world.settle();
    assert.deepEqual(await world.east.ips(), before);
  });

  it('does not depend on the order in which services arrive', async () => {
    await using world = await open();
    await using other = await open();
    await exportAll(world.west, 'web', 'api', 'db');
    await exportAll(other.east, 'db', 'web', 'api');
    await world.settle();
    await other.settle();
    assert.deepEqual(await world.north.ips(), await other.north.ips());
  });

  it('goes to nobody else for some minutes after its service is gone, over a restart too', async () => {
    await using world = await open(['243.0.0.1/32']);
    await exportAll(world.west, 'web');
    await world.settle();
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    await exportAll(world.west, 'api');
    await world.settle();
    assert.deepEqual(await world.east.ips(), ['api']);
    assert.equal(
      await condition(world.east, 'api'),
      'pharos.io/ClustersetIP=False Exhausted: all IPv4 addresses of --clusterset-cidr are in use; give the agent another network, or withdraw exports. ' +
        "Meanwhile DNS answers with the exporting clusters' Service IPs instead",
    );
    await world.pass(REST_MS / 2);
    await world.stop(world.east);
    world.start(world.east);
    await world.pass(REST_MS / 2 - 1000);
    assert.deepEqual(await world.east.ips(), ['api']);
    await world.pass(2000);
    assert.deepEqual(await world.east.ips(), ['api 243.0.0.1']);
    assert.equal(await condition(world.east, 'api'), undefined);
  });

  it('is what it was where the import was deleted by hand while no agent ran', async () => {
    await using world = await open();
    await exportAll(world.west, 'web', 'api', 'db', 'shop');
    await world.settle();
    const before = await world.east.ips();
    await world.stop(world.east);
    for (const name of ['web', 'db']) await world.east.delete(Kinds.ServiceImport, name);
    await exportAll(world.west, 'young');
    world.start(world.east);
    await world.pass(REST_MS);
    const after = await world.east.ips();
    assert.deepEqual(
      after.filter((line) => !line.startsWith('young ')),
      before,
    );
  });

  it('that rests goes on resting where the import was deleted by hand, agent or not, and comes back in time', async () => {
    await using world = await open(['243.0.0.1/32']);
    await exportAll(world.west, 'web');
    await world.settle();
    await world.east.delete(Kinds.ServiceImport, 'web');
    await world.west.delete(Kinds.ServiceExport, 'web');
    await exportAll(world.west, 'api');
    await world.settle();
    await world.stop(world.east);
    await world.east.delete(Kinds.ServiceImport, 'api');
    await world.clock.advance(REST_MS / 2);
    world.start(world.east);
    await world.pass(REST_MS / 2 - 1000);
    assert.deepEqual(await world.east.ips(), ['api'], 'web has had it within five minutes');
    await exportAll(world.west, 'web');
    await world.settle();
    assert.deepEqual(await world.east.ips(), ['api', 'web 243.0.0.1'], 'it is still for web');
  });

  it('that it had is what a service gets that comes back', async () => {
    await using world = await open(['243.0.0.0/29']);
    await exportAll(world.west, 'a', 'b', 'c', 'd', 'e', 'f');
    await world.settle();
    const before = await world.east.ips();
    for (const name of ['b', 'd']) await world.west.delete(Kinds.ServiceExport, name);
    await world.settle();
    await exportAll(world.west, 'd', 'b', 'g');
    await world.settle();
    assert.deepEqual(await world.east.ips(), [...before, 'g']);
  });

  it('stays with those that have one when there are no more', async () => {
    await using world = await open(['243.0.0.0/30']);
    await exportAll(world.west, 'a', 'b');
    await world.settle();
    const before = await world.east.ips();
    await exportAll(world.west, 'c', '0');
    await world.pass(60_000);
    assert.deepEqual(await world.east.ips(), ['0', ...before, 'c']);
  });

  it('of another one’s import is not given out', async () => {
    await using world = await open(['243.0.0.0/30']);
    await world.east.put({
      apiVersion: Kinds.ServiceImport.apiVersion,
      kind: 'ServiceImport',
      metadata: { name: 'foreign', namespace: 'shop' },
      spec: { type: 'ClusterSetIP', ports: [], ips: ['243.0.0.1'] },
    } as KubeObject);
    await world.settle();
    await exportAll(world.west, 'a', 'b');
    await world.settle();
    const ips = (await world.east.ips()).join();
    assert.match(ips, /^(a 243.0.0.2,b|a,b 243.0.0.2),foreign 243.0.0.1$/);
  });

  it('that somebody edits is put back', async () => {
    await using world = await open();
    await exportAll(world.west, 'web');
    await world.settle();
    const before = await world.east.ips();
    const found = await world.east.memory.get(Kinds.ServiceImport, { name: 'web', namespace: 'shop' });
    assert.ok(found);
    const { status: _, ...edited } = found;
    await world.east.memory.apply(Kinds.ServiceImport, {
      ...edited,
      spec: { ...edited.spec, ips: ['243.0.9.9'] },
    });
    await world.settle();
    assert.deepEqual(await world.east.ips(), before);
  });

  it('is given for services of its own that nobody saw yet while the broker is away', async () => {
    await using world = await open();
    await world.stop(world.west);
    world.broker.store.disconnect();
    world.start(world.west);
    await exportAll(world.west, 'web');
    await world.settle();
    assert.match((await world.west.ips()).join(), /^web 243/);
  });
});

/** A store through which an agent writes with a delay that a test decides: writes arrive when they are let go. */
class LateStore implements ObjectStore {
  readonly location = 'late';
  readonly #inner: ObjectStore;
  #waiting: (() => void)[] = [];
  isHolding = false;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  /** Lets the `at`-th waiting write go. */
  release(at: number): void {
    const [go] = this.#waiting.splice(at % Math.max(1, this.#waiting.length), 1);
    go?.();
  }

  releaseAll(): void {
    this.isHolding = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  async #arrival(): Promise<void> {
    if (!this.isHolding) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
  }

  list: ObjectStore['list'] = (kind, selector) => this.#inner.list(kind, selector);
  get: ObjectStore['get'] = (kind, ref) => this.#inner.get(kind, ref);
  watch: ObjectStore['watch'] = (kind, selector, onEvent, signal) =>
    this.#inner.watch(kind, selector, onEvent, signal);
  async apply<T extends KubeObject>(kind: Kind<T>, object: T, options?: ApplyOptions): Promise<T> {
    await this.#arrival();
    return this.#inner.apply(kind, object, options);
  }
  async applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    await this.#arrival();
    return this.#inner.applyStatus(kind, object);
  }
  remove: ObjectStore['remove'] = async (kind, ref) => {
    await this.#arrival();
    return this.#inner.remove(kind, ref);
  };
}

/** Agents that did not know that they were overtaken took an address away that the leading one put back, for ever. */
const TWO_THAT_UNDO_EACH_OTHER: [string, string][] = [
  ['pass', String(REST_MS)],
  ['hand-over', ''],
  ['split', ''],
  ['hand-over', ''],
  ['split', ''],
  ['hold', ''],
  ['export', 'c'],
  ['pass', '100'],
  ['export', 'c'],
  ['export', 'a'],
  ['withdraw', 'e'],
  ['withdraw', 'c'],
  ['hand-over', ''],
  ['export', 'a'],
  ['export', 'd'],
];

it('no two services ever show one address, whatever of a former agent’s writes arrives late', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step = fc.oneof(
    fc.tuple(fc.constant('export'), name),
    fc.tuple(fc.constant('withdraw'), name),
    fc.tuple(fc.constant('hand-over'), fc.constant('')),
    fc.tuple(fc.constant('split'), fc.constant('')),
    fc.tuple(fc.constant('hold'), fc.constant('')),
    fc.tuple(fc.constant('arrive'), fc.constantFrom('0', '1', '2', '3')),
    fc.tuple(fc.constant('pass'), fc.constantFrom('100', String(REST_MS))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await using world = await open(['243.0.0.0/30'], { asleep: ['west', 'east', 'north'] });
      const { north, west } = world;
      const addresses = new Map<string, string>(); // address → the service that shows it
      const shown = new Map<string, readonly string[]>(); // service → addresses
      const watching = new AbortController();
      const problems: string[] = [];
      const show = (of: string, ips: readonly string[]): void => {
        for (const ip of shown.get(of) ?? []) addresses.delete(ip);
        for (const ip of ips) {
          const other = addresses.get(ip);
          if (other !== undefined && other !== of) problems.push(`${ip} is shown by ${other} and ${of}`);
          addresses.set(ip, of);
        }
        shown.set(of, ips);
      };
      const watched = north.memory.watch(
        Kinds.ServiceImport,
        {},
        (event) => {
          if (event.type === 'set') show(event.object.metadata.name, event.object.spec.ips ?? []);
          if (event.type === 'removed') show(event.object.metadata.name, []);
        },
        watching.signal,
      );
      const stores: LateStore[] = [];
      const former: Promise<void>[] = [];
      const unaware: Agent[] = [];
      const start = (): void => {
        const store = new LateStore(north.store);
        stores.push(store);
        world.start(north, { member: store });
      };
      const calm = async (): Promise<void> => {
        for (let round = 0; round < 20; round++) await turn();
      };
      start();
      world.start(west);
      await calm();
      for (const [what, which] of steps) {
        if (what === 'export') await exportAll(west, which);
        if (what === 'withdraw') await west.delete(Kinds.ServiceExport, which);
        if (what === 'hold') stores.at(-1)!.isHolding = true;
        if (what === 'arrive') for (const store of stores) store.release(Number(which));
        if (what === 'pass') await world.clock.advance(Number(which));
        // A former one has writes on the way, which nobody waits for, or does not know yet that it is one.
        if (what === 'hand-over' || what === 'split') {
          const before = world.agent(north);
          if (what === 'hand-over') former.push(before.close());
          else unaware.push(before);
          start();
        }
        await calm();
        assert.deepEqual(problems, []);
      }
      for (const store of stores) store.releaseAll();
      await Promise.all([...former, ...unaware.map((agent) => agent.close())]);
      for (let minute = 0; minute < 12; minute++) await world.pass(60_000);
      assert.deepEqual(problems, []);
      const imports = await north.memory.list(Kinds.ServiceImport);
      const served = imports.filter(({ spec }) => spec.ips?.length === 1);
      assert.equal(served.length, Math.min(imports.length, 2));
      watching.abort();
      await watched;
    }),
    { numRuns: 150, examples: [[TWO_THAT_UNDO_EACH_OTHER]] },
  );
});

it('an agent that was overtaken gives out nothing and says why', async () => {
  await using world = await open();
  const second = await world.north.memory.get(Kinds.ConfigMap, LEDGER_REF);
  assert.ok(second);
  await world.north.memory.apply(Kinds.ConfigMap, { ...second, data: { epoch: 'another' } });
  await exportAll(world.west, 'web');
  await world.pass(1000);
  assert.deepEqual(await world.north.ips(), []);
  const [warning] = world.lines.filter(({ level }) => level === 'warn');
  assert.match(
    inspect(warning?.fields),
    /Another agent of this cluster has taken over giving out clusterset IPs/,
  );
});
