/**
 * What stands on the broker is somebody else's: whatever it is, whole agents go on with what is good, say of
 * the rest what is wrong with it, once, and hold what follows from the records that can be used.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { Kinds } from '../../../src/api/kinds.ts';
import { Annotation, BROKER_NAMESPACE, Label, MANAGED_BY } from '../../../src/api/names.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import { isImported } from '../../../src/discovery/labels.ts';
import { parseRecord } from '../../../src/discovery/record.ts';
import { readRecordSlice } from '../../../src/discovery/record-slice.ts';
import { differences } from '../../support/oracle.ts';
import { endpoint, headless, namespace, service, serviceExport, slice } from './objects.ts';
import { World } from './world.ts';

const SERVICES = ['web', 'db', 'toString', '__proto__', 'a.b', '', '-'];
const NAMESPACES = ['shop', 'kube-system', 'constructor', 'SHOP', ''];

/** The labels of a record, or nearly. */
const labels = fc
  .record({
    cluster: fc.constantFrom('evil', 'evil', 'evil', 'worse', 'EVIL', '', 'a.b', '__proto__'),
    service: fc.constantFrom('web', 'db', ...SERVICES),
    namespace: fc.constantFrom('shop', 'shop', ...NAMESPACES),
    more: fc.dictionary(
      fc.constantFrom(Label.importManagedBy, Label.managedBy, 'x'),
      fc.constantFrom('x', ''),
    ),
    without: fc.subarray([Label.serviceName, Label.sourceNamespace], { maxLength: 1 }),
  })
  .map(({ cluster, service, namespace, more, without }): Record<string, string> => {
    const all: Record<string, string> = {
      [Label.sourceCluster]: cluster,
      [Label.serviceName]: service,
      [Label.sourceNamespace]: namespace,
      [Label.importManagedBy]: MANAGED_BY,
      ...more,
    };
    for (const label of without) delete all[label];
    return all;
  });

/** Mostly the name that the labels ask for. */
const nameFor = (given: Record<string, string>, suffix: string): fc.Arbitrary<string> => {
  const asked = [given[Label.serviceName], given[Label.sourceNamespace], given[Label.sourceCluster]];
  // Names that no API server takes do not get to the broker.
  const possible = (label = ''): string =>
    label.replaceAll(/[^a-z0-9-]/g, 'x').replaceAll(/^-|-$/g, '') || 'x';
  const right = `${asked.map(possible).join('.')}${suffix}`;
  return fc.constantFrom(right, right, right, 'x', `web.shop.west${suffix}`);
};

const annotations = fc.dictionary(
  fc.constantFrom(...Object.values(Annotation)),
  fc.oneof(
    fc.constantFrom('2020-01-01T00:00:00Z', '1', 'all', 'east', '{"team":"x"}'),
    fc.string(),
    fc.json(),
  ),
  { maxKeys: 5 },
);

const spec = fc.record(
  {
    type: fc.oneof(fc.constantFrom('ClusterSetIP', 'ClusterSetIP', 'Headless'), fc.jsonValue()),
    ports: fc.oneof(
      fc.constant([{ name: 'http', protocol: 'TCP', port: 80 }]),
      fc.array(
        fc.record({
          name: fc.string(),
          protocol: fc.string(),
          port: fc.oneof(fc.nat(70_000), fc.jsonValue()),
        }),
      ),
      fc.jsonValue(),
    ),
    ips: fc.oneof(
      fc.constant(['10.9.9.9']),
      fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())),
      fc.jsonValue(),
    ),
    ipFamilies: fc.oneof(fc.constant(['IPv4']), fc.jsonValue()),
    sessionAffinity: fc.oneof(fc.constant('None'), fc.jsonValue()),
    sessionAffinityConfig: fc.jsonValue(),
  },
  { requiredKeys: ['type'] },
);

const anEndpoint = fc.oneof(
  fc.record(
    {
      addresses: fc.oneof(fc.array(fc.oneof(fc.ipV4(), fc.string()), { maxLength: 3 }), fc.jsonValue()),
      conditions: fc.oneof(fc.record({ ready: fc.boolean() }), fc.jsonValue()),
      hostname: fc.oneof(fc.string(), fc.jsonValue()),
    },
    { requiredKeys: ['addresses'] },
  ),
  fc.jsonValue(),
);
const sliceContent = fc.record(
  {
    addressType: fc.oneof(fc.constantFrom('IPv4', 'IPv4', 'IPv6', 'FQDN'), fc.jsonValue()),
    endpoints: fc.oneof(fc.array(anEndpoint, { maxLength: 4 }), fc.jsonValue()),
    ports: fc.oneof(fc.constant([{ name: 'http', port: 80 }]), fc.jsonValue()),
  },
  { requiredKeys: ['addressType'] },
);

