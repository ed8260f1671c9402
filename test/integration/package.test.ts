/** What `npm install -g` of the published package gives: the tarball, in an empty prefix, without the checkout. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Kinds } from '../../src/api/kinds.ts';
import { silentLog } from '../../src/observability/log.ts';
import { openKubernetesStore } from '../../src/store/kubernetes.ts';
import { must } from '../lab/command.ts';
import { openLab } from '../lab/lab.ts';
import { freePort } from '../lab/ports.ts';
import { until } from '../lab/wait.ts';
import { ask } from '../support/ask.ts';
import { runCli, startCli } from '../support/cli-process.ts';

const checkout = join(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'pharos-package-'));
after(() => rmSync(scratch, { recursive: true }));

const { version, dependencies } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
  version: string;
  dependencies?: Record<string, string>;
};
/** npm under the Node.js that runs the tests, whichever else is in PATH. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };

describe('the published package', () => {
  const prefix = join(scratch, 'prefix');
  const installed = join(prefix, 'bin/pharos');
  let program: string;

  before(async () => {
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
    await must('npm', ['pack', '--pack-destination', scratch, ...quiet], { cwd: checkout, env });
    const tarball = join(scratch, `pharos-${version}.tgz`);
    await must('npm', ['install', '-g', '--prefix', prefix, '--prefer-offline', ...quiet, tarball], { env });
    program = realpathSync(installed);
  });

  it('is a command that says its version', async () => {
    assert.equal(await must(installed, ['--version'], { env }), `${version}\n`);
  });

  it('brings what it runs with, and the licences of it', async () => {
    const bundled = ['@kubernetes/client-node', 'commander', 'dns2', 'ioredis', 'pino', 'yaml', 'zod'];
    const needed = Object.keys(dependencies ?? {});
    assert.deepEqual(
      bundled.filter((name) => needed.includes(name)),
      [],
    );
    const notices = readFileSync(join(dirname(program), 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['@kubernetes/client-node', 'commander', 'dns2', 'pino', 'yaml', 'zod']) {
      assert.match(notices, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: `, 'm'));
    }
  });

  it('plays the example that it brings', async () => {
    const anyPort = ['--dns-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0'];
    await using playground = startCli(['playground', ...anyPort], { program, cwd: scratch });
    const [, port = ''] = await playground.says(/^east +127\.0\.0\.1:(\d+) +connected$/m);
    const { rcode, answers } = await ask(
      { address: '127.0.0.1', port: Number(port) },
      'web.shop.svc.clusterset.local',
    );
    assert.deepEqual([rcode, answers.length], ['NOERROR', 1]);
    const [, url = ''] = await playground.says(/curl (http:\S+\/)\n/);
    const page = await (await fetch(url, { headers: { accept: 'text/html' } })).text();
    const files = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    assert.equal(files.length, 3, page);
    for (const path of files) assert.equal((await fetch(new URL(path, url))).status, 200, path);
  });

  it('answers from a folder of manifests', async () => {
    writeFileSync(join(scratch, 'imports.yaml'), imports('10.1.2.3'));
    const port = await freePort();
    const dns = ['dns', '--store', `directory:${scratch}`, '--cluster-id', 'east'];
    await using _ = startCli([...dns, ...(await listen(port))], { program });
    assert.deepEqual(await answersAt(port), ['A 10.1.2.3']);
  });

  it('answers from an API server, and sets up a broker on one by the definitions that it brings', async () => {
    await using lab = await openLab({ name: 'package' });
    const api = await lab.api('west');
    const deployed = await runCli(['broker', 'deploy', '--kubeconfig', api.kubeconfig], { program });
    assert.equal(deployed.status, 0, deployed.stderr);
    const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
    const metadata = { namespace: 'default', name: 'web' };
    await store.apply(Kinds.ServiceImport, {
      apiVersion: Kinds.ServiceImport.apiVersion,
      kind: 'ServiceImport',
      metadata,
      spec: { type: 'ClusterSetIP', ports: [{ port: 80 }], ips: ['10.4.5.6'] },
    });
    store.close();
    const port = await freePort();
    const dns = ['dns', '--kubeconfig', api.kubeconfig, '--cluster-id', 'west'];
    await using _ = startCli([...dns, ...(await listen(port))], { program });
    assert.deepEqual(await answersAt(port, 'web.default'), ['A 10.4.5.6']);
  });
});

const listen = async (port: number): Promise<string[]> => [
  `--listen=127.0.0.1:${port}`,
  `--metrics-listen=127.0.0.1:${await freePort()}`,
];

const answersAt = (port: number, service = 'web.shop'): Promise<readonly string[]> =>
  until(`an answer for ${service}`, 60_000, async () => {
    const { answers } = await ask(
      { address: '127.0.0.1', port },
      `${service}.svc.clusterset.local`,
      'A',
      500,
    );
    return answers.length > 0 ? answers : undefined;
  });

const imports = (ip: string): string => `
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: { namespace: shop, name: web }
spec: { type: ClusterSetIP, ports: [{ port: 80 }], ips: [${ip}] }
`;
