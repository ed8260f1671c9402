/**
 * From zero to a first answer, as the tutorial has it: a broker and two fresh clusters, four commands. What
 * `pharos join` installs runs in pods with the rights and the restrictions that it ships with; no process of
 * this machine helps. Then `pharos leave` takes all of it back.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { FabricApiServer } from '../lab/api-server.ts';
import type { Cluster } from '../lab/cluster.ts';
import { image, pharosImage } from '../lab/images.ts';
import { openLab, whyNoClusters, type Lab } from '../lab/lab.ts';
import { until } from '../lab/wait.ts';
import { runCli } from '../support/cli-process.ts';

const skip = (await whyNoClusters()) ?? false;

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const pod = (name: string, of: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name, image: of }] },
});
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
};
suite('join installs Pharos into real clusters', { skip }, () => {
  let lab: Lab;
  let broker: FabricApiServer;
  let west: Cluster;
  let east: Cluster;
  const before_ = new Map<string, string>(); // cluster → what it had before

  before(async () => {
    lab = await openLab({ name: 'join' });
    const archive = pharosImage();
    [broker, west, east] = await Promise.all([
      lab.fabricApi('broker', { controllers: true }),
      lab.cluster('west'),
      lab.cluster('east'),
    ]);
    for (const cluster of [west, east]) {
      await cluster.loadImage(await archive);
      await cluster.apply([namespace]);
    }
    await Promise.all([
      west.apply([pod('web', image.whoami, { app: 'web' }), service]),
      east.apply([pod('client', image.tools)]),
    ]);
    for (const cluster of [west, east]) before_.set(cluster.name, await inventory(cluster));
  });
  after(() => lab?.[Symbol.asyncDispose]());

  /** Everything in a cluster that Pharos might leave behind, by name, and the Corefile's text. */
  async function inventory(cluster: Cluster): Promise<string> {
    const kinds =
      'crds,clusterroles,clusterrolebindings,namespaces,serviceexports -A,serviceimports -A,endpointslices -A,configmaps -A';
    const lists: string[] = [];
    for (const kind of kinds.split(',')) {
      const { stdout } = await cluster.kubectl(['get', ...kind.split(' '), '-o', 'name']);
      lists.push(...stdout.split('\n').filter((line) => !/kube-root-ca|apiserver-legacy/.test(line)));
    }
    const { stdout } = await cluster.kubectl([
      'get',
      'configmap',
      '-n',
      'kube-system',
      'coredns',
      '-o',
      'jsonpath={.data}',
    ]);
    return [...lists.sort(), stdout].join('\n');
  }

  const run = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await runCli(args);
    assert.equal(status, 0, `pharos ${args.join(' ')}\n${stderr}`);
    return stderr;
  };
  const inEast = async (...args: string[]): Promise<string> =>
    (await east.exec('shop/client', args)).stdout.trim();

  test('four commands, and a pod in east resolves and reaches a service of west', async () => {
    await run('broker', 'deploy', `--kubeconfig=${broker.kubeconfig}`);
    const joined = await Promise.all(
      [west, east].map((cluster) =>
        run(
          'join',
          `--cluster-id=${cluster.name}`,
          `--kubeconfig=${cluster.kubeconfig}`,
          `--broker-kubeconfig=${broker.kubeconfig}`,
          `--broker-server=${broker.fabricUrl}`,
          `--image=${image.pharos}`,
          '--no-gateway',
          '--configure-cluster-dns',
        ),
      ),
    );
    for (const said of joined) {
      assert.match(said, /waiting for Deployment pharos-agent/, 'it tells what it waits for');
      assert.match(said, /cluster DNS sends clusterset\.local to 10\./);
      assert.match(said, /pharos export NAME/);
    }
    await run('export', 'web', '-n', 'shop', '--wait', `--kubeconfig=${west.kubeconfig}`);
    await until('the name in a pod', 60_000, async () => {
      assert.match(
        await inEast('curl', '-sS', '--max-time', '5', 'http://web.shop.svc.clusterset.local/'),
        /^web /,
      );
      return true;
    });
    const { stdout } = await west.kubectl([
      'get',
      'serviceexport',
      '-n',
      'shop',
      'web',
      '-o',
      'jsonpath={.status.conditions[*].reason}',
    ]);
    assert.deepEqual(new Set(stdout.split(' ')), new Set(['Valid', 'Exported', 'NoConflicts']));
  });

  test('every pod runs without root, without capabilities, on a file system that it can not write', async () => {
    const { stdout } = await east.kubectl(['get', 'pods', '-n', 'pharos-system', '-o', 'json']);
    const { items } = JSON.parse(stdout) as {
      items: {
        spec: { containers: { securityContext: Record<string, unknown> }[] };
        status: { phase: string };
      }[];
    };
    assert.equal(items.length, 4);
    for (const { spec, status } of items) {
      assert.equal(status.phase, 'Running');
      const [container] = spec.containers;
      assert.equal(container?.securityContext['runAsNonRoot'], true);
      assert.equal(container?.securityContext['readOnlyRootFilesystem'], true);
      assert.deepEqual(container?.securityContext['capabilities'], { drop: ['ALL'] });
    }
  });

  test('joining again changes nothing that runs', async () => {
    const pods = async (): Promise<string> =>
      (await east.kubectl(['get', 'pods', '-A', '-o', 'jsonpath={.items[*].metadata.uid}'])).stdout;
    const present = await pods();
    await run(
      'join',
      '--cluster-id=east',
      `--kubeconfig=${east.kubeconfig}`,
      `--broker-kubeconfig=${broker.kubeconfig}`,
      `--broker-server=${broker.fabricUrl}`,
      `--image=${image.pharos}`,
      '--no-gateway',
      '--configure-cluster-dns',
    );
    assert.equal(await pods(), present);
  });

  test('leaving takes all of it back, and nothing else', async () => {
    for (const cluster of [east, west]) {
      await run('leave', `--kubeconfig=${cluster.kubeconfig}`, `--broker-kubeconfig=${broker.kubeconfig}`);
    }
    await until('everything gone from east', 60_000, async () => {
      assert.equal(await inventory(east), before_.get('east'));
      return true;
    });
    await until('everything but the export gone from west', 60_000, async () => {
      const now = (await inventory(west)).replace('serviceexport.multicluster.x-k8s.io/web\n', '');
      assert.equal(now, before_.get('west'));
      return true;
    });
    await until('the zone gone from cluster DNS', 60_000, async () => {
      assert.doesNotMatch(await inEast('dig', '+short', 'web.shop.svc.clusterset.local'), /\d/);
      return true;
    });
  });
});
