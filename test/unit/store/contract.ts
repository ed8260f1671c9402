/**
 * What every {@link ObjectStore} owes, as tests. Each adapter's test file calls {@link storeContract}.
 * Each test works in a namespace of its own, so that one store can serve all of them.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type {
  Condition,
  EndpointSlice,
  Namespace,
  ServiceExport,
  ServiceImport,
} from '../../../src/api/objects.ts';
import { type ObjectStore, StoreError, type StoreErrorCode } from '../../../src/store/store.ts';
import { contains } from '../support/contains.ts';
import { type Recording, record } from '../support/recording.ts';

export interface OpenStore {
  readonly store: ObjectStore;
  close(): Promise<void>;
}

const ready = (status: Condition['status'], message = 'as it is'): Condition => ({
  type: 'Ready',
  status,
  reason: 'Exported',
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

const imported = (
  namespace: string,
  name: string,
  rest: { labels?: Record<string, string>; port?: number; ips?: string[] } = {},
): ServiceImport => ({
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: { name, namespace, ...(rest.labels && { labels: rest.labels }) },
  spec: {
    type: 'ClusterSetIP',
    ports: [{ name: 'sql', protocol: 'TCP', port: rest.port ?? 3306 }],
    ...(rest.ips && { ips: rest.ips }),
  },
});

const exported = (namespace: string, name: string, status?: ServiceExport['status']): ServiceExport => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: { name, namespace },
  ...(status && { status }),
});

const slice = (namespace: string, name: string, addresses: string[]): EndpointSlice => ({
  apiVersion: Kinds.EndpointSlice.apiVersion,
  kind: 'EndpointSlice',
  metadata: { name, namespace, labels: { 'multicluster.kubernetes.io/service-name': 'mysql' } },
  addressType: 'IPv4',
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  ports: [{ name: 'sql', protocol: 'TCP', port: 3306 }],
});

const namespaceObject = (name: string): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'pharos.io/test': name } },
});

async function fails(code: StoreErrorCode, promise: Promise<unknown>, says: RegExp): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof StoreError, `a StoreError, not ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, says);
    return true;
  });
}

const { ServiceImport: Imports, ServiceExport: Exports, EndpointSlice: Slices, Namespace: Spaces } = Kinds;

/** Declares the suite for one adapter; `open` is called once. */
export function storeContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`${name} as an ObjectStore`, () => {
    let opened: OpenStore;
    let store: ObjectStore;
    const stop = new AbortController();

    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(async () => {
      stop.abort();
      await opened?.close();
    });

    async function freshNamespace(): Promise<string> {
      const namespace = `contract-${randomBytes(5).toString('hex')}`;
      await store.apply(Spaces, namespaceObject(namespace));
      return namespace;
    }

    describe('apply', () => {
      it('creates what is not there and answers it with uid, version and creation time', async () => {
        const ns = await freshNamespace();
        const wanted = imported(ns, 'mysql', { labels: { app: 'db' } });
        const stored = await store.apply(Imports, wanted);
        contains(stored, wanted);
        assert.ok(stored.metadata.uid, 'uid');
        assert.ok(stored.metadata.resourceVersion, 'resourceVersion');
        assert.match(stored.metadata.creationTimestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        assert.deepEqual(await store.get(Imports, { namespace: ns, name: 'mysql' }), stored);
      });

      it('changes nothing when what is stored already is applied again', async () => {
        const ns = await freshNamespace();
        const first = await store.apply(Slices, slice(ns, 'mysql-a', ['10.0.0.1', '10.0.0.2']));
        const second = await store.apply(Slices, slice(ns, 'mysql-a', ['10.0.0.1', '10.0.0.2']));
        assert.deepEqual(second, first);
      });

      it('takes what was read as it is, though others changed the object meanwhile', async () => {
        const ns = await freshNamespace();
        const read = await store.apply(Imports, imported(ns, 'mysql', { port: 1 }));
        await store.apply(Imports, imported(ns, 'mysql', { port: 2 }));
        const stored = await store.apply(Imports, { ...read, spec: { ...read.spec, ips: ['243.0.0.1'] } });
        contains(stored, imported(ns, 'mysql', { port: 1, ips: ['243.0.0.1'] }));
      });

      it('removes labels and fields that were applied before and are left out now', async () => {
        const ns = await freshNamespace();
        await store.apply(Imports, imported(ns, 'mysql', { labels: { a: '1', b: '2' }, ips: ['243.0.0.1'] }));
        const stored = await store.apply(Imports, imported(ns, 'mysql', { labels: { b: '2' } }));
        assert.deepEqual(stored.metadata.labels, { b: '2' });
        assert.equal(stored.spec.ips, undefined);
      });

      it('makes lists shorter and longer as told', async () => {
        const ns = await freshNamespace();
        for (const addresses of [['10.0.0.1', '10.0.0.2', '10.0.0.3'], ['10.0.0.2'], []]) {
          const stored = await store.apply(Slices, slice(ns, 'mysql-a', addresses));
          assert.deepEqual(await store.apply(Slices, slice(ns, 'mysql-a', addresses)), stored);
          assert.deepEqual(
            (stored.endpoints ?? []).map((endpoint) => endpoint.addresses[0]),
            addresses,
          );
        }
      });

      it('counts changes of the content in metadata.generation, not those of labels and status', async () => {
        const ns = await freshNamespace();
        const one = await store.apply(Imports, imported(ns, 'mysql'));
        const labelled = await store.apply(Imports, imported(ns, 'mysql', { labels: { a: '1' } }));
        assert.equal(labelled.metadata.generation, one.metadata.generation);
        const changed = await store.apply(Imports, imported(ns, 'mysql', { port: 3307 }));
        assert.equal(changed.metadata.generation, (one.metadata.generation ?? NaN) + 1);
        const judged = await store.applyStatus(Imports, {
          ...changed,
          status: { clusters: [{ cluster: 'a' }] },
        });
        assert.equal(judged.metadata.generation, changed.metadata.generation);
      });

      it('with if: absent creates, or fails with conflict', async () => {
        const ns = await freshNamespace();
        const created = await store.apply(Imports, imported(ns, 'mysql'), { if: 'absent' });
        contains(created, imported(ns, 'mysql'));
        await fails(
          'conflict',
          store.apply(Imports, imported(ns, 'mysql', { port: 1 }), { if: 'absent' }),
          new RegExp(`ServiceImport ${ns}/mysql`),
        );
        assert.deepEqual(await store.get(Imports, { namespace: ns, name: 'mysql' }), created);
      });

      it('owns what it created with if: absent, so that a later apply may leave fields out', async () => {
        const ns = await freshNamespace();
        await store.apply(Imports, imported(ns, 'mysql', { labels: { a: '1' }, ips: ['243.0.0.1'] }), {
          if: 'absent',
        });
        const stored = await store.apply(Imports, imported(ns, 'mysql'));
        assert.deepEqual([stored.metadata.labels ?? {}, stored.spec.ips], [{}, undefined]);
      });

      it('with if: unclaimed creates what is absent and takes what is as wanted', async () => {
        const ns = await freshNamespace();
        const created = await store.apply(Imports, imported(ns, 'mysql'), { if: 'unclaimed' });
        contains(created, imported(ns, 'mysql'));
        assert.deepEqual(await store.apply(Imports, imported(ns, 'mysql'), { if: 'unclaimed' }), created);
        const labels = { a: '1' };
        await store.apply(Imports, imported(ns, 'mysql', { labels }));
        assert.deepEqual((await store.apply(Imports, imported(ns, 'mysql'))).metadata.labels ?? {}, {});
      });

      it('with a resourceVersion applies to that version only', async () => {
        const ns = await freshNamespace();
        const one = await store.apply(Imports, imported(ns, 'mysql', { port: 1 }));
        const ifOne = { if: { resourceVersion: one.metadata.resourceVersion ?? '' } };
        const two = await store.apply(Imports, imported(ns, 'mysql', { port: 2 }), ifOne);
        assert.equal(two.spec.ports[0]?.port, 2);
        await fails(
          'conflict',
          store.apply(Imports, imported(ns, 'mysql', { port: 3 }), ifOne),
          new RegExp(`ServiceImport ${ns}/mysql`),
        );
        await store.remove(Imports, { namespace: ns, name: 'mysql' });
        await fails('conflict', store.apply(Imports, imported(ns, 'mysql'), ifOne), /mysql/);
        await fails('conflict', store.apply(Imports, one, ifOne), /mysql/);
        assert.equal(await store.get(Imports, { namespace: ns, name: 'mysql' }), undefined);
      });

      it('refuses an object that no API server would take', async () => {
        const ns = await freshNamespace();
        await fails('invalid', store.apply(Imports, imported(ns, 'My SQL!')), /My SQL!/);
      });

      it('keeps objects of one name in different namespaces and kinds apart', async () => {
        const [a, b] = [await freshNamespace(), await freshNamespace()];
        await store.apply(Imports, imported(a, 'mysql', { port: 1 }));
        await store.apply(Imports, imported(b, 'mysql', { port: 2 }));
        await store.apply(Exports, exported(a, 'mysql'));
        await store.remove(Imports, { namespace: a, name: 'mysql' });
        assert.ok(await store.get(Exports, { namespace: a, name: 'mysql' }));
        assert.equal((await store.get(Imports, { namespace: b, name: 'mysql' }))?.spec.ports[0]?.port, 2);
      });

      it('is not changed by what callers do to the objects they gave or got', async () => {
        const ns = await freshNamespace();
        const given = imported(ns, 'mysql', { labels: { a: '1' } });
        const stored = await store.apply(Imports, given);
        Object.assign(given.metadata.labels ?? {}, { a: 'changed' });
        try {
          Object.assign(stored.metadata.labels ?? {}, { a: 'changed' });
        } catch (error) {
          assert.ok(error instanceof TypeError, 'frozen objects say so');
        }
        const read = await store.get(Imports, { namespace: ns, name: 'mysql' });
        assert.deepEqual(read?.metadata.labels, { a: '1' });
      });
    });

    describe('applyStatus', () => {
      const status = (message: string): ServiceExport['status'] => ({ conditions: [ready('True', message)] });

      it('sets the status and nothing else', async () => {
        const ns = await freshNamespace();
        await store.apply(Exports, exported(ns, 'mysql'));
        const stored = await store.applyStatus(Exports, {
          ...exported(ns, 'mysql', status('one')),
          spec: { exportedLabels: { not: 'taken' } },
        });
        assert.deepEqual(stored.status, status('one'));
        const read = await store.get(Exports, { namespace: ns, name: 'mysql' });
        assert.deepEqual([read?.status, read?.spec], [status('one'), undefined]);
      });

      it('changes nothing when the status is that already', async () => {
        const ns = await freshNamespace();
        await store.apply(Exports, exported(ns, 'mysql'));
        const first = await store.applyStatus(Exports, exported(ns, 'mysql', status('one')));
        assert.deepEqual(await store.applyStatus(Exports, exported(ns, 'mysql', status('one'))), first);
      });

      it('removes conditions that are left out', async () => {
        const ns = await freshNamespace();
        await store.apply(Exports, exported(ns, 'mysql'));
        const two = [ready('True'), { ...ready('False'), type: 'Conflict' }];
        await store.applyStatus(Exports, exported(ns, 'mysql', { conditions: two }));
        const stored = await store.applyStatus(
          Exports,
          exported(ns, 'mysql', { conditions: [ready('True')] }),
        );
        assert.deepEqual(stored.status?.conditions, [ready('True')]);
      });

      it('survives an apply of the object, which never touches it', async () => {
        const ns = await freshNamespace();
        await store.apply(Exports, exported(ns, 'mysql', status('not taken')));
        assert.equal((await store.get(Exports, { namespace: ns, name: 'mysql' }))?.status, undefined);
        await store.applyStatus(Exports, exported(ns, 'mysql', status('one')));
        const stored = await store.apply(Exports, exported(ns, 'mysql', status('not taken')));
        assert.deepEqual(stored.status, status('one'));
      });

      it('fails with not-found where the object is gone', async () => {
        const ns = await freshNamespace();
        await fails(
          'not-found',
          store.applyStatus(Exports, exported(ns, 'mysql', status('one'))),
          new RegExp(`ServiceExport ${ns}/mysql`),
        );
        assert.equal(await store.get(Exports, { namespace: ns, name: 'mysql' }), undefined);
      });
    });

    describe('get, list and remove', () => {
      it('answers undefined, nothing and absent for what is not there', async () => {
        const ns = await freshNamespace();
        assert.equal(await store.get(Imports, { namespace: ns, name: 'mysql' }), undefined);
        assert.deepEqual(await store.list(Imports, { namespace: ns }), []);
        assert.equal(await store.remove(Imports, { namespace: ns, name: 'mysql' }), 'absent');
      });

      it('removes once; what is created afterwards under that name is another object', async () => {
        const ns = await freshNamespace();
        const first = await store.apply(Imports, imported(ns, 'mysql'));
        assert.equal(await store.remove(Imports, { namespace: ns, name: 'mysql' }), 'removed');
        assert.equal(await store.remove(Imports, { namespace: ns, name: 'mysql' }), 'absent');
        assert.equal(await store.get(Imports, { namespace: ns, name: 'mysql' }), undefined);
        const second = await store.apply(Imports, imported(ns, 'mysql'));
        assert.notEqual(second.metadata.uid, first.metadata.uid);
      });

      it('lists by namespace, by labels, by presence of a label, and by all of them', async () => {
        const [a, b] = [await freshNamespace(), await freshNamespace()];
        const mark = { mark: a };
        await store.apply(Imports, imported(a, 'one', { labels: { ...mark, tier: 'db' } }));
        await store.apply(Imports, imported(a, 'two', { labels: { ...mark, tier: 'web', extra: '' } }));
        await store.apply(Imports, imported(b, 'three', { labels: { ...mark, extra: 'x' } }));
        const names = async (...args: Parameters<typeof store.list<ServiceImport>>): Promise<string[]> =>
          (await store.list(...args)).map((object) => object.metadata.name).sort();
        assert.deepEqual(await names(Imports, { namespace: a }), ['one', 'two']);
        assert.deepEqual(await names(Imports, { labels: mark }), ['one', 'three', 'two']);
        assert.deepEqual(await names(Imports, { labels: { ...mark, tier: 'db' } }), ['one']);
        assert.deepEqual(await names(Imports, { labels: mark, labelExists: ['extra'] }), ['three', 'two']);
        assert.deepEqual(await names(Imports, { namespace: a, labels: mark, labelExists: ['extra'] }), [
          'two',
        ]);
        assert.deepEqual(await names(Imports, { namespace: b, labels: { ...mark, tier: 'db' } }), []);
      });

      it('answers whole objects, kind and apiVersion included', async () => {
        const ns = await freshNamespace();
        const stored = await store.apply(Imports, imported(ns, 'mysql'));
        assert.deepEqual(await store.list(Imports, { namespace: ns }), [stored]);
        assert.deepEqual([stored.apiVersion, stored.kind], [Imports.apiVersion, 'ServiceImport']);
      });

      it('holds kinds without a namespace too', async () => {
        const ns = await freshNamespace();
        assert.equal((await store.get(Spaces, { name: ns }))?.metadata.name, ns);
        const [found, ...others] = await store.list(Spaces, { labels: { 'pharos.io/test': ns } });
        assert.deepEqual([found?.metadata.name, others], [ns, []]);
      });
    });

    describe('watch', () => {
      const follow = (namespace: string, labels?: Record<string, string>): Recording<ServiceImport> =>
        record(store, Imports, { namespace, ...(labels && { labels }) }, stop.signal);

      it('begins with what is there and goes on with each change in order', async () => {
        const ns = await freshNamespace();
        await store.apply(Imports, imported(ns, 'old'));
        const seen = follow(ns);
        await seen.until('snapshot old');
        await store.apply(Imports, imported(ns, 'new', { port: 1 }));
        await store.apply(Imports, imported(ns, 'new', { port: 2 }));
        await store.remove(Imports, { namespace: ns, name: 'old' });
        await seen.until('removed old');
        assert.deepEqual(seen.lines, ['snapshot old', 'set new', 'set new', 'removed old']);
        const ports = seen.events.flatMap((e) => (e.type === 'set' ? e.object.spec.ports[0]?.port : []));
        assert.deepEqual(ports, [1, 2]);
        await seen.stop();
      });

      it('begins with an empty snapshot where there is nothing', async () => {
        const seen = follow(await freshNamespace());
        await seen.until('snapshot');
        assert.deepEqual(seen.lines, ['snapshot']);
        await seen.stop();
      });

      it('tells nothing when an apply changes nothing', async () => {
        const ns = await freshNamespace();
        await store.apply(Imports, imported(ns, 'same'));
        const seen = follow(ns);
        await seen.until('snapshot same');
        await store.apply(Imports, imported(ns, 'same'));
        await store.apply(Imports, imported(ns, 'last'));
        await seen.until('set last');
        assert.deepEqual(seen.lines, ['snapshot same', 'set last']);
        await seen.stop();
      });

      it('shows an object while it matches the selector', async () => {
        const ns = await freshNamespace();
        const seen = follow(ns, { show: 'yes' });
        await seen.until('snapshot');
        await store.apply(Imports, imported(ns, 'mysql', { labels: { show: 'no' } }));
        await store.apply(Imports, imported(ns, 'mysql', { labels: { show: 'yes' } }));
        await store.apply(Imports, imported(ns, 'mysql', { labels: { show: 'no' } }));
        await seen.until('removed mysql');
        assert.deepEqual(seen.lines, ['snapshot', 'set mysql', 'removed mysql']);
        const [shown, hidden] = seen.events
          .slice(1)
          .map((event) => ('object' in event ? event.object.metadata : assert.fail()));
        assert.equal(hidden?.uid, shown?.uid);
        assert.notEqual(hidden?.resourceVersion, shown?.resourceVersion, 'the version at which it went');
        await seen.stop();
      });

      it('shows changes of the status', async () => {
        const ns = await freshNamespace();
        const stored = await store.apply(Imports, imported(ns, 'mysql'));
        const seen = follow(ns);
        await seen.until('snapshot mysql');
        const status = { clusters: [{ cluster: 'west' }] };
        await store.applyStatus(Imports, { ...stored, status });
        await seen.until('set mysql');
        const last = seen.events.at(-1);
        assert.deepEqual(last?.type === 'set' && last.object.status, status);
        await seen.stop();
      });

      it('serves several followers, each with its own selection', async () => {
        const [a, b] = [await freshNamespace(), await freshNamespace()];
        const both = [follow(a), follow(a), follow(b)];
        await Promise.all(both.map((seen) => seen.until('snapshot')));
        await store.apply(Imports, imported(b, 'b'));
        await store.apply(Imports, imported(a, 'a'));
        await Promise.all([both[0]?.until('set a'), both[1]?.until('set a'), both[2]?.until('set b')]);
        assert.deepEqual(
          both.map((seen) => seen.lines),
          [
            ['snapshot', 'set a'],
            ['snapshot', 'set a'],
            ['snapshot', 'set b'],
          ],
        );
        await Promise.all(both.map((seen) => seen.stop()));
      });

      it('resolves when it is told to stop, and then tells nothing more', async () => {
        const ns = await freshNamespace();
        const seen = follow(ns);
        const other = follow(ns);
        await Promise.all([seen.until('snapshot'), other.until('snapshot')]);
        await seen.stop();
        await store.apply(Imports, imported(ns, 'late'));
        await other.until('set late');
        assert.deepEqual(seen.lines, ['snapshot']);
        await other.stop();
      });

      it('does not begin when it is told to stop before', async () => {
        const events: unknown[] = [];
        await store.watch(Imports, {}, (event) => events.push(event), AbortSignal.abort());
        assert.deepEqual(events, []);
      });
    });
  });
}
