import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nearest } from '../../../src/config/nearest.ts';

const names = ['listen', 'zone', 'ttl', 'cluster-id', 'kubeconfig'];

for (const [wrong, right] of [
  ['lisen', 'listen'],
  ['litsen', 'listen'],
  ['Zone', 'zone'],
  ['tll', 'ttl'],
  ['clusterid', 'cluster-id'],
  ['kube-config', 'kubeconfig'],
]) {
  test(`${wrong} was probably meant to be ${right}`, () => assert.equal(nearest(wrong ?? '', names), right));
}

test('a word that is near nothing gets no suggestion', () => {
  for (const word of ['colour', 'x', '', 'listener-address'])
    assert.equal(nearest(word, names), undefined, word);
});

test('a name itself is its own nearest', () => {
  fc.assert(fc.property(fc.constantFrom(...names), (name) => nearest(name, names) === name));
});
