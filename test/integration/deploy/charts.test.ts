/**
 * The charts, with the real Helm against real API servers: what they render is accepted to the letter, and
 * installing, upgrading, rolling back and uninstalling leave what they should. Nothing runs: no nodes.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { hostManifests, memberManifests } from '../../../scripts/charts.ts';
import type { ApiServer } from '../../lab/api-server.ts';
import { ensureBinaries } from '../../lab/binaries.ts';
import { command, type CommandResult } from '../../lab/command.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { pharos } from '../../support/pharos.ts';

const deploy = join(import.meta.dirname, '../../../deploy');
const chart = (name: string): string => join(deploy, 'charts', name);

/** Values that turn every part on. */
const EVERYTHING = [
  '--set=gateway.enabled=true,routeAgent.enabled=true',
  '--set=podCIDRs={10.1.0.0/16,fd01::/48},serviceCIDRs={10.101.0.0/16}',
  '--set=clustersetIPs.enabled=true,redis.secret=redis,dns.snapshot=true',
  '--set=dns.topologySpreadConstraints[0].maxSkew=1,dns.topologySpreadConstraints[0].topologyKey=topology.kubernetes.io/zone',
  '--set=dns.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway',
];

interface Installed {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec: {
        readonly containers: { readonly args: string[]; readonly image: string; readonly env?: object[] }[];
      };
    };
  };
}

