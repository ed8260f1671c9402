import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { Lease, Namespace, ServiceImport } from '../../../src/api/objects.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { LeaderElection } from '../../../src/runtime/lease.ts';
import { ObjectCache } from '../../../src/store/cache.ts';
import { type KubernetesStore, openKubernetesStore } from '../../../src/store/kubernetes.ts';
import type { ApiServer } from '../../lab/api-server.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { storeContract } from '../../unit/store/contract.ts';
import { record } from '../../unit/support/recording.ts';
import { definitionOf } from '../../support/definition-of.ts';

const { ServiceImport: Imports, Gateway: Gateways, Namespace: Spaces } = Kinds;

let lab: Lab;
let api: ApiServer;
let store: KubernetesStore;
const stop = new AbortController();

const open = (kubeconfig: string): Promise<KubernetesStore> =>
  openKubernetesStore({ kubeconfig, log: silentLog, times: { backoff: { baseMs: 50, maxMs: 200 } } });
const namespace = (name: string): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const imported = (ns: string, name: string, labels: Record<string, string> = {}): ServiceImport => ({
  apiVersion: Imports.apiVersion,
  kind: 'ServiceImport',
  metadata: { name, namespace: ns, labels },
  spec: { type: 'ClusterSetIP', ports: [{ name: 'sql', protocol: 'TCP', port: 3306 }] },
});

async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await api.kubectl(args, { input });
  assert.equal(code, 0, stderr);
  return stdout;
}

before(async () => {
  lab = await openLab({ name: 'store' });
  api = await lab.api('west');
  store = await open(api.kubeconfig);
});
after(async () => {
  stop.abort();
  store?.close();
  await lab?.[Symbol.asyncDispose]();
});

storeContract('a Kubernetes API server', async () => {
  const opened = await open(api.kubeconfig);
  return { store: opened, close: async () => opened.close() };
});

