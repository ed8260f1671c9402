import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { DirectoryStore, type Loaded } from '../../../src/store/directory.ts';
import { formatProblem } from '../../../src/store/directory-problem.ts';
import { StoreError } from '../../../src/store/store.ts';
import { type Recording, record } from '../support/recording.ts';
import { storeContract } from './contract.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pharos-directory-'));
after(() => rmSync(scratch, { recursive: true }));
let folders = 0;

/** A folder with these files. */
function folderOf(files: Record<string, string>): string {
  const root = join(scratch, String(++folders), 'west');
  mkdirSync(root, { recursive: true });
  for (const [path, text] of Object.entries(files)) write(root, path, text);
  return root;
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

interface Opened extends AsyncDisposable {
  readonly root: string;
  readonly store: DirectoryStore;
  /** Resolves when a look at the files came to these problems, each as `file:line: reason`. */
  problems(...wanted: (string | RegExp)[]): Promise<void>;
}

async function open(files: Record<string, string>, openedAt?: string): Promise<Opened> {
  const root = folderOf(files);
  let check = (): void => {};
  const store: DirectoryStore = await DirectoryStore.open({
    path: root,
    cluster: 'west',
    clock: systemClock,
    ...(openedAt !== undefined && { openedAt: Date.parse(openedAt) }),
    onLoaded: () => check(),
  });
  const lines = ({ problems }: Loaded): string[] => problems.map(formatProblem);
  return {
    root,
    store,
    async problems(...wanted) {
      const seen = Promise.withResolvers<void>();
      check = () => {
        const now = lines(store.loaded);
        const fits = wanted.every((want, index) =>
          typeof want === 'string' ? now[index] === want : want.test(now[index] ?? ''),
        );
        if (now.length === wanted.length && fits) seen.resolve();
      };
      check();
      const tooLong = setTimeout(
        () => seen.reject(new Error(`problems are ${JSON.stringify(lines(store.loaded), null, 1)}`)),
        4000,
      );
      await seen.promise.finally(() => clearTimeout(tooLong));
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Follows a kind and tells how it went, as `set NAME`, `removed NAME`. */
function follow({ store }: Opened, kind: Kind): Recording<KubeObject> {
  const stop = new AbortController();
  return record(store, kind, {}, stop.signal);
}

const service = (name: string, spec = '{ ports: [{ port: 80 }] }', metadata = ''): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop${metadata} }\nspec: ${spec}\n`;

storeContract('directory', async () => {
  const store = await DirectoryStore.open({
    path: folderOf({ 'web.yaml': service('web') }),
    cluster: 'west',
    clock: systemClock,
  });
  return { store, close: () => store[Symbol.asyncDispose]() };
});

const list = async ({ store }: Opened, kind: Kind): Promise<string[]> =>
  (await store.list(kind)).map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`);

const ref = (name: string) => ({ namespace: 'shop', name });

describe('what is in the files', () => {
  it('is read at any depth, from YAML and JSON, from many documents and from lists', async () => {
    await using opened = await open({
      'a.yaml': `${service('one')}---\n${service('two')}---\n# nothing here\n---\n`,
      'deep/er/b.yml': `apiVersion: v1\nkind: List\nitems:\n- ${service('three').trim().replaceAll('\n', '\n  ')}\n`,
      'c.json': JSON.stringify({
        apiVersion: 'v1',
        kind: 'ServiceList',
        items: [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'four' }, spec: {} }],
      }),
      'README.md': 'not a manifest',
      '.hidden.yaml': service('hidden'),
    });
    assert.deepEqual(await list(opened, Kinds.Service), [
      'default/four',
      'shop/one',
      'shop/three',
      'shop/two',
    ]);
    assert.deepEqual(opened.store.loaded.problems, []);
  });

  it('makes the namespaces exist that it is in', async () => {
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { a: b } }\n';
    await using opened = await open({
      'a.yaml': service('web'),
      'z.yaml': namespace,
      'd.yaml': service('x').replace('shop', 'dev'),
    });
    assert.deepEqual(await list(opened, Kinds.Namespace), ['/dev', '/shop']);
    assert.deepEqual((await opened.store.get(Kinds.Namespace, { name: 'shop' }))?.metadata.labels, {
      a: 'b',
    });
  });

  it('may be of kinds that Pharos has no use for: they are counted', async () => {
    const other = 'apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: mysql }\n';
    await using opened = await open({ 'a.yaml': `${other}---\n${other}---\n${service('web')}` });
    assert.deepEqual([...opened.store.loaded.ignored], [['StatefulSet', 2]]);
    assert.deepEqual(opened.store.loaded.problems, []);
  });

  it('may say v1alpha1 where that means the same', async () => {
    await using opened = await open({
      'a.yaml':
        'apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceExport\nmetadata: { name: web, namespace: shop }\n',
    });
    assert.deepEqual(await list(opened, Kinds.ServiceExport), ['shop/web']);
  });

  it('has its status where one is written', async () => {
    await using opened = await open({
      'a.yaml': [
        'apiVersion: multicluster.x-k8s.io/v1beta1',
        'kind: ServiceImport',
        'metadata: { name: web, namespace: shop }',
        'spec: { type: ClusterSetIP, ports: [{ port: 80 }] }',
        'status: { clusters: [{ cluster: west }] }',
      ].join('\n'),
    });
    const read = await opened.store.get(Kinds.ServiceImport, ref('web'));
    assert.deepEqual(read?.status, { clusters: [{ cluster: 'west' }] });
  });

  it('was created when it says so, else when it was first seen', async () => {
    await using opened = await open(
      {
        'a.yaml': service('old', '{}', ', creationTimestamp: "2020-01-01T00:00:00Z"'),
        'b.yaml': service('new', '{}', ', creationTimestamp: null'),
      },
      '2026-05-01T12:00:00Z',
    );
    const created = async (name: string): Promise<string | undefined> =>
      (await opened.store.get(Kinds.Service, ref(name)))?.metadata.creationTimestamp;
    assert.equal(await created('old'), '2020-01-01T00:00:00Z');
    assert.equal(await created('new'), '2026-05-01T12:00:00Z');
    const seen = follow(opened, Kinds.Service);
    await seen.until('snapshot new old');
    write(opened.root, 'b.yaml', service('new', '{ ports: [{ port: 81 }] }'));
    await seen.until('set new');
    assert.equal(await created('new'), '2026-05-01T12:00:00Z', 'an edit does not make it younger');
    write(opened.root, 'a.yaml', service('old', '{}', ', creationTimestamp: "2021-01-01T00:00:00Z"'));
    await seen.until('set old');
    assert.equal(await created('old'), '2021-01-01T00:00:00Z');
    await seen.stop();
  });

  it('can be changed in the files only, all but the status', async () => {
    await using opened = await open({ 'sub/a.yaml': service('web') });
    const web = await opened.store.get(Kinds.Service, ref('web'));
    assert.ok(web);
    for (const attempt of [
      opened.store.apply(Kinds.Service, web),
      opened.store.remove(Kinds.Service, ref('web')),
    ]) {
      await assert.rejects(attempt, (error: unknown) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.code, 'forbidden');
        assert.match(
          error.message,
          /Service shop\/web: it comes from .*west\/sub\/a\.yaml; change it there$/,
        );
        return true;
      });
    }
  });
});

