import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { collectionPath, labelSelector, objectPath } from '../../../src/store/kube-path.ts';

const rows: readonly (readonly [string, string, string])[] = [
  [
    'an object of a group',
    objectPath(Kinds.ServiceExport, { namespace: 'shop', name: 'mysql' }),
    '/apis/multicluster.x-k8s.io/v1beta1/namespaces/shop/serviceexports/mysql',
  ],
  [
    'an object of the core group',
    objectPath(Kinds.Service, { namespace: 'shop', name: 'mysql' }),
    '/api/v1/namespaces/shop/services/mysql',
  ],
  ['an object without a namespace', objectPath(Kinds.Namespace, { name: 'shop' }), '/api/v1/namespaces/shop'],
  [
    'all objects of one namespace',
    collectionPath(Kinds.Lease, 'shop'),
    '/apis/coordination.k8s.io/v1/namespaces/shop/leases',
  ],
  ['all objects of all namespaces', collectionPath(Kinds.Service), '/api/v1/services'],
  [
    'a name with characters that mean something in a path',
    objectPath(Kinds.Namespace, { name: 'a b?c#d:e' }),
    '/api/v1/namespaces/a%20b%3Fc%23d%3Ae',
  ],
];
for (const [name, path, expected] of rows) {
  test(`the path of ${name}`, () => assert.equal(path, expected));
}

test('labels and their presence make one selector, and none where nothing restricts', () => {
  assert.equal(labelSelector({ labels: { a: '1', b: '' }, labelExists: ['c/d'] }), 'a=1,b=,c/d');
  assert.equal(labelSelector({ namespace: 'shop', labels: {} }), undefined);
});
