/**
 * Whatever happens in whatever order, and whatever is away meanwhile: in the end every cluster holds what
 * follows from what all clusters export, and nothing else.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { parseClusterId } from '../../../src/api/identity.ts';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import { BROKER_NAMESPACE, Label } from '../../../src/api/names.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import { aggregate } from '../../../src/discovery/aggregate.ts';
import { exportService, type ExportRecords } from '../../../src/discovery/export.ts';
import { importedObjects } from '../../../src/discovery/import.ts';
import { plan } from '../../../src/discovery/plan.ts';
import { type ExportRecord, parseRecord } from '../../../src/discovery/record.ts';
import { readRecordSlice } from '../../../src/discovery/record-slice.ts';
import { endpoint, headless, namespace, service, serviceExport, slice } from './objects.ts';
import { type Member, World } from './world.ts';

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

/** What the cluster exports of the service, if anything. */
async function recordsOf({ id, memory }: Member, of: string): Promise<ExportRecords | undefined> {
  const ref = { name: of, namespace: 'shop' };
  const slices = await memory.list(Kinds.EndpointSlice, { labels: { [Label.ownServiceName]: of } });
  const exported = exportService({
    cluster: parseClusterId(id),
    brokerNamespace: BROKER_NAMESPACE,
    endpoints: 'service',
    serviceExport: await memory.get(Kinds.ServiceExport, ref),
    service: await memory.get(Kinds.Service, ref),
    slices,
  });
  return exported.is === 'valid' ? exported.records : undefined;
}

async function holdsExactly<T extends KubeObject>(
  where: string,
  wanted: readonly T[],
  kind: Kind<T>,
  found: Promise<T[]>,
): Promise<void> {
  const { apply, remove } = plan(wanted, await found);
  const names = (objects: readonly T[]): string => objects.map(({ metadata }) => metadata.name).join(', ');
  assert.equal(
    `lacks ${names(apply)}; has too much: ${names(remove)}`,
    'lacks ; has too much: ',
    `${where}, ${kind.plural}`,
  );
}

it('all clusters end in the state that follows from their exports', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 30 }), async (script) => {
      await using world = await World.open();
      for (const [, step] of script) await step(world);
      for (const place of [...world.members, world.broker]) place.store.reconnect('changes');
      for (let minute = 0; minute < 3; minute++) await world.pass(60_000);

      const records = (
        await Promise.all(world.members.flatMap((each) => SERVICES.map((of) => recordsOf(each, of))))
      ).flatMap((each) => each ?? []);
      const recordSlices = records.flatMap(({ slices }) => slices);
      const inBroker = { namespace: BROKER_NAMESPACE };
      await holdsExactly(
        'broker',
        records.map(({ serviceImport }) => serviceImport),
        Kinds.ServiceImport,
        world.broker.memory.list(Kinds.ServiceImport, inBroker),
      );
      await holdsExactly(
        'broker',
        recordSlices,
        Kinds.EndpointSlice,
        world.broker.memory.list(Kinds.EndpointSlice, inBroker),
      );

      for (const { id, memory } of world.members) {
        const hasHome = (await memory.get(Kinds.Namespace, { name: 'shop' })) !== undefined;
        const imported = SERVICES.flatMap((of) => {
          const parsed = records
            .filter(({ serviceImport: { metadata } }) => metadata.labels?.[Label.serviceName] === of)
            .map(({ serviceImport }) => parseRecord(serviceImport))
            .filter((record): record is ExportRecord => !('rejected' in record));
          const view = aggregate(parsed);
          const slices = recordSlices
            .filter(({ metadata }) => metadata.labels?.[Label.serviceName] === of)
            .flatMap((each) => readRecordSlice(each).value ?? []);
          return view !== undefined && hasHome ? [importedObjects('shop', of, view, slices)] : [];
        });
        await holdsExactly(
          id,
          imported.map(({ serviceImport }) => serviceImport),
          Kinds.ServiceImport,
          memory.list(Kinds.ServiceImport, { namespace: 'shop' }),
        );
        await holdsExactly(
          id,
          imported.flatMap(({ slices }) => slices),
          Kinds.EndpointSlice,
          memory.list(Kinds.EndpointSlice, { namespace: 'shop', labelExists: [Label.sourceCluster] }),
        );
      }

      const places = [...world.members, world.broker];
      const before = await Promise.all(places.map((place) => place.versions()));
      for (const each of world.members) {
        await world.stop(each);
        world.start(each);
      }
      await world.pass(60_000);
      assert.deepEqual(await Promise.all(places.map((place) => place.versions())), before);
    }),
    { numRuns: 60 },
  );
});