describe('an edit', () => {
  it('is there within 200 ms', async () => {
    await using opened = await open({ 'a.yaml': service('web') });
    const seen = follow(opened, Kinds.Service);
    await seen.until('snapshot web');
    const started = performance.now();
    write(opened.root, 'b.yaml', service('db'));
    await seen.until('set db');
    const took = performance.now() - started;
    assert.ok(took < 200, `took ${took.toFixed(0)} ms`);
    await seen.stop();
  });

  it('may add folders, move files, and take them away', async () => {
    await using opened = await open({ 'a.yaml': service('web') });
    const seen = follow(opened, Kinds.Service);
    await seen.until('snapshot web');
    write(opened.root, 'new/folder/b.yaml', service('db'));
    await seen.until('set db');
    write(opened.root, 'new/folder/b.yaml', service('db', '{ ports: [{ port: 1 }] }'));
    await seen.until('set db', 2);
    renameSync(join(opened.root, 'new'), join(scratch, `${folders}`, 'aside'));
    await seen.until('removed db');
    mkdirSync(join(opened.root, 'new'));
    write(opened.root, 'new/folder/b.yaml', service('again'));
    await seen.until('set again');
    rmSync(join(opened.root, 'a.yaml'));
    await seen.until('removed web');
    await seen.stop();
  });

  it('may replace a file by another one of its name, as editors and ConfigMaps do', async () => {
    await using opened = await open({
      '.v1/a.yaml': service('web'),
      '.v2/a.yaml': service('web', '{ ports: [{ port: 2 }] }'),
    });
    symlinkSync('.v1', join(opened.root, '..data'));
    symlinkSync(join('..data', 'a.yaml'), join(opened.root, 'a.yaml'));
    const seen = follow(opened, Kinds.Service);
    await seen.until('set web');
    symlinkSync('.v2', join(opened.root, '..data_tmp'));
    renameSync(join(opened.root, '..data_tmp'), join(opened.root, '..data'));
    await seen.until('set web', 2);
    assert.equal((await opened.store.get(Kinds.Service, ref('web')))?.spec.ports?.[0]?.port, 2);
    await seen.stop();
  });

  it('leaves alone what controllers have written', async () => {
    await using opened = await open({
      'a.yaml':
        'apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExport\nmetadata: { name: web, namespace: shop }\n',
    });
    const exported = await opened.store.get(Kinds.ServiceExport, ref('web'));
    assert.ok(exported);
    await opened.store.applyStatus(Kinds.ServiceExport, { ...exported, status: { conditions: [] } });
    const seen = follow(opened, Kinds.ServiceExport);
    await seen.until('snapshot web');
    write(
      opened.root,
      'a.yaml',
      'apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExport\nmetadata: { name: web, namespace: shop, labels: { a: b } }\n',
    );
    await seen.until('set web');
    const after = await opened.store.get(Kinds.ServiceExport, ref('web'));
    assert.deepEqual([after?.metadata.labels, after?.status], [{ a: 'b' }, { conditions: [] }]);
    await seen.stop();
  });
});

