/** When a request is sent at all, and when. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { type KubernetesOptions, openKubernetesStore } from '../../../src/store/kubernetes.ts';
import { json, refusal, stubApiServer } from '../support/stub-api-server.ts';

const ref = { name: 'web', namespace: 'shop' };
const service = { apiVersion: 'v1', kind: 'Service' as const, metadata: ref, spec: {} };
const lease = { apiVersion: Kinds.Lease.apiVersion, kind: 'Lease' as const, metadata: ref, spec: {} };

const open = (kubeconfig: string, more: Partial<KubernetesOptions> = {}) =>
  openKubernetesStore({ kubeconfig, log: silentLog, ...more });

describe('a process that does not lead', () => {
  it('reads, and renews Leases, and sends no other write', async () => {
    await using server = await stubApiServer();
    server.script(json(service));
    let leads = true;
    const store = await open(server.kubeconfig, { mayWrite: () => leads });
    await store.apply(Kinds.Service, service);
    leads = false;
    const before = server.requests.length;
    for (const write of [
      () => store.apply(Kinds.Service, service),
      () => store.applyStatus(Kinds.Service, service),
      () => store.remove(Kinds.Service, ref),
    ]) {
      await assert.rejects(write(), { code: 'conflict', message: /does not lead any more/ });
    }
    assert.equal(server.requests.length, before);
    await store.get(Kinds.Service, ref);
    await store.apply(Kinds.Lease, lease);
    assert.deepEqual(
      server.requests.slice(before).map(({ method }) => method),
      ['GET', 'PATCH'],
    );
    store.close();
  });
});

describe('a server that has too much to do', () => {
  it('gets no call before the time that it asked for, but for Leases', async () => {
    await using server = await stubApiServer();
    server.script(refusal(429, 'TooManyRequests', 'slow down', { 'retry-after': '3600' }), json(lease));
    const store = await open(server.kubeconfig);
    await assert.rejects(store.get(Kinds.Service, ref), { code: 'unavailable', retryAfterSeconds: 3600 });
    assert.deepEqual([store.pace.allowed, store.pace.counters.overloads], [8, 1]);
    const waiting = assert.rejects(store.get(Kinds.Service, ref), { message: /was closed before/ });
    await store.get(Kinds.Lease, ref);
    await store.apply(Kinds.Lease, lease);
    assert.equal(store.pace.waiting, 1);
    assert.deepEqual(
      server.requests.map(({ path }) => path.split('/').at(-2)),
      ['services', 'leases', 'leases'],
    );
    store.close();
    await waiting;
  });
});
