import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import type { Role } from '../../../src/api/administration.ts';
import { planBroker } from '../../../src/membership/deploy.ts';
import { brokerManifests, memberIdentity } from '../../../src/membership/manifests.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { NAMESPACE, definitions, id } from './fixture.ts';

const names = (manifests: ReturnType<typeof brokerManifests>): string[] =>
  manifests.map(({ object: { kind, metadata } }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);

test('a broker is a namespace, a policy and a role; the policy stands before any right is given', () => {
  assert.deepEqual(names(brokerManifests(NAMESPACE, [definitions.serviceImport])), [
    'CustomResourceDefinition /serviceimports.multicluster.x-k8s.io',
    'Namespace /pharos-broker',
    'ValidatingAdmissionPolicy /records.pharos-broker.pharos.io',
    'ValidatingAdmissionPolicyBinding /records.pharos-broker.pharos.io',
    'Role pharos-broker/pharos-member',
  ]);
});

test('an identity is an account with two roles, the account first: it is the claim on the id', () => {
  assert.deepEqual(names(memberIdentity({ cluster: id('west'), clusterUid: 'u' }, NAMESPACE)), [
    'ServiceAccount pharos-broker/cluster-west',
    'Role pharos-broker/cluster-west',
    'RoleBinding pharos-broker/cluster-west',
    'RoleBinding pharos-broker/cluster-west.records',
  ]);
});

test('members are granted these rights and no other', () => {
  const rules = [
    ...brokerManifests(NAMESPACE, []),
    ...memberIdentity({ cluster: id('west'), clusterUid: 'u' }, NAMESPACE),
  ].flatMap(({ object }) => (object.kind === 'Role' ? (object as Role).rules : []));
  const write = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
  assert.deepEqual(rules, [
    { apiGroups: ['multicluster.x-k8s.io'], resources: ['serviceimports'], verbs: write },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: write },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: write },
    { apiGroups: ['pharos.io'], resources: ['clusters'], verbs: write },
    { apiGroups: ['pharos.io'], resources: ['endpoints'], verbs: write },
    {
      apiGroups: [''],
      resources: ['configmaps'],
      resourceNames: ['pharos-drained'],
      verbs: ['get', 'list', 'watch'],
    },
    {
      apiGroups: [''],
      resources: ['serviceaccounts/token'],
      resourceNames: ['cluster-west'],
      verbs: ['create'],
    },
  ]);
});

test('two brokers on one API server share no object', () => {
  const one = new Set(names(brokerManifests('one', [])));
  assert.deepEqual(
    names(brokerManifests('two', [])).filter((name) => one.has(name)),
    [],
  );
});

test('deploy/broker/broker.yaml is what "pharos broker deploy --dry-run" prints for a new broker', async () => {
  const empty = new MemoryStore({ location: 'https://broker', clock: new FakeClock() });
  const file = readFileSync(join(import.meta.dirname, '../../../deploy/broker/broker.yaml'), 'utf8');
  assert.deepEqual(
    parseAllDocuments(file).map((document) => document.toJS() as unknown),
    (await planBroker(empty, NAMESPACE, definitions)).map(({ object }) => object),
  );
});

test('no two clusters share an object on the broker, however similar their ids', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?$/);
  const suffix = fc.constantFrom('', '-records', '-west', '-token', '-cluster');
  fc.assert(
    fc.property(label, suffix, suffix, (stem, x, y) => {
      fc.pre(x !== y);
      assert.deepEqual(shared(`${stem}${x}`, `${stem}${y}`), []);
    }),
  );
});

test('"west" and "west-records" share no object on the broker', () => {
  assert.deepEqual(shared('west', 'west-records'), []);
});

/** The names that the identities of two clusters have in common. */
function shared(one: string, two: string): string[] {
  const namesOf = (cluster: string): string[] =>
    names(memberIdentity({ cluster: id(cluster), clusterUid: 'u' }, NAMESPACE));
  const mine = new Set(namesOf(one));
  return namesOf(two).filter((name) => mine.has(name));
}