describe('the Kubernetes store', () => {
  it('leaves alone what others set on an object', async () => {
    await store.apply(Spaces, namespace('others'));
    await store.apply(Imports, imported('others', 'mysql', { ours: '1' }));
    await kubectl(['-n', 'others', 'label', 'serviceimport', 'mysql', 'theirs=2']);
    const stored = await store.apply(Imports, imported('others', 'mysql', {}));
    assert.deepEqual(stored.metadata.labels, { theirs: '2' });
  });

  it('with if: unclaimed takes over nothing that somebody else has set otherwise', async () => {
    await store.apply(Spaces, namespace('unclaimed'));
    const slice = (address: string) => ({
      apiVersion: Kinds.EndpointSlice.apiVersion,
      kind: 'EndpointSlice' as const,
      metadata: { name: 'web', namespace: 'unclaimed', labels: { ours: 'yes' } },
      addressType: 'IPv4' as const,
      endpoints: [{ addresses: [address] }],
      ports: [],
    });
    await kubectl(['create', '-f', '-'], JSON.stringify(slice('10.0.0.1')));
    const made = await store.get(Kinds.EndpointSlice, { name: 'web', namespace: 'unclaimed' });
    const wanted = slice('10.0.0.2');
    await assert.rejects(store.apply(Kinds.EndpointSlice, wanted, { if: 'unclaimed' }), { code: 'conflict' });
    assert.deepEqual(await store.get(Kinds.EndpointSlice, wanted.metadata), made);
    await store.apply(Kinds.EndpointSlice, wanted);
    const changed = await store.apply(Kinds.EndpointSlice, slice('10.0.0.3'), { if: 'unclaimed' });
    assert.deepEqual(changed.endpoints, [{ addresses: ['10.0.0.3'], conditions: {} }]);
  });

  it('takes over what a create left behind that was interrupted half-way', async () => {
    await store.apply(Spaces, namespace('halfway'));
    const manifest = JSON.stringify(imported('halfway', 'mysql', { old: '1' }));
    await kubectl(['create', '--field-manager=pharos', '-f', '-'], manifest);
    const stored = await store.apply(Imports, imported('halfway', 'mysql', { new: '1' }));
    assert.deepEqual(stored.metadata.labels, { new: '1' });
    assert.deepEqual(await store.apply(Imports, imported('halfway', 'mysql', { new: '1' })), stored);
  });

  it('lists many pages and streams them, to the same end', async () => {
    await store.apply(Spaces, namespace('many'));
    const names = Array.from({ length: 510 }, (_, index) => `svc-${index}`);
    const queue = [...names];
    const worker = async (): Promise<void> => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        await store.apply(Imports, imported('many', name));
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    const listed = await store.list(Imports, { namespace: 'many' });
    const seen = record(store, Imports, { namespace: 'many' }, stop.signal);
    await seen.until(['snapshot', ...names.toSorted()].join(' '));
    const [snapshot] = seen.events;
    assert.ok(snapshot?.type === 'snapshot');
    const versions = (objects: Iterable<ServiceImport>): Set<string> =>
      new Set(Array.from(objects, ({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`));
    assert.deepEqual(versions(listed), versions(snapshot.objects));
    await seen.stop();
  });

  it('says who may not, and goes on as soon as they may', async () => {
    const stranger = await open(await api.kubeconfigFor({ user: 'stranger' }));
    await assert.rejects(stranger.list(Imports), {
      code: 'forbidden',
      message: /^Cannot list serviceimports at https:.*User "stranger" cannot list.*; grant this identity/,
    });
    const seen = record(stranger, Imports, { namespace: 'halfway' }, stop.signal);
    await seen.until('interrupted');
    await kubectl([
      'create',
      'clusterrole',
      'reader',
      '--verb=list,watch',
      '--resource=serviceimports.multicluster.x-k8s.io',
    ]);
    await kubectl(['create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--user=stranger']);
    await seen.until('live');
    assert.deepEqual(seen.lines, ['interrupted', 'snapshot mysql', 'live']);
    await seen.stop();
    stranger.close();
  });

  it('watches a kind from the moment on at which it is installed', async () => {
    const seen = record(store, Gateways, {}, stop.signal);
    await seen.until('interrupted');
    const [event] = seen.events;
    assert.ok(event?.type === 'interrupted');
    assert.match(event.error.message, /^Cannot watch gateways at .*; install the CustomResourceDefinition/);
    await api.apply([definitionOf(Gateways)]);
    await seen.until('live');
    assert.deepEqual(seen.lines.slice(-2), ['snapshot', 'live']);
    await seen.stop();
  });

  it('gives out tokens that the server accepts', async () => {
    const account = { name: 'member', namespace: 'others' };
    await store.apply(Kinds.ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
    const { token, lifetimeSeconds } = await store.issueToken(account, 3600);
    assert.equal(lifetimeSeconds, 3600);
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: token.reveal() },
    };
    const answer = JSON.parse(await kubectl(['create', '-o', 'json', '-f', '-'], JSON.stringify(review))) as {
      status: { user: { username: string } };
    };
    assert.equal(answer.status.user.username, 'system:serviceaccount:others:member');
    await assert.rejects(store.issueToken({ ...account, name: 'nobody' }, 3600), {
      code: 'not-found',
      message: /^Cannot issue a token for ServiceAccount others\/nobody at/,
    });
  });

  it('elects one leader at a time, by a Lease that kubectl can read', async () => {
    await store.apply(Spaces, namespace('election'));
    const candidate = (identity: string) => {
      const election = new LeaderElection({
        store,
        namespace: 'election',
        name: 'agent',
        identity,
        times: { leaseMs: 3000, renewDeadlineMs: 2000, retryMs: 50 },
        clock: systemClock,
        random: Math.random,
        log: silentLog,
      });
      const end = new AbortController();
      const began = Promise.withResolvers<void>();
      const running = election.run(AbortSignal.any([stop.signal, end.signal]), async (leading) => {
        began.resolve();
        await new Promise((resolve) => leading.addEventListener('abort', resolve, { once: true }));
      });
      return { election, end, began: began.promise, running };
    };
    const lease = async (): Promise<Lease['spec']> => {
      const answer = await kubectl(['-n', 'election', 'get', 'lease', 'agent', '-o', 'json']);
      return (JSON.parse(answer) as Lease).spec;
    };
    const a = candidate('a');
    await a.began;
    const b = candidate('b');
    assert.equal((await lease()).holderIdentity, 'a');
    assert.deepEqual([a.election.isLeader, b.election.isLeader], [true, false]);
    a.end.abort();
    await a.running;
    await b.began;
    const { holderIdentity, leaseTransitions } = await lease();
    assert.deepEqual([holderIdentity, leaseTransitions], ['b', 1]);
    b.end.abort();
    await b.running;
    assert.equal((await lease()).holderIdentity, undefined);
  });

  it('resumes by itself when the server was away', async () => {
    const cache = new ObjectCache({
      store,
      kind: Imports,
      selector: { namespace: 'others' },
      clock: systemClock,
    });
    const later = Promise.withResolvers<void>();
    const changes: string[] = [];
    cache.onChange((key, before, after) => {
      changes.push(`${before ? (after ? 'changed' : 'gone') : 'new'} ${key}`);
      if (key === 'others/later') later.resolve();
    });
    const end = new AbortController();
    const running = cache.run(AbortSignal.any([stop.signal, end.signal]));
    await cache.synced;
    const seen = record(store, Imports, { namespace: 'others' }, stop.signal);
    await api.kill();
    await seen.until('interrupted');
    await assert.rejects(store.get(Imports, { namespace: 'others', name: 'mysql' }), { code: 'unavailable' });
    await api.start();
    await store.apply(Imports, imported('others', 'later'));
    await later.promise;
    assert.deepEqual(changes, ['new others/mysql', 'new others/later']);
    await seen.until('live');
    end.abort();
    await Promise.all([running, seen.stop()]);
  });
});
