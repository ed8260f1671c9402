import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { clusterIdOf } from '../../../src/membership/cluster-id.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { cluster, id } from './fixture.ts';

const BETA = 'about.k8s.io/v1beta1';
const ALPHA = 'about.k8s.io/v1alpha1';

for (const [sentence, version, property, given, expected] of [
  ['is what the user says where the cluster says nothing', BETA, undefined, 'west', 'west'],
  ['is what the ClusterProperty says', BETA, 'west', undefined, 'west'],
  ['may be said by both', BETA, 'west', 'west', 'west'],
  ['is read from older installations of about.k8s.io, too', ALPHA, 'west', undefined, 'west'],
  ['must be said by somebody', BETA, undefined, undefined, /has no ClusterProperty .* give --cluster-id$/],
  ['may not be said differently', BETA, 'west', 'east', /says that it is "west" .* --cluster-id says "east"/],
  [
    'must be a DNS label',
    BETA,
    'West 1',
    undefined,
    /^Refusal: ClusterProperty .*: "West 1" is not a cluster id/,
  ],
] as const) {
  test(`the cluster's id ${sentence}`, async () => {
    const store = await cluster('west', new FakeClock());
    if (property !== undefined) {
      await store.apply(
        { ...Kinds.ClusterProperty, apiVersion: version },
        {
          apiVersion: version,
          kind: 'ClusterProperty',
          metadata: { name: 'cluster.clusterset.k8s.io' },
          spec: { value: property },
        },
      );
    }
    const found = clusterIdOf(store, given === undefined ? undefined : id(given));
    if (typeof expected === 'string') assert.equal(await found, expected);
    else await assert.rejects(found, expected);
  });
}
