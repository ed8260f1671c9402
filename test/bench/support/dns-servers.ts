/** The servers that are compared: each on one core, each with the same names, each set up as its makers would. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinaries } from '../../lab/binaries.ts';
import { command } from '../../lab/command.ts';
import { freePort } from '../../lab/ports.ts';
import { Daemon } from '../../lab/processes.ts';
import { GivenUp, until } from '../../lab/wait.ts';
import { ask } from '../../support/ask.ts';

export interface RunningServer {
  readonly contestant: Contestant;
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Place {
  /** The lab that its process belongs to. */
  readonly lab: string;
  /** A folder of its own, where relative paths in its settings start. */
  readonly dir: string;
  readonly port: number;
  /** Folder with `zone` and `manifests/`. */
  readonly data: string;
  /** Of an API server that has the same services. */
  readonly kubeconfig?: string | undefined;
}

/** A server that can be measured: what to run, after writing its settings. */
export interface Contestant {
  readonly name: string;
  /** Name of the program that must be installed; absent where we bring it. */
  readonly program?: string;
  /** How many cores it is for; one unless told. */
  readonly cores?: number;
  /** Whether it changes its zone a hundred times a second on SIGUSR2. */
  readonly changes?: boolean;
  /** Only UDP, and A of the ordinary names, where it can no more. */
  readonly basic?: boolean;
  command(place: Place): Promise<readonly string[]>;
}

const file = (path: string): string => join(import.meta.dirname, path);

const pharos = (name: string, ...flags: readonly string[]): Contestant => ({
  name,
  command: async ({ port, data }) => [
    process.execPath,
    file('../../../src/cli.ts'),
    'dns',
    '--cluster-id=east',
    `--store=directory:${join(data, 'manifests')}`,
    `--listen=127.0.0.1:${port}`,
    `--metrics-listen=127.0.0.1:${await freePort()}`,
    '--log-level=warn',
    ...flags,
  ],
});

const changing: Contestant = {
  name: 'pharos-changing',
  changes: true,
  command: async ({ port, data }) => [
    process.execPath,
    file('serve.ts'),
    join(data, 'manifests/services.json'),
    String(port),
    '1',
  ],
};

const dns2: Contestant = {
  name: 'dns2',
  basic: true,
  command: async ({ port, data }) => [
    process.execPath,
    file('dns2-alone.ts'),
    join(data, 'zone'),
    String(port),
  ],
};

const coredns: Contestant = {
  name: 'coredns',
  command: async ({ dir, port, data }) => {
    // Room for every name: the cache's usual size is 9984 answers.
    const file = `clusterset.local:${port} {\n  bind 127.0.0.1\n  file ${join(data, 'zone')}\n  cache {\n    success 65536\n  }\n}\n`;
    await writeFile(join(dir, 'Corefile'), file);
    return [(await ensureBinaries(['coredns'])).coredns, '-conf', join(dir, 'Corefile')];
  },
};

/** Its own way to serve clustersets, in the tree since 1.13: from a real API server. */
const corednsKubernetes: Contestant = {
  name: 'coredns-k8s',
  command: async ({ dir, port, kubeconfig }) => {
    if (kubeconfig === undefined) throw new Error('it takes an API server');
    const lines = [
      `clusterset.local:${port} {`,
      '  bind 127.0.0.1',
      '  kubernetes cluster.local clusterset.local {',
      `    kubeconfig ${kubeconfig}`,
      '    multicluster clusterset.local',
      '  }',
      '  cache {',
      '    success 65536',
      '  }',
      '}',
      '',
    ];
    await writeFile(join(dir, 'Corefile'), lines.join('\n'));
    return [(await ensureBinaries(['coredns'])).coredns, '-conf', join(dir, 'Corefile')];
  },
};

const knot: Contestant = {
  name: 'knot',
  program: 'knotd',
  command: async ({ dir, port, data }) => {
    const settings = [
      'server:',
      `  rundir: ${dir}`,
      `  listen: 127.0.0.1@${port}`,
      '  udp-workers: 1',
      '  tcp-workers: 1',
      '  background-workers: 1',
      'database:',
      `  storage: ${dir}`,
      'zone:',
      '  - domain: clusterset.local',
      `    file: ${join(data, 'zone')}`,
      '    zonefile-sync: -1',
      '',
    ];
    await writeFile(join(dir, 'knot.conf'), settings.join('\n'));
    return ['knotd', '-c', join(dir, 'knot.conf')];
  },
};

const nsd: Contestant = {
  name: 'nsd',
  program: 'nsd',
  command: async ({ dir, port, data }) => {
    const settings = [
      'server:',
      `  ip-address: 127.0.0.1@${port}`,
      '  server-count: 1',
      '  username: ""',
      '  pidfile: ""',
      `  zonesdir: ${data}`,
      `  zonelistfile: ${join(dir, 'zone.list')}`,
      `  xfrdfile: ""`,
      `  xfrdir: ${dir}`,
      '  hide-version: yes',
      '  rrl-ratelimit: 0',
      'remote-control:',
      '  control-enable: no',
      'zone:',
      '  name: clusterset.local',
      '  zonefile: zone',
      '',
    ];
    await writeFile(join(dir, 'nsd.conf'), settings.join('\n'));
    return ['nsd', '-d', '-c', join(dir, 'nsd.conf')];
  },
};

export const contestants: readonly Contestant[] = [
  pharos('pharos-1', '--udp=batched', '--workers=1'),
  { ...pharos('pharos-2', '--udp=batched', '--workers=2'), cores: 2 },
  pharos('pharos-dgram', '--udp=dgram'),
  changing,
  coredns,
  corednsKubernetes,
  knot,
  nsd,
  dns2,
];

/** Why a contestant cannot take part; undefined where it can. */
export async function whyAbsent({ program }: Contestant): Promise<string | undefined> {
  if (program === undefined) return undefined;
  const { code } = await command('sh', ['-c', 'command -v "$0"', program]);
  return code === 0 ? undefined : `${program} is not installed`;
}

/** Starts it on its cores, and waits until it answers. */
export async function startServer(
  contestant: Contestant,
  question: { readonly name: string; readonly address: string },
  where: Omit<Place, 'port'>,
): Promise<RunningServer> {
  await mkdir(where.dir, { recursive: true });
  const port = await freePort();
  const words = await contestant.command({ ...where, port });
  const daemon = new Daemon(
    'taskset',
    ['-c', `0-${(contestant.cores ?? 1) - 1}`, ...words],
    contestant.name,
    {
      lab: where.lab,
      logFile: join(where.dir, 'log'),
      cwd: where.dir,
    },
  );
  await until(`${contestant.name} answers`, 120_000, async () => {
    if (!daemon.running) throw new GivenUp(`${contestant.name} has ended:\n${daemon.tail()}`);
    const { answers } = await ask({ address: '127.0.0.1', port }, question.name, 'A', 500);
    if (!answers.includes(`A ${question.address}`))
      throw new Error(`it answers ${answers.join(', ') || 'nothing'}`);
    return true;
  });
  return { contestant, name: contestant.name, port, pid: daemon.pid, stop: () => daemon.stop() };
}
