import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { EndpointSlice, KubeObject, ServiceImport } from '../../../src/api/objects.ts';
import { plan } from '../../../src/discovery/plan.ts';
import { endpoint, slice } from './objects.ts';

const object = (name: string, more: object = {}): ServiceImport => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceImport',
  metadata: { name, namespace: 'shop' },
  spec: { type: 'ClusterSetIP', ports: [] },
  ...more,
});
/** `+web` applied, `-web` removed. */
const lines = <T extends KubeObject>(desired: readonly T[], actual: readonly T[]): string[] => {
  const { apply, remove } = plan(desired, actual);
  return [
    ...apply.map(({ metadata }) => `+${metadata.name}`),
    ...remove.map(({ metadata }) => `-${metadata.name}`),
  ];
};
const stored = (given: ServiceImport, more: object = {}): ServiceImport => ({
  ...given,
  metadata: {
    ...given.metadata,
    uid: 'u',
    resourceVersion: '7',
    generation: 2,
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...more,
  },
});
const labelled = (labels: Record<string, string>): ServiceImport =>
  object('web', { metadata: { name: 'web', namespace: 'shop', labels } });
const annotated = (annotations: Record<string, string>): ServiceImport =>
  object('web', { metadata: { name: 'web', namespace: 'shop', annotations } });

describe('a plan', () => {
  const ROWS: Readonly<
    Record<string, readonly [desired: ServiceImport[], actual: ServiceImport[], lines: string[]]>
  > = {
    'applies what is missing': [[object('web')], [], ['+web']],
    'removes what is not desired': [[], [object('web')], ['-web']],
    'leaves what is there alone': [[object('web')], [object('web')], []],
    'does not look at what only the server sets': [[object('web')], [stored(object('web'))], []],
    'does not look at the status': [
      [object('web', { status: { clusters: [] } })],
      [object('web', { status: { clusters: [{ cluster: 'west' }] } })],
      [],
    ],
    'applies what differs': [
      [object('web', { spec: { type: 'Headless', ports: [] } })],
      [object('web')],
      ['+web'],
    ],
    'applies what differs by a label': [[labelled({ a: '1' })], [labelled({ a: '2' })], ['+web']],
    'applies where a label is too much': [[object('web')], [labelled({ a: '1' })], ['+web']],
    'tells an empty annotation from none': [[annotated({ a: '' })], [object('web')], ['+web']],
    'tells none from an empty annotation': [[object('web')], [annotated({ a: '' })], ['+web']],
    'takes an empty list for none, as API servers do': [
      [object('web', { spec: { type: 'Headless', ports: [], ips: [] } })],
      [object('web', { spec: { type: 'Headless', ports: null } })],
      [],
    ],
    'takes empty text for none, as API servers do': [
      [object('web', { spec: { type: 'Headless', ports: [{ name: '', port: 1 }] } })],
      [object('web', { spec: { type: 'Headless', ports: [{ port: 1 }] } })],
      [],
    ],
    'tells false from nothing': [
      [object('web', { spec: { type: 'Headless', ports: [], ready: false } })],
      [object('web')],
      ['+web'],
    ],
    'does not mind the order of keys': [
      [object('web', { spec: { type: 'Headless', ports: [] } })],
      [object('web', { spec: { ports: [], type: 'Headless' } })],
      [],
    ],
    'minds the order of lists': [
      [object('web', { spec: { type: 'Headless', ports: [], ips: ['1', '2'] } })],
      [object('web', { spec: { type: 'Headless', ports: [], ips: ['2', '1'] } })],
      ['+web'],
    ],
  };
  for (const [name, [desired, actual, wanted]] of Object.entries(ROWS)) {
    it(name, () => assert.deepEqual(lines(desired, actual), wanted));
  }

  it('removes a slice whose address type is to change, and applies it next time', () => {
    const [v4, v6] = [
      slice('web', 'a', [endpoint('10.0.0.1')]),
      slice('web', 'a', [endpoint('fd00::1')], 'IPv6'),
    ];
    assert.deepEqual(lines<EndpointSlice>([v6], [v4]), ['-a']);
    assert.deepEqual(lines<EndpointSlice>([v6], []), ['+a']);
  });
});

describe('whatever is desired and there,', () => {
  const objects = fc.uniqueArray(
    fc
      .record({
        name: fc.constantFrom('a', 'b', 'c', 'd'),
        ports: fc.subarray([{ port: 1 }, { port: 2, name: 'x' }, { port: 3, name: '' }]),
        labels: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('', '1')),
      })
      .map(({ name, ports, labels }) =>
        object(name, { metadata: { name, namespace: 'shop', labels }, spec: { type: 'Headless', ports } }),
      ),
    { selector: ({ metadata }) => metadata.name },
  );

  it('the plan from something to itself is empty', () => {
    fc.assert(
      fc.property(objects, (given) => assert.deepEqual(plan(given, given), { apply: [], remove: [] })),
    );
  });

  it('carrying out the plan makes the one the other, and removes nothing that it applies', () => {
    fc.assert(
      fc.property(objects, objects, (desired, actual) => {
        const { apply, remove } = plan(desired, actual);
        const there = new Map(actual.map((each) => [each.metadata.name, each]));
        for (const { metadata } of remove) there.delete(metadata.name);
        for (const each of apply) there.set(each.metadata.name, each);
        assert.deepEqual([...there.keys()].sort(), desired.map(({ metadata }) => metadata.name).sort());
        assert.deepEqual(plan(desired, [...there.values()]), { apply: [], remove: [] });
        const names = new Set(apply.map(({ metadata }) => metadata.name));
        assert.ok(remove.every(({ metadata }) => !names.has(metadata.name)));
      }),
    );
  });
});
