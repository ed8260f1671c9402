import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceDefinition } from '../../../src/api/administration.ts';
import { definitionToApply } from '../../../src/membership/definitions.ts';
import { definitions } from './fixture.ts';

const shipped = definitions.serviceImport;
const RELEASE = 'multicluster.x-k8s.io/release-version';

function present(labels: Record<string, string>, served: readonly string[]): CustomResourceDefinition {
  return {
    ...shipped,
    metadata: { name: shipped.metadata.name, labels },
    spec: {
      ...shipped.spec,
      versions: ['v1alpha1', 'v1beta1'].map((name) => ({
        name,
        served: served.includes(name),
        storage: false,
      })),
    },
  };
}

const ours = (release: string): Record<string, string> => ({
  'pharos.io/managed-by': 'pharos.io',
  [RELEASE]: release,
});
const both = ['v1alpha1', 'v1beta1'];

for (const [sentence, there, expected] of [
  ['is installed where there is none', undefined, 'apply'],
  ['of ours is brought up to date', present(ours('v0.4.1'), both), 'apply'],
  [
    'of ours in the same release is applied again, which changes nothing',
    present(ours('v0.5.2'), both),
    'apply',
  ],
  ['of ours in a newer release stays', present(ours('v0.10.0'), both), 'keep'],
  ["of somebody else's stays where it serves what Pharos uses", present({}, both), 'keep'],
  ["of somebody else's is left alone even when it is older", present({ [RELEASE]: 'v0.1.0' }, both), 'keep'],
] as const) {
  test(`a definition ${sentence}`, () => {
    const decided = definitionToApply(shipped, there, 'https://west');
    assert.equal(decided === undefined ? 'keep' : 'apply', expected);
    if (decided === undefined) return;
    assert.equal(decided.metadata.labels?.['pharos.io/managed-by'], 'pharos.io');
    assert.deepEqual(decided.spec, shipped.spec);
  });
}

test("a definition of somebody else's that is too old is refused, not overwritten", () => {
  assert.throws(() => definitionToApply(shipped, present({}, ['v1alpha1']), 'https://west'), {
    code: 'definition-too-old',
    message:
      'CustomResourceDefinition serviceimports.multicluster.x-k8s.io at https://west serves v1alpha1, ' +
      'Pharos needs v1beta1; upgrade it to release v0.5.2 of multicluster.x-k8s.io first',
  });
});
