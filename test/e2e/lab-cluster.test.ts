import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import type { Cluster } from '../lab/cluster.ts';
import { defaultCorefile } from '../lab/cluster-dns.ts';
import { image, pharosImage } from '../lab/images.ts';
import { openLab, whyNoClusters, type Lab } from '../lab/lab.ts';
import { findProcesses } from '../lab/processes.ts';
import { until } from '../lab/wait.ts';

const skip = (await whyNoClusters()) ?? false;

const pod = (name: string, podImage: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: name } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name, image: podImage }] },
});

const web = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

/** Control groups of a lab, in all hierarchies. */
async function cgroupsOf(id: string): Promise<string[]> {
  const entries = await readdir('/sys/fs/cgroup', { recursive: false });
  return [`/sys/fs/cgroup`, ...entries.map((entry) => `/sys/fs/cgroup/${entry}`)]
    .map((dir) => `${dir}/pharos-lab-${id}`)
    .filter((dir) => existsSync(dir));
}

async function assertNothingLeft({ id, dir }: { readonly id: string; readonly dir: string }): Promise<void> {
  assert.deepEqual(await findProcesses(id), []);
  assert.deepEqual(await cgroupsOf(id), []);
  assert.equal(existsSync(dir), false);
  assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(id));
}

/** What the lab might change of this machine by mistake. */
async function machineState(): Promise<object> {
  const parameters = [
    'kernel/panic',
    'kernel/panic_on_oops',
    'vm/overcommit_memory',
    'net/ipv4/ip_forward',
    'net/ipv4/conf/all/rp_filter',
  ];
  return {
    parameters: await Promise.all(parameters.map((name) => readFile(`/proc/sys/${name}`, 'utf8'))),
    links: (await readFile('/proc/net/dev', 'utf8')).match(/^\s*\S+(?=:)/gm),
    routes: await readFile('/proc/net/route', 'utf8'),
  };
}

suite('a cluster of the lab', { skip }, () => {
  let lab: Lab;
  let west: Cluster;
  let stateBefore: object;
  before(async () => {
    stateBefore = await machineState();
    lab = await openLab({ name: 'cluster-test' });
    west = await lab.cluster('west');
    await west.apply([pod('client', image.tools), pod('web', image.whoami), web]);
    const { code, stderr } = await west.kubectl([
      'wait',
      '--for=condition=Ready',
      'pod',
      '--all',
      '--timeout=90s',
    ]);
    assert.equal(code, 0, stderr);
  });
  after(() => lab[Symbol.asyncDispose]());

  const curl = async (url: string): Promise<string> =>
    (await west.exec('default/client', ['curl', '-s', '-m', '3', url])).stdout;

  test('resolves a Service by its name, in a pod, with the resolver of libc', async () => {
    const { stdout } = await west.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
    const resolved = await west.exec('default/client', ['getent', 'hosts', 'web']);
    assert.deepEqual(resolved.stdout.trim().split(/\s+/), [stdout, 'web.default.svc.cluster.local']);
  });

  test('leads to the pods of a Service by kube-proxy, and keeps the address of the pod that calls', async () => {
    const { stdout } = await west.kubectl(['get', 'pod', 'client', '-o', 'jsonpath={.status.podIP}']);
    assert.equal(await curl('http://web/'), `web ${stdout}\n`);
  });

  test('lets a process of this machine serve the pods, on the network of a node', async () => {
    const [node] = west.nodes;
    const server = node.spawn('busybox', [
      'nc',
      '-l',
      '-l',
      '-p',
      '7000',
      '-e',
      'echo',
      'hello from outside',
    ]);
    await until('an answer', 10_000, async () => {
      const { stdout } = await west.exec('default/client', ['busybox', 'nc', '-w', '2', node.ip, '7000']);
      return stdout === 'hello from outside\n' ? true : undefined;
    });
    await server.stop();
  });

  test('runs this checkout of Pharos from an image', async () => {
    await west.loadImage(await pharosImage());
    await west.apply([
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'version', namespace: 'default' },
        spec: {
          restartPolicy: 'Never',
          containers: [{ name: 'pharos', image: image.pharos, args: ['--version'] }],
        },
      },
    ]);
    const ended = '--for=jsonpath={.status.phase}=Succeeded';
    const { stderr } = await west.kubectl(['wait', ended, 'pod/version', '--timeout=60s']);
    const { stdout } = await west.kubectl(['logs', 'version']);
    assert.match(stdout, /^\d+\.\d+\.\d+/, stderr);
    await west.kubectl(['delete', 'pod', 'version']);
  });

  test('serves by another Corefile as soon as it has been given one', async () => {
    const answer = '    template IN A lab.test {\n        answer "{{ .Name }} 5 IN A 192.0.2.9"\n    }\n';
    await west.setClusterDns(`${defaultCorefile}lab.test:53 {\n${answer}}\n`);
    const { stdout } = await west.exec('default/client', ['dig', '+short', 'any.lab.test']);
    assert.equal(stdout, '192.0.2.9\n');
  });

  test('is cut off while its cable is, and its API server is still there for kubectl', async () => {
    const [node] = west.nodes;
    // 0 with an answer, 1 without one.
    const ping = async (): Promise<number> =>
      (await node.exec(['busybox', 'ping', '-c', '1', '-W', '1', '10.210.0.1'])).code;
    assert.equal(await ping(), 0);
    await node.partition();
    assert.equal(await ping(), 1);
    assert.equal((await west.kubectl(['get', 'nodes'])).code, 0);
    await node.heal();
    await until('the cable carries again', 5_000, async () => ((await ping()) === 0 ? true : undefined));
  });

  test('runs its pods again after a power cut', async () => {
    const [node] = west.nodes;
    await node.stop();
    assert.notEqual((await west.kubectl(['get', 'nodes'])).code, 0);
    await node.start();
    await until('the web server answers by its name again', 60_000, async () =>
      (await curl('http://web/')).startsWith('web ') ? true : undefined,
    );
  });

  test('leaves nothing on this machine', async () => {
    await lab[Symbol.asyncDispose]();
    await assertNothingLeft(lab);
    assert.deepEqual(await machineState(), stateBefore);
  });
});

test('a cluster whose owner is killed leaves nothing', { skip }, async () => {
  const module = new URL('../lab/lab.ts', import.meta.url).href;
  const script = `import { openLab } from ${JSON.stringify(module)};
    const lab = await openLab({ name: 'killed' });
    await lab.cluster('west');
    console.log(lab.id, lab.dir);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  const [id = '', dir = ''] = line.toString().trim().split(' ');
  assert.ok((await findProcesses(id)).length > 8);
  owner.kill('SIGKILL');
  await until('the watchdog is done', 30_000, () => (existsSync(dir) ? undefined : true));
  await assertNothingLeft({ id, dir });
});