interface Monitoring {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

suite('the charts', () => {
  let home: string;
  let helmBinary: string;
  let lab: Lab;
  let current: ApiServer;
  let old: ApiServer;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'pharos-helm-'));
    ({ helm: helmBinary } = await ensureBinaries(['helm']));
    lab = await openLab({ name: 'charts' });
    [current, old] = await Promise.all([
      lab.api('current', { crds: false, controllers: true }),
      lab.api('old', { crds: false, emulatedVersion: '1.31' }),
    ]);
  });
  after(async () => {
    await lab?.[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  });

  const helm = (args: readonly string[], at?: ApiServer): Promise<CommandResult> =>
    command(helmBinary, args, {
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        ...(at !== undefined && { KUBECONFIG: at.kubeconfig }),
      },
    });
  const mustHelm = async (args: readonly string[], at?: ApiServer): Promise<string> => {
    const { code, stdout, stderr } = await helm(args, at);
    assert.equal(code, 0, `helm ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const inMember = ['--namespace=pharos-system'];

  /** Everything on the server that bears the mark of Pharos. */
  const marked = async (at: ApiServer): Promise<Installed[]> => {
    const kinds =
      'customresourcedefinitions,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,services,' +
      'configmaps,deployments,daemonsets,poddisruptionbudgets,networkpolicies,' +
      'validatingadmissionpolicies,validatingadmissionpolicybindings';
    const { stdout, stderr, code } = await at.kubectl([
      'get',
      kinds,
      '-A',
      '-o',
      'json',
      '-l',
      'pharos.io/managed-by=pharos.io',
    ]);
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { items: Installed[] }).items;
  };
  const find = async (kind: string, name: string): Promise<Installed | undefined> =>
    (await marked(current)).find((object) => object.kind === kind && object.metadata.name === name);

  test('lint finds nothing', async () => {
    for (const name of ['pharos', 'pharos-broker']) {
      const said = await mustHelm(['lint', '--strict', '--kube-version=1.30.0', ...inMember, chart(name)]);
      assert.doesNotMatch(said, /\[(WARNING|ERROR)\]/);
    }
  });

  test('deploy/manifests is what the chart renders', async () => {
    const file = readFileSync(join(deploy, 'manifests/member.yaml'), 'utf8');
    assert.equal(file, await memberManifests(), 'run: npm run charts');
    const host = readFileSync(join(deploy, 'manifests/host.yaml'), 'utf8');
    assert.equal(host, await hostManifests(), 'run: npm run charts');
  });

  test('monitoring is rendered for the Prometheus operator, with links to the pages', async () => {
    const rendered = await mustHelm([
      'template',
      'pharos',
      chart('pharos'),
      ...inMember,
      '--kube-version=1.30.0',
      '--set=monitoring.enabled=true,monitoring.labels.release=prometheus,monitoring.docs=https://docs.example/',
    ]);
    const objects = parseAllDocuments(rendered).map((document) => document.toJS() as Monitoring);
    const find = (kind: string, name: string): Monitoring => {
      const found = objects.find((object) => object?.kind === kind && object.metadata.name === name);
      assert.ok(found, `${kind} ${name}`);
      assert.equal(found.metadata.labels['release'], 'prometheus');
      return found;
    };
    find('PodMonitor', 'pharos');
    const rules = readFileSync(join(deploy, 'monitoring/rules.yaml'), 'utf8');
    assert.deepEqual(
      find('PrometheusRule', 'pharos').spec,
      parse(rules.replaceAll('runbook_url: docs/', 'runbook_url: https://docs.example/docs/')),
    );
    assert.deepEqual(
      JSON.parse(find('ConfigMap', 'pharos-dashboard').data?.['pharos.json'] ?? ''),
      JSON.parse(readFileSync(join(deploy, 'monitoring/dashboard.json'), 'utf8')),
    );
  });

  for (const [what, args, says] of [
    ['a value that does not exist', ['--set=agnet.enabled=false'], /agnet/],
    ['a cluster id that is none', ['--set=clusterId=West_1'], /clusterId/],
    ['no replica', ['--set=dns.replicas=0'], /replicas/],
    ['a flag with dashes', ['--set=dns.flags.--ttl=5'], /--ttl/],
    ['a gateway that knows no networks', ['--set=gateway.enabled=true'], /podCIDRs and serviceCIDRs/],
    ['clusterset IPs that nothing serves', ['--set=clustersetIPs.enabled=true'], /routeAgent\.enabled/],
    ['another namespace', ['--namespace=elsewhere'], /pharos-system/],
  ] as const) {
    test(`${what} is refused by name`, async () => {
      const { code, stderr } = await helm([
        'template',
        'pharos',
        chart('pharos'),
        '--kube-version=1.34.0',
        ...inMember,
        ...args,
      ]);
      assert.notEqual(code, 0);
      assert.match(stderr, says);
    });
  }

  test('flags become arguments: lists, numbers, switches', async () => {
    const text = await mustHelm([
      'template',
      'pharos',
      chart('pharos'),
      '--kube-version=1.34.0',
      ...inMember,
      '--set=dns.flags.ttl=30,dns.flags.strict-names=true,dns.flags.advertise={10.0.0.1,10.0.0.2}',
      '--show-only=templates/dns.yaml',
    ]);
    const args = parseAllDocuments(text)
      .map((document) => document.toJS() as Installed)
      .find(({ kind }) => kind === 'Deployment')
      ?.spec?.template?.spec.containers[0]?.args.slice(-4);
    assert.deepEqual(args, ['--advertise=10.0.0.1', '--advertise=10.0.0.2', '--strict-names', '--ttl=30']);
  });

  test('a shared Redis, a snapshot and clusterset IPs reach the processes as flags', async () => {
    const text = await mustHelm([
      'template',
      'pharos',
      chart('pharos'),
      '--kube-version=1.34.0',
      ...inMember,
      ...EVERYTHING,
    ]);
    const objects = parseAllDocuments(text).map((document) => document.toJS() as Installed);
    const container = (name: string) =>
      objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)?.spec?.template
        ?.spec.containers[0];
    const redis = (flag: string) => [
      { name: flag, valueFrom: { secretKeyRef: { name: 'redis', key: 'url' } } },
    ];
    assert.deepEqual(container('pharos-agent')?.env, redis('PHAROS_PUBLISH'));
    assert.deepEqual(container('pharos-dns')?.env, redis('PHAROS_STORE'));
    assert.ok(container('pharos-dns')?.args.includes('--snapshot=/var/lib/pharos/snapshot'));
    const config = objects.find(({ kind }) => kind === 'ConfigMap');
    assert.equal(config?.data?.['PHAROS_CLUSTERSET_IPS'], 'on');
    assert.equal(config?.data?.['PHAROS_CLUSTERSET_CIDR'], '243.0.0.0/16');
  });

  test('pods of every part are made anew when what they read at start is another', async () => {
    const checksums = async (...args: string[]) => {
      const command = ['template', 'pharos', chart('pharos'), '--kube-version=1.34.0', ...inMember];
      const text = await mustHelm([...command, ...EVERYTHING, ...args]);
      return text.match(/checksum\/config: .*/g) ?? [];
    };
    const before = await checksums();
    assert.equal(before.length, 4);
    const after = await checksums('--set=clustersetIPs.cidrs={243.1.0.0/16}');
    assert.deepEqual(
      after.filter((checksum) => before.includes(checksum)),
      [],
    );
  });

  for (const [version, server] of [
    ['the oldest Kubernetes that can be had here', () => old],
    ['the current Kubernetes', () => current],
  ] as const) {
    test(`${version} takes every rendered object to the letter`, async () => {
      for (const [name, namespace] of [
        ['pharos', 'pharos-system'],
        ['pharos-broker', 'pharos-broker'],
      ] as const) {
        await server().kubectl(['create', 'namespace', namespace]);
        const rendered = await mustHelm([
          'template',
          name,
          chart(name),
          `--namespace=${namespace}`,
          '--kube-version=1.30.0',
          ...(name === 'pharos' ? EVERYTHING : []),
        ]);
        const { code, stderr } = await server().kubectl(
          ['apply', '--dry-run=server', '--validate=strict', '-f', '-'],
          { input: rendered },
        );
        assert.equal(code, 0, stderr);
        assert.doesNotMatch(stderr, /warning/i);
      }
    });
  }

  test('the broker chart makes a broker that a cluster can join, by "pharos join"', async () => {
    await mustHelm(
      ['install', 'broker', chart('pharos-broker'), '--namespace=pharos-broker', '--wait'],
      current,
    );
    await pharos(
      'join',
      '--no-components',
      '--cluster-id=west',
      `--kubeconfig=${old.kubeconfig}`,
      `--broker-kubeconfig=${current.kubeconfig}`,
    );
  });

  test('a member is installed, upgraded with other values, and rolled back', async () => {
    // A broker may be a member, too: both charts and "join" bring the same definitions.
    await mustHelm(
      ['install', 'pharos', chart('pharos'), ...inMember, '--create-namespace', '--set=clusterId=east'],
      current,
    );
    assert.equal((await find('Deployment', 'pharos-agent'))?.spec?.replicas, 2);

    await mustHelm(
      [
        'upgrade',
        'pharos',
        chart('pharos'),
        ...inMember,
        '--reuse-values',
        '--set=agent.replicas=3,dns.flags.ttl=30,image.tag=9.9',
      ],
      current,
    );
    assert.equal((await find('Deployment', 'pharos-agent'))?.spec?.replicas, 3);
    const [dns] = (await find('Deployment', 'pharos-dns'))?.spec?.template?.spec.containers ?? [];
    assert.equal(dns?.image, 'pharos:9.9');
    assert.ok(dns?.args.includes('--ttl=30'));

    await mustHelm(['rollback', 'pharos', '1', ...inMember], current);
    assert.equal((await find('Deployment', 'pharos-agent'))?.spec?.replicas, 2);
    const [before] = (await find('Deployment', 'pharos-dns'))?.spec?.template?.spec.containers ?? [];
    assert.equal(before?.args.includes('--ttl=30'), false);
  });

  test('uninstalling keeps the definitions, and so everybody’s ServiceExports', async () => {
    await current.apply([
      {
        apiVersion: 'multicluster.x-k8s.io/v1beta1',
        kind: 'ServiceExport',
        metadata: { name: 'web', namespace: 'default' },
      },
    ]);
    await mustHelm(['uninstall', 'pharos', ...inMember, '--wait'], current);
    await mustHelm(['uninstall', 'broker', '--namespace=pharos-broker', '--wait'], current);
    const rest = (await marked(current)).filter(
      ({ kind, metadata }) =>
        kind !== 'CustomResourceDefinition' && !metadata.name.startsWith('cluster-west'),
    );
    assert.deepEqual(
      rest.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      [],
    );
    const { code } = await current.kubectl(['get', 'serviceexport', '-n', 'default', 'web']);
    assert.equal(code, 0);
  });
});
