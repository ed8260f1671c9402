/**
 * Whatever happens in whatever order, and whatever is away meanwhile: in the end every cluster holds what
 * follows from what all clusters export, and nothing else.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { Kinds } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import { Random } from '../../fuzz/random.ts';
import { differences } from '../../support/oracle.ts';
import { disorderly } from '../support/disorderly-store.ts';
import { endpoint, headless, namespace, service, serviceExport, slice } from './objects.ts';
import { World, type WorldOptions } from './world.ts';

const SERVICES = ['web', 'db'];
/** What a member may hold of a service, beside nothing. */
const VARIANTS: Readonly<Record<string, (name: string) => KubeObject>> = {
  clusterIp: (name) => service(name),
  otherPort: (name) => service(name, { ports: [{ name: 'http', port: 8080 }] }),
  headless: (name) => headless(name),
  external: (name) => service(name, { type: 'ExternalName' }),
};

type Step = (world: World) => Promise<void> | void;

const member = fc.constantFrom('west' as const, 'east' as const, 'north' as const);
const name = fc.constantFrom(...SERVICES);
const steps: fc.Arbitrary<readonly [what: string, step: Step]> = fc.oneof(
  fc
    .tuple(member, name, fc.constantFrom(...Object.keys(VARIANTS), 'gone'))
    .map(([id, of, variant]): [string, Step] => [
      `${id}: Service ${of} is ${variant}`,
      async (world) => {
        await world[id].delete(Kinds.Service, of);
        const made = VARIANTS[variant]?.(of);
        if (made !== undefined) await world[id].put(made);
      },
    ]),
  fc
    .tuple(member, name, fc.boolean())
    .map(([id, of, there]): [string, Step] => [
      `${id}: ${of} is ${there ? '' : 'not '}exported`,
      (world) => (there ? world[id].put(serviceExport(of)) : world[id].delete(Kinds.ServiceExport, of)),
    ]),
  fc.tuple(member, name, fc.subarray([1, 2, 3])).map(([id, of, pods]): [string, Step] => [
    `${id}: pods of ${of} are ${pods.join()}`,
    (world) =>
      world[id].put(
        slice(
          of,
          `${of}-a`,
          pods.map((pod) => endpoint(`10.1.0.${pod}`)),
        ),
      ),
  ]),
  fc
    .tuple(member, fc.boolean())
    .map(([id, there]): [string, Step] => [
      `${id}: the namespace is ${there ? '' : 'not '}there`,
      (world) => (there ? world[id].put(namespace('shop')) : world[id].delete(Kinds.Namespace, 'shop')),
    ]),
  fc
    .tuple(member, name)
    .map(([id, of]): [string, Step] => [
      `${id}: the import of ${of} is deleted by hand`,
      (world) => world[id].delete(Kinds.ServiceImport, of),
    ]),
  fc
    .tuple(fc.constantFrom('west' as const, 'east' as const, 'broker' as const), fc.boolean())
    .map(([place, there]): [string, Step] => [
      `${place} is ${there ? 'back' : 'away'}`,
      (world) => (there ? world[place].store.reconnect('changes') : world[place].store.disconnect()),
    ]),
  member.map((id): [string, Step] => [
    `${id}: the agent is started anew`,
    async (world) => {
      await world.stop(world[id]);
      world.start(world[id]);
    },
  ]),
  fc
    .constantFrom(0, 1000, 60_000)
    .map((ms): [string, Step] => [`${ms} ms pass`, (world) => (ms === 0 ? world.settle() : world.pass(ms))]),
);

/** Plays the steps, ends all outages, and compares with a fresh computation; a restart changes nothing then. */
async function endsExactly(
  script: readonly (readonly [string, Step])[],
  options: WorldOptions,
): Promise<void> {
  await using world = await World.open(options);
  for (const [, step] of script) await step(world);
  for (const place of [...world.members, world.broker]) place.store.reconnect('changes');
  for (let minute = 0; minute < 3; minute++) await world.pass(60_000);

  assert.deepEqual(
    await differences({
      members: world.members.map(({ id, memory }) => ({ id, store: memory })),
      broker: world.broker.memory,
    }),
    [],
  );

  const places = [...world.members, world.broker];
  const before = await Promise.all(places.map((place) => place.versions()));
  for (const each of world.members) {
    await world.stop(each);
    world.start(each);
  }
  await world.pass(60_000);
  assert.deepEqual(await Promise.all(places.map((place) => place.versions())), before);
}

it('all clusters end in the state that follows from their exports', async () => {
  const scripts = fc.array(steps, { minLength: 5, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(scripts, (script) => endsExactly(script, {})),
    { numRuns: 60 },
  );
});

it('so they do where changes are told twice, late and in any order', async () => {
  const scripts = fc.array(steps, { minLength: 5, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(scripts, fc.nat(), (script, seed) => {
      const random = new Random(seed);
      return endsExactly(script, { through: (store) => disorderly(store, (end) => random.below(end)) });
    }),
    { numRuns: 60 },
  );
});
