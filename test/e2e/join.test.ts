/**
 * From zero to a first answer: docs/tutorial/two-clusters.md, command by command as it is written, on a broker and
 * two fresh clusters. What `pharos join` installs runs in pods with the rights and the restrictions that it ships
 * with; no process of this machine helps. Then `pharos leave` takes all of it back.
 */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { FabricApiServer } from '../lab/api-server.ts';
import { ensureBinaries } from '../lab/binaries.ts';
import type { Cluster } from '../lab/cluster.ts';
import { command } from '../lab/command.ts';
import { image, pharosImage } from '../lab/images.ts';
import { openLab, whyNoClusters, type Lab } from '../lab/lab.ts';
import { until } from '../lab/wait.ts';
import { runCli } from '../support/cli-process.ts';
import { verifyMembers } from './support/verify-members.ts';
import { tutorialCommands } from '../support/tutorial.ts';

const skip = (await whyNoClusters()) ?? false;

const client = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'client', namespace: 'shop' },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'client', image: image.tools }] },
};
const cli = join(import.meta.dirname, '../../src/cli.ts');

suite('join installs Pharos into real clusters', { skip }, () => {
  let lab: Lab;
  let broker: FabricApiServer;
  let west: Cluster;
  let east: Cluster;
  /** Where the reader of the tutorial is, with his kubeconfigs and programs. */
  let folder: string;
  const before_ = new Map<string, string>(); // cluster → what it had before

  before(async () => {
    lab = await openLab({ name: 'join' });
    const archive = pharosImage();
    [broker, west, east] = await Promise.all([
      lab.fabricApi('broker', { controllers: true }),
      lab.cluster('west'),
      lab.cluster('east'),
    ]);
    for (const cluster of [west, east]) await cluster.loadImage(await archive);
    folder = await mkdtemp(join(tmpdir(), 'pharos-tutorial-'));
    for (const { name, kubeconfig } of [broker, west, east]) {
      await symlink(kubeconfig, join(folder, `${name}.kubeconfig`));
    }
    await symlink((await ensureBinaries(['kubectl'])).kubectl, join(folder, 'kubectl'));
    await writeFile(join(folder, 'pharos'), `#!/bin/sh\nexec ${process.execPath} ${cli} "$@"\n`);
    await chmod(join(folder, 'pharos'), 0o755);
  });
  after(async () => {
    await lab?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

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

  /** A command of the tutorial. The image and the way to the broker are this lab's own. */
  async function shell(line: string): Promise<string> {
    const { stdout, stderr, code } = await command('sh', ['-c', line], {
      cwd: folder,
      env: {
        PATH: `${folder}:${process.env['PATH']}`,
        HOME: folder,
        PHAROS_IMAGE: image.pharos,
        PHAROS_BROKER_SERVER: broker.fabricUrl,
      },
    });
    assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
    return stdout + stderr;
  }

  test('the tutorial, as it is written, ends with an answer across clusters', async (t) => {
    const steps = tutorialCommands('two-clusters');
    const ofPharos = steps.filter((step) => step.startsWith('pharos ') && !step.includes('broker show'));
    assert.equal(ofPharos.length, 4, 'four commands are promised');
    const said = new Map<string, string>(); // command → what it said
    let begun = 0;
    for (const step of steps) {
      if (step === ofPharos[0]) {
        for (const cluster of [west, east]) before_.set(cluster.name, await inventory(cluster));
        begun = performance.now();
      }
      said.set(step, await shell(step));
      if (step.endsWith(' logs ask')) {
        t.diagnostic(
          `from the first command to the answer: ${((performance.now() - begun) / 1000).toFixed(1)} s`,
        );
      }
    }
    for (const join of steps.filter((step) => step.startsWith('pharos join'))) {
      const text = said.get(join) ?? '';
      assert.match(text, /all that is needed is allowed/, 'it tells what it found');
      assert.match(text, /waiting for Deployment pharos-agent/, 'it tells what it waits for');
      assert.match(text, /cluster DNS sends clusterset\.local to 10\./);
      assert.match(text, /pharos export NAME/);
    }
    const [logs] = steps.filter((step) => step.endsWith(' logs ask'));
    assert.match(said.get(logs ?? '') ?? '', /^hello from west$/m);
    await east.apply([client]);
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

  test('diagnose finds nothing wrong, and verify proves both ways and leaves nothing', () =>
    verifyMembers([west, east]));

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
