/** The command as users and supervisors see it: exit status, streams, signals, mistakes told in one line. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, test } from 'node:test';
import { ask } from '../support/ask.ts';
import { type CliProcess, runCli, startCli } from '../support/cli-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'pharos-cli-'));
after(() => rmSync(directory, { recursive: true }));

writeFileSync(
  join(directory, 'imports.yaml'),
  `apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: { name: mysql, namespace: shop }
spec: { type: Headless, ports: [{ name: mysql, port: 3306 }] }
status: { clusters: [{ cluster: west }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: mysql.west.1
  namespace: shop
  labels: { multicluster.kubernetes.io/service-name: mysql, multicluster.kubernetes.io/source-cluster: west }
addressType: IPv4
ports: [{ name: mysql, protocol: TCP, port: 3306 }]
endpoints: [{ addresses: [10.1.0.10], hostname: mysql-0, conditions: { ready: true } }]
`,
);
const dns = ['dns', '--store', `directory:${directory}`, '--metrics-listen', '127.0.0.1:0'];

interface FirstLine {
  readonly time: string;
  readonly level: string;
  readonly component: string;
  readonly msg: string;
  readonly version: string;
  readonly cluster: string;
  readonly listen: string[];
  readonly metrics: string;
}

async function firstLine(process: CliProcess): Promise<FirstLine> {
  const [line] = await process.says(/^.*\n/, 'stderr');
  return JSON.parse(line) as FirstLine;
}

const portOf = (listen = ''): number => Number(/:(\d+)$/.exec(listen)?.[1]);

describe('mistakes end with a line that says what, where and what to do', () => {
  const taken = createServer();
  after(() => taken.close());
  const busy = new Promise<string>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(taken.address() as AddressInfo).port}`));
  });
  const unreachable = join(directory, 'unreachable.kubeconfig');
  writeFileSync(
    unreachable,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  const broken = join(directory, 'broken.kubeconfig');
  writeFileSync(broken, 'clusters: [');
  const rows: Record<string, { args: (busy: string) => string[]; status: number; says: RegExp }> = {
    'an unknown flag': {
      args: () => ['dns', '--lisen', ':53'],
      status: 2,
      says: /^pharos dns: unknown option '--lisen'; did you mean --listen\?; see pharos dns --help$/,
    },
    'an unknown command': {
      args: () => ['dnss'],
      status: 2,
      says: /^pharos: unknown command 'dnss'; did you mean dns\?/,
    },
    'a value that is none': {
      args: () => ['dns', '--ttl', 'x'],
      status: 2,
      says: /^pharos dns: --ttl "x": must be/,
    },
    'a DNS port that is taken': {
      args: (busy) => [...dns, '--listen', busy],
      status: 1,
      says: /^pharos dns: Cannot listen on 127\.0\.0\.1 port \d+ \(TCP\): EADDRINUSE: .*another/,
    },
    'a metrics port that is taken': {
      args: (busy) => [
        'dns',
        '--store',
        `directory:${directory}`,
        '--listen',
        '127.0.0.1:0',
        '--metrics-listen',
        busy,
      ],
      status: 1,
      says: /^pharos dns: Cannot listen on 127\.0\.0\.1:\d+ \(--metrics-listen\): EADDRINUSE: .*choose another port$/,
    },
    'a playground port that is taken': {
      args: (busy) => ['playground', '--dns-listen', '127.0.0.1:0', '--http-listen', busy],
      status: 1,
      says: /^pharos playground: Cannot listen on 127\.0\.0\.1:\d+ \(--http-listen\): EADDRINUSE: /,
    },
    'a folder that is not there': {
      args: () => ['playground', '/nowhere'],
      status: 1,
      says: /^pharos playground: Cannot read the folder \/nowhere: ENOENT.*; name one that has a folder for each cluster$/,
    },
    'a store that is not there': {
      args: () => ['dns', '--store', 'directory:/nowhere'],
      status: 1,
      says: /^pharos dns: Cannot read the folder \/nowhere: ENOENT/,
    },
    'a kubeconfig that is not there': {
      args: () => ['dns', '--kubeconfig', '/nowhere.yaml', '--cluster-id', 'west'],
      status: 1,
      says: /^pharos dns: .*\/nowhere\.yaml/,
    },
    'a kubeconfig that is none': {
      args: () => ['agent', '--kubeconfig', broken, '--cluster-id', 'west'],
      status: 1,
      says: /^pharos agent: .*broken\.kubeconfig/,
    },
    'no kubeconfig outside of a pod': {
      args: () => ['agent', '--cluster-id', 'west'],
      status: 1,
      says: /^pharos agent: .*--kubeconfig/,
    },
    'an API server that cannot be reached': {
      args: () => ['dns', '--kubeconfig', unreachable],
      status: 1,
      says: /^pharos dns: .*https:\/\/127\.0\.0\.1:9/,
    },
  };
  for (const [sentence, { args, status, says }] of Object.entries(rows)) {
    it(sentence, async () => {
      const ended = await runCli(args(await busy), { cwd: directory });
      assert.match(ended.stderr.trimEnd(), says);
      assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
      assert.deepEqual([ended.status, ended.stdout], [status, '']);
    });
  }
});

test('help and version are data, and done', async () => {
  const help = await runCli(['dns', '--help']);
  assert.deepEqual([help.status, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: pharos dns/);
  const version = await runCli(['--version']);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

test('no command is wrong usage, and shows the help on stderr', async () => {
  const ended = await runCli([]);
  assert.deepEqual([ended.status, ended.stdout], [2, '']);
  assert.match(ended.stderr, /Usage: pharos/);
});

describe('pharos dns on a folder', () => {
  it('answers, from variables as well as flags, and says first who it is and where', async () => {
    await using process = startCli(dns, {
      variables: { PHAROS_LISTEN: '127.0.0.1:0', PHAROS_CLUSTER_ID: 'east', PHAROS_TTL: '7' },
    });
    const { time, level, component, msg, version, cluster, listen, metrics } = await firstLine(process);
    assert.match(time, /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual([level, component, msg, cluster], ['info', 'dns', 'pharos dns is up', 'east']);
    assert.match(version, /^\d+\.\d+\.\d+$/);
    await process.says(/The zone is complete/, 'stderr');
    const server = { address: '127.0.0.1', port: portOf(listen[0]) };
    assert.deepEqual(await ask(server, 'mysql-0.west.mysql.shop.svc.clusterset.local'), {
      rcode: 'NOERROR',
      answers: ['A 10.1.0.10'],
    });
    assert.equal((await fetch(`http://${metrics}/readyz`)).status, 200);
    const scraped = await (await fetch(`http://${metrics}/metrics`)).text();
    assert.match(scraped, /^pharos_dns_queries_total\{transport="udp"\} 1$/m);
    assert.match(scraped, /^pharos_zone_services 1$/m);
    assert.equal(process.stdout, '');
  });

  it('is not ready any more when it is asked to end, answers on for a moment, and exits with 0', async () => {
    await using process = startCli([...dns, '--listen', '127.0.0.1:0']);
    const { listen, metrics } = await firstLine(process);
    await process.says(/The zone is complete/, 'stderr');
    const asked = performance.now();
    process.kill('SIGTERM');
    await process.says(/Shutting down/, 'stderr');
    const ready = await fetch(`http://${metrics}/readyz`);
    assert.deepEqual([ready.status, await ready.text()], [503, 'not ready: shutting down\n']);
    const server = { address: '127.0.0.1', port: portOf(listen[0]) };
    assert.equal((await ask(server, 'mysql.shop.svc.clusterset.local')).rcode, 'NOERROR');
    const { status } = await process.ended;
    assert.equal(status, 0);
    assert.ok(performance.now() - asked < 5000);
  });

  it('ends at once when it is asked twice', async () => {
    await using process = startCli([...dns, '--listen', '127.0.0.1:0']);
    await firstLine(process);
    process.kill('SIGTERM');
    await process.says(/Shutting down/, 'stderr');
    process.kill('SIGTERM');
    assert.equal((await process.ended).status, 143);
  });

  it('is not ready while its API server is away, and says that it cannot be reached', async () => {
    const kubeconfig = join(directory, 'unreachable.kubeconfig');
    await using process = startCli([
      ...['dns', '--kubeconfig', kubeconfig, '--cluster-id', 'east'],
      ...['--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0'],
    ]);
    const { listen, metrics } = await firstLine(process);
    await process.says(/The store is out of sight/, 'stderr');
    const ready = await fetch(`http://${metrics}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /the first full list from https:\/\/127\.0\.0\.1:9.* is not in yet/);
    const server = { address: '127.0.0.1', port: portOf(listen[0]) };
    assert.equal((await ask(server, 'mysql.shop.svc.clusterset.local')).rcode, 'SERVFAIL');
  });

  it('logs for reading where it is asked to', async () => {
    await using process = startCli([...dns, '--listen', '127.0.0.1:0', '--log-format', 'pretty']);
    const [line] = await process.says(/^.*\n/, 'stderr');
    assert.match(line, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}dns: pharos dns is up version=/);
  });
});