describe('what is wrong is told with file, line and reason', () => {
  const rows: Record<string, { text: string; says: (string | RegExp)[] }> = {
    'an address that is none': {
      text: service('web', '\n  ports: []\n  clusterIP: 10.0.0'),
      says: ['a.yaml:6: spec.clusterIP is "10.0.0", must be an IP address or None'],
    },
    'a Service without a name': {
      text: 'apiVersion: v1\nkind: Service\nmetadata:\n  namespace: shop\nspec: {}\n',
      says: [
        'a.yaml:4: metadata.name is missing, must be a DNS label: 1 to 63 of a-z, 0-9 and "-", not "-" at either end',
      ],
    },
    'a Service without metadata': {
      text: 'apiVersion: v1\nkind: Service\nspec: {}\n',
      says: [
        'a.yaml:1: metadata.name is missing, must be a DNS label: 1 to 63 of a-z, 0-9 and "-", not "-" at either end',
      ],
    },
    'several at once, in the second document': {
      text: `${service('ok')}---\n${service('Web', '{ ports: [{ port: 80000 }] }')}`,
      says: [
        'a.yaml:8: metadata.name is "Web", must be a DNS label: 1 to 63 of a-z, 0-9 and "-", not "-" at either end',
        'a.yaml:9: spec.ports[0].port is 80000, must be a whole number from 1 to 65535',
      ],
    },
    'an endpoint of the wrong family': {
      text: [
        'apiVersion: discovery.k8s.io/v1',
        'kind: EndpointSlice',
        'metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }',
        'addressType: IPv6',
        'endpoints:',
        '- addresses: [fd00::1]',
        '- addresses: [10.0.0.1]',
      ].join('\n'),
      says: ['a.yaml:7: endpoints[1].addresses[0] is "10.0.0.1", must be an IPv6 address'],
    },
    'an annotation that is a number': {
      text: service('web', '{}', ', annotations: { pharos.io/weight: 2 }'),
      says: ['a.yaml:3: metadata.annotations.pharos.io/weight is 2, must be text'],
    },
    'a time that is none': {
      text: service('web', '{}', ', creationTimestamp: yesterday'),
      says: [/a\.yaml:3: metadata\.creationTimestamp is "yesterday", must be an RFC 3339 time/],
    },
    'a kind with a typing error': {
      text: 'apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExprot\nmetadata: { name: web }\n',
      says: [
        'a.yaml:2: kind is "ServiceExprot", in multicluster.x-k8s.io it must be ServiceExport or ServiceImport',
      ],
    },
    'a version that is not served': {
      text: 'apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\nmetadata: { name: web }\n',
      says: [
        'a.yaml:1: apiVersion is "discovery.k8s.io/v1beta1", for EndpointSlice it must be discovery.k8s.io/v1',
      ],
    },
    'an object without kind': { text: 'apiVersion: v1\n', says: ['a.yaml:1: the object has no kind'] },
    'text that is no object': {
      text: '\n\njust text\n',
      says: ['a.yaml:3: must be a Kubernetes object, that is a map with apiVersion and kind'],
    },
    'YAML that is none': {
      text: 'apiVersion: v1\nkind: [Service\nmetadata: {\n',
      says: [/^a\.yaml:3: /, /^a\.yaml:4: /],
    },
    'JSON that is cut off': {
      text: '{"apiVersion": "v1", "kind": "Serv',
      says: [/^a\.yaml:1: /, /^a\.yaml:1: /],
    },
    'a slice that belongs to no Service': {
      text: 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: web, namespace: shop }\naddressType: IPv4\n',
      says: [
        'a.yaml:1: EndpointSlice shop/web has no label kubernetes.io/service-name, so it belongs to no Service; add it',
      ],
    },
  };
  for (const [sentence, { text, says }] of Object.entries(rows)) {
    it(sentence, async () => {
      await using opened = await open({ 'a.yaml': text });
      await opened.problems(...says);
    });
  }

  it('an object in two files: the first by path counts', async () => {
    await using opened = await open({
      'b.yaml': `# later\n${service('web', '{ ports: [{ port: 2 }] }')}`,
      'a/z.yaml': service('web', '{ ports: [{ port: 1 }] }'),
    });
    await opened.problems(
      'b.yaml:2: Service shop/web is in a/z.yaml:1 already, which counts; remove one of them',
    );
    assert.equal((await opened.store.get(Kinds.Service, ref('web')))?.spec.ports?.[0]?.port, 1);
    const seen = follow(opened, Kinds.Service);
    await seen.until('snapshot web');
    rmSync(join(opened.root, 'a'), { recursive: true });
    await opened.problems();
    assert.equal((await opened.store.get(Kinds.Service, ref('web')))?.spec.ports?.[0]?.port, 2);
    await seen.stop();
  });

  it('a broken file keeps its last good state in force until it is mended', async () => {
    await using opened = await open({ 'a.yaml': `${service('web')}---\n${service('db')}` });
    write(
      opened.root,
      'a.yaml',
      `${service('web', '{ ports: [{ port: 81 }] }')}---\napiVersion: v1\nkind: Serv`,
    );
    write(opened.root, 'b.yaml', service('cache'));
    await opened.problems(/^a\.yaml:\d: /);
    assert.deepEqual(await list(opened, Kinds.Service), ['shop/cache', 'shop/db', 'shop/web']);
    assert.equal((await opened.store.get(Kinds.Service, ref('web')))?.spec.ports?.[0]?.port, 80);
    write(opened.root, 'a.yaml', service('web', '{ ports: [{ port: 82 }] }'));
    await opened.problems();
    assert.deepEqual(await list(opened, Kinds.Service), ['shop/cache', 'shop/web']);
  });

  it('a folder that goes away keeps its last good state in force until it comes back', async () => {
    await using opened = await open({ 'a.yaml': service('web') });
    renameSync(opened.root, `${opened.root}-aside`);
    await opened.problems(/^\.: cannot be read: ENOENT.*its last good state stays in force$/);
    assert.deepEqual(await list(opened, Kinds.Service), ['shop/web']);
    renameSync(`${opened.root}-aside`, opened.root);
    await opened.problems();
    const seen = follow(opened, Kinds.Service);
    await seen.until('snapshot web');
    write(opened.root, 'b.yaml', service('db'));
    await seen.until('set db');
    await seen.stop();
  });

  it('a folder that was never there cannot be opened', async () => {
    const path = join(scratch, 'nowhere');
    await assert.rejects(DirectoryStore.open({ path, cluster: 'west', clock: systemClock }), {
      name: 'StoreError',
      code: 'unavailable',
      message: /^Cannot read the folder .*nowhere: ENOENT/,
    });
  });
});
