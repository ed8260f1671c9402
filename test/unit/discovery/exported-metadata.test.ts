import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usableAnnotations, usableLabels } from '../../../src/discovery/exported-metadata.ts';

const LABELS: Readonly<Record<string, readonly [given: Record<string, string>, problems: string[]]>> = {
  'labels of users pass': [
    { team: 'payments', 'example.com/tier': 'gold', 'app.kubernetes.io/name': 'x' },
    [],
  ],
  'a label without a value passes': [{ team: '' }, []],
  'a label of Kubernetes itself does not': [
    { 'endpointslice.kubernetes.io/managed-by': 'x' },
    ['exportedLabels: "endpointslice.kubernetes.io/managed-by" is reserved: ignored'],
  ],
  "nor does one of Pharos's own": [
    { 'pharos.io/managed-by': 'x' },
    ['exportedLabels: "pharos.io/managed-by" is reserved: ignored'],
  ],
  'a prefix that only ends like a reserved one passes': [{ 'notpharos.io/managed-by': 'x' }, []],
  'a key that Kubernetes would refuse does not': [
    { 'a/b/c': 'x' },
    ['exportedLabels: "a/b/c" is not a name that Kubernetes takes: ignored'],
  ],
  'an empty key does not': [{ '': 'x' }, ['exportedLabels: "" is not a name that Kubernetes takes: ignored']],
  'a value that Kubernetes would refuse does not': [
    { team: 'the payments team' },
    ['exportedLabels: "team" has a value that Kubernetes does not take: ignored'],
  ],
  'a value of 64 characters does not': [
    { team: 'x'.repeat(64) },
    ['exportedLabels: "team" has a value that Kubernetes does not take: ignored'],
  ],
};

describe('exported labels and annotations', () => {
  for (const [name, [given, problems]] of Object.entries(LABELS)) {
    it(name, () => {
      assert.deepEqual(usableLabels(given), { kept: problems.length === 0 ? given : {}, problems });
    });
  }

  it('one bad label costs the others nothing', () => {
    assert.deepEqual(usableLabels({ team: 'payments', 'bad key': 'x' }).kept, { team: 'payments' });
  });

  it('annotations may have any text as value', () => {
    const given = { note: 'für "alle",\nalso mehrzeilig' };
    assert.deepEqual(usableAnnotations(given), { kept: given, problems: [] });
  });

  it('annotations that would not fit into an object are left out as a whole', () => {
    assert.deepEqual(usableAnnotations({ note: 'x'.repeat(64 * 1024) }), {
      kept: {},
      problems: ['exportedAnnotations has 65540 characters, must have at most 65536: ignored'],
    });
  });

  it('a key "__proto__" is a key like others', () => {
    const given = JSON.parse('{"__proto__": "x", "team": "payments"}') as Record<string, string>;
    assert.deepEqual(Object.keys(usableLabels(given).kept), ['team']);
  });
});