const hostile: fc.Arbitrary<KubeObject> = fc.boolean().chain((isImport) => {
  const kind = isImport ? Kinds.ServiceImport : Kinds.EndpointSlice;
  const content: fc.Arbitrary<object> = isImport
    ? fc.oneof(spec, fc.jsonValue()).map((given) => ({ spec: given }))
    : sliceContent;
  return labels.chain((given) =>
    fc
      .record({ name: nameFor(given, isImport ? '' : '.ipv4'), annotations, content })
      .map(({ name, annotations, content }): KubeObject => {
        const metadata = { name, namespace: BROKER_NAMESPACE, labels: given, annotations };
        return { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...content };
      }),
  );
});

const nameOf = ({ kind, metadata }: KubeObject) => ({ kind, name: metadata.name });

/** Whether all of it is to be refused. What passes for an import of a broker that is a member too is no record. */
const isUseless = (object: KubeObject): boolean =>
  !isImported(object) &&
  (object.kind === 'ServiceImport'
    ? 'rejected' in parseRecord(object as never)
    : readRecordSlice(object as never).value === undefined);

const TOLD = /in an object on the broker cannot be used$|^An object on the broker cannot be used$/;

it('whatever stands on the broker, agents go on with what is good, and say of the rest what is wrong, once', async () => {
  let useless = 0;
  const property = fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 12 }), async (objects) => {
    await using world = await World.open({ asleep: ['north'] });
    const { west, east, broker } = world;
    const differ = (): Promise<string[]> =>
      differences({
        members: [west, east].map(({ id, memory }) => ({ id, store: memory })),
        broker: broker.memory,
      });
    await west.put(service('web'), slice('web', 'web-a', [endpoint('10.1.0.1')]), serviceExport('web'));
    await west.put(service('safe'), slice('safe', 'safe-a', [endpoint('10.1.0.2')]), serviceExport('safe'));
    await west.put(namespace('kube-system'));
    await world.settle();

    await broker.put(...objects);
    await world.settle();
    // What is good goes on, while what is not is said again, slightly different.
    await west.put(headless('late'), slice('late', 'late-a', [endpoint('10.1.0.3')]), serviceExport('late'));
    for (const object of objects) {
      const labels = { ...object.metadata.labels, again: 'yes' };
      await broker.put({ ...object, metadata: { ...object.metadata, labels } });
    }
    await world.settle();
    assert.deepEqual(await differ(), []);
    const imports = await east.imports();
    assert.ok(imports.includes('safe ClusterSetIP, http TCP 80, from west'), imports.join('\n'));
    assert.ok(imports.includes('late Headless, http TCP 80, from west'), imports.join('\n'));
    assert.ok((await east.slices()).includes('safe.west.ipv4: 10.0.0.7'));

    const told = world.lines.filter(({ message }) => TOLD.test(message));
    const texts = told.map(({ fields }) => JSON.stringify(fields));
    const agents = [world.agent(west), world.agent(east)];
    const counted = agents
      .flatMap(({ counters }) => [...counters.refused.values()])
      .reduce((a, b) => a + b, 0);
    assert.equal(counted, told.length, 'what is told is counted');
    for (const text of new Set(texts)) {
      assert.ok(texts.filter((other) => other === text).length <= agents.length, `told again: ${text}`);
    }
    // Those that took the name of a record of west's are gone: west has put its own back.
    const standing: KubeObject[] = [
      ...(await broker.memory.list(Kinds.ServiceImport)),
      ...(await broker.memory.list(Kinds.EndpointSlice)),
    ];
    for (const object of standing) {
      if (object.metadata.labels?.[Label.sourceCluster] === 'west' || !isUseless(object)) continue;
      useless++;
      const isTold = told.some(({ fields }) =>
        isDeepStrictEqual({ ...fields, why: '' }, { ...nameOf(object), why: '' }),
      );
      assert.ok(isTold, `not a word of ${object.kind} ${object.metadata.name}`);
    }
    assert.deepEqual(
      world.lines.filter(({ level }) => level === 'error'),
      [],
    );

    for (const { kind, metadata } of objects) {
      await broker.memory.remove(kind === 'ServiceImport' ? Kinds.ServiceImport : Kinds.EndpointSlice, {
        name: metadata.name,
        namespace: BROKER_NAMESPACE,
      });
    }
    await world.settle();
    assert.deepEqual(await differ(), []);
    assert.deepEqual(
      (await east.imports()).map((line) => line.replace(/ .*/, '')),
      ['late', 'safe', 'web'],
    );
  });
  await fc.assert(property, { numRuns: 40 });
  assert.ok(useless > 40, `only ${useless} objects were of no use: this tries too little`);
});
