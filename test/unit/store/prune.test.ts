import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prune } from '../../../src/store/prune.ts';

test('the empty lists of an EndpointSlice, which an API server sends as null, are lists', () => {
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1' },
    endpoints: null,
    ports: null,
  };
  assert.deepEqual(prune(slice), { ...slice, endpoints: [], ports: [] });
});

test('managed fields and the manifest of kubectl go, other annotations stay', () => {
  const metadata = {
    name: 'web',
    managedFields: [{ manager: 'kubectl' }],
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', note: 'mine' },
  };
  assert.deepEqual(prune({ apiVersion: 'v1', kind: 'Service', metadata }), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', annotations: { note: 'mine' } },
  });
});
