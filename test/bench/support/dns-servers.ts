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
}

/** A server that can be measured: what to run, after writing its settings. */
export interface Contestant {
  readonly name: string;
  /** Name of the program that must be installed; absent where we bring it. */
  readonly program?: string;
  command(place: Place): Promise<readonly string[]>;
}

const cli = join(import.meta.dirname, '../../../src/cli.ts');

const pharos: Contestant = {
  name: 'pharos',
  command: async ({ port, data }) => [
    process.execPath,
    cli,
    'dns',
    '--cluster-id=east',
    `--store=directory:${join(data, 'manifests')}`,
    `--listen=127.0.0.1:${port}`,
    `--metrics-listen=127.0.0.1:${await freePort()}`,
    '--log-level=warn',
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

export const contestants: readonly Contestant[] = [pharos, coredns, knot, nsd];

/** Why a contestant cannot take part; undefined where it can. */
export async function whyAbsent({ program }: Contestant): Promise<string | undefined> {
  if (program === undefined) return undefined;
  const { code } = await command('sh', ['-c', 'command -v "$0"', program]);
  return code === 0 ? undefined : `${program} is not installed`;
}

/** Starts it on `core`, and waits until it answers for the last name. */
export async function startServer(
  contestant: Contestant,
  core: number,
  question: { readonly name: string; readonly address: string },
  where: Omit<Place, 'port'>,
): Promise<RunningServer> {
  await mkdir(where.dir, { recursive: true });
  const port = await freePort();
  const words = await contestant.command({ ...where, port });
  const daemon = new Daemon('taskset', ['-c', String(core), ...words], contestant.name, {
    lab: where.lab,
    logFile: join(where.dir, 'log'),
    cwd: where.dir,
  });
  await until(`${contestant.name} answers`, 60_000, async () => {
    if (!daemon.running) throw new GivenUp(`${contestant.name} has ended:\n${daemon.tail()}`);
    const { answers } = await ask({ address: '127.0.0.1', port }, question.name, 'A', 500);
    if (!answers.includes(`A ${question.address}`))
      throw new Error(`it answers ${answers.join(', ') || 'nothing'}`);
    return true;
  });
  return { name: contestant.name, port, pid: daemon.pid, stop: () => daemon.stop() };
}
