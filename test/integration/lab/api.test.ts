import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ApiServer } from '../../lab/api-server.ts';
import { openLab, type Lab } from '../../lab/lab.ts';
import { findProcesses } from '../../lab/processes.ts';
import { until } from '../../lab/wait.ts';

const configMap = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
});

suite('an API server of the lab', () => {
  let lab: Lab;
  let west: ApiServer;
  before(async () => {
    lab = await openLab({ name: 'api-test' });
    west = await lab.api('west');
  });
  after(() => lab[Symbol.asyncDispose]());

  test('serves the kinds of the Multi-Cluster Services API to the real kubectl', async () => {
    const { stdout, code } = await west.kubectl([
      'api-resources',
      '--api-group=multicluster.x-k8s.io',
      '-o',
      'name',
    ]);
    assert.equal(code, 0);
    assert.deepEqual(stdout.trim().split('\n').sort(), [
      'serviceexports.multicluster.x-k8s.io',
      'serviceimports.multicluster.x-k8s.io',
    ]);
  });

  test('lets a user do what RBAC grants, and nothing else', async () => {
    const kubeconfig = await west.kubeconfigFor({ user: 'reader', groups: ['readers'] });
    await west.apply([
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'read-configmaps' },
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'readers' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'read-configmaps' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'readers' }],
      },
    ]);
    await until('the grant is in force', 10_000, async () => {
      const { code } = await west.kubectl(['--kubeconfig', kubeconfig, 'get', 'configmaps']);
      return code === 0 ? true : undefined;
    });
    const denied = await west.kubectl(['--kubeconfig', kubeconfig, 'create', 'configmap', 'mine']);
    assert.match(denied.stderr, /User "reader" cannot create resource "configmaps"/);
    assert.equal(denied.code, 1);
  });

  test('grants a service account its token, and the token only what RBAC grants', async () => {
    await west.apply([
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'default' } },
    ]);
    const { stdout: token } = await west.kubectl(['create', 'token', 'robot']);
    const nobody = ['--kubeconfig', '/dev/null', '--server', west.url, '--insecure-skip-tls-verify'];
    const { stdout } = await west.kubectl([
      ...nobody,
      '--token',
      token.trim(),
      'auth',
      'whoami',
      '-o',
      'name',
    ]);
    assert.match(stdout, /selfsubjectreview/);
    const denied = await west.kubectl([...nobody, '--token', token.trim(), 'get', 'secrets']);
    assert.match(denied.stderr, /User "system:serviceaccount:default:robot" cannot list resource "secrets"/);
  });

  test('keeps its data and its address over a kill and a start', async () => {
    await west.apply([configMap('kept')]);
    await west.kill();
    const gone = await west.kubectl(['get', 'configmap', 'kept']);
    assert.notEqual(gone.code, 0);
    await west.start();
    const { stdout } = await west.kubectl(['get', 'configmap', 'kept', '-o', 'name']);
    assert.equal(stdout.trim(), 'configmap/kept');
  });

  test('shares an etcd with others, and nothing else', async () => {
    const east = await lab.api('east');
    await west.apply([configMap('only-west')]);
    const { stderr } = await east.kubectl(['get', 'configmap', 'only-west']);
    assert.match(stderr, /NotFound/);
  });

  test('has the controllers of Kubernetes where they are asked for', async () => {
    const api = await lab.api('controlled', { controllers: true });
    await api.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }]);
    await until('the namespace has its service account', 30_000, async () => {
      const { code } = await api.kubectl(['-n', 'shop', 'get', 'serviceaccount', 'default']);
      return code === 0 ? true : undefined;
    });
    const { code, stderr } = await api.kubectl(['delete', 'namespace', 'shop', '--timeout=30s']);
    assert.equal(code, 0, stderr);
  });

  test('stands beside a CoreDNS that answers by UDP', async () => {
    const dns = await lab.coredns(
      '. {\n  template IN A {\n    answer "{{ .Name }} 60 IN A 192.0.2.7"\n  }\n}',
    );
    const resolver = new Resolver();
    resolver.setServers([`${dns.address}:${dns.port}`]);
    assert.deepEqual(await resolver.resolve4('anything.example'), ['192.0.2.7']);
  });
});

suite('a lab that ends', () => {
  const owner = (dispose: string): string =>
    `import { openLab } from ${JSON.stringify(new URL('../../lab/lab.ts', import.meta.url).href)};
     const lab = await openLab({ name: 'ending' });
     await lab.api('west');
     console.log(lab.id, lab.dir);
     ${dispose}`;

  const runOwner = async (
    dispose: string,
  ): Promise<{ id: string; dir: string; child: ReturnType<typeof spawn> }> => {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', owner(dispose)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const [id = '', dir = ''] = line.toString().trim().split(' ');
    return { id, dir, child };
  };

  test('leaves nothing when it is closed', async () => {
    const { id, dir, child } = await runOwner('await lab[Symbol.asyncDispose]();');
    await once(child, 'exit');
    assert.deepEqual(await findProcesses(id), []);
    assert.equal(existsSync(dir), false);
  });

  test('leaves nothing when its owner is killed', async () => {
    const { id, dir, child } = await runOwner('setInterval(() => {}, 1000);');
    assert.equal((await findProcesses(id)).length, 2);
    assert.equal(existsSync(join(dir, 'etcd')), true);
    child.kill('SIGKILL');
    await until('nothing is left', 15_000, async () =>
      (await findProcesses(id)).length === 0 && !existsSync(dir) ? true : undefined,
    );
  });

  test('leaves nothing once another is opened, when its watchdog was killed with its owner', async () => {
    const { id, dir, child } = await runOwner('setInterval(() => {}, 1000);');
    process.kill(await watchdogOf(id), 'SIGKILL');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await using _ = await openLab();
    // Another test on this machine may have opened one first, and be about it.
    await until('nothing is left', 15_000, async () =>
      (await findProcesses(id)).length === 0 && !existsSync(dir) ? true : undefined,
    );
  });
});

/** The only process that has the id of a lab as an argument of its own. */
async function watchdogOf(id: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.split('\0').includes(id)) return Number(pid);
  }
  throw new Error(`lab ${id} has no watchdog`);
}
