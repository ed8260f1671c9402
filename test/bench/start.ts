/**
 * `npm run bench:start`: how long a DNS server of 10,000 services takes from its start to an answer for the last of
 * them, and what it takes of processor time and memory.
 *
 * Three of them, on one real API server: `pharos dns` of the built package from a snapshot, with the API server
 * there but not waited for; `pharos dns` from the API server; CoreDNS's in-tree `kubernetes { multicluster }` from the
 * same. They take turns, since a machine's speed drifts. A server starts with nothing of the last one's in memory but
 * what the system keeps of files; the clock runs from the moment before the process is made.
 *
 *   npm run bench:start -- [--services N] [--rounds N] [--smoke]
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kinds } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/api/objects.ts';
import { silentLog } from '../../src/observability/log.ts';
import { openKubernetesStore } from '../../src/store/kubernetes.ts';
import { ensureBinaries } from '../lab/binaries.ts';
import { must } from '../lab/command.ts';
import { openLab } from '../lab/lab.ts';
import { freePort } from '../lab/ports.ts';
import { Daemon } from '../lab/processes.ts';
import { GivenUp, until } from '../lab/wait.ts';
import { ask } from '../support/ask.ts';
import { cpuSeconds } from './support/cpu-time.ts';
import { benchServices, objectsOf } from './support/services.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    smoke: { type: 'boolean', default: false },
  },
});
const size = values.smoke
  ? { services: 50, rounds: 1 }
  : { services: Number(values.services), rounds: Number(values.rounds) };
for (const [option, value] of Object.entries(size)) {
  if (Number.isInteger(value) && value > 0) continue;
  console.error(
    `bench: --${option} must be a whole number from 1; for example: npm run bench:start -- --${option} 5`,
  );
  process.exit(2);
}

const root = join(import.meta.dirname, '../..');
console.error('bench: building the package…');
await must(process.execPath, [join(root, 'scripts/build.ts')]);
if (!existsSync(join(root, 'native/prebuilt')))
  await must(process.execPath, [join(root, 'native/build.mjs')]);

await using lab = await openLab({ name: 'bench-start' });
const api = await lab.api('east');
const services = benchServices(size.services).filter(({ headless }) => !headless);
const last = services.at(-1)!;
console.error(`bench: writing ${size.services} services to the API server…`);
await write(services.flatMap((service) => objectsOf(service)));

/** Objects into the API server, some at a time. */
async function write(objects: readonly KubeObject[]): Promise<void> {
  const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
  const kindOf = (object: KubeObject) =>
    object.kind === 'ServiceImport' ? Kinds.ServiceImport : Kinds.EndpointSlice;
  for (const name of new Set(objects.map(({ metadata }) => metadata.namespace ?? ''))) {
    await store.apply(Kinds.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const queue = objects.values();
  const worker = async (): Promise<void> => {
    for (const object of queue) await store.apply<KubeObject>(kindOf(object), object);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  store.close();
}

interface Place {
  readonly dir: string;
  readonly port: number;
}

const snapshot = join(lab.dir, 'snapshot');
const pharos = async ({ port }: Place, ...more: string[]): Promise<string[]> => [
  process.execPath,
  join(root, 'dist/cli.js'),
  ...['dns', '--cluster-id=east', `--kubeconfig=${api.kubeconfig}`, '--log-level=warn'],
  ...[`--listen=127.0.0.1:${port}`, `--metrics-listen=127.0.0.1:${await freePort()}`, ...more],
];

const contestants: readonly {
  readonly name: string;
  readonly command: (place: Place) => Promise<readonly string[]>;
}[] = [
  { name: 'snapshot', command: (place) => pharos(place, `--snapshot=${snapshot}`) },
  { name: 'pharos', command: (place) => pharos(place) },
  {
    name: 'coredns',
    async command({ dir, port }) {
      const corefile = [
        `.:${port} {`,
        '  bind 127.0.0.1',
        '  kubernetes cluster.local clusterset.local {',
        `    kubeconfig ${api.kubeconfig}`,
        '    multicluster clusterset.local',
        '  }',
        '}',
        '',
      ];
      await writeFile(join(dir, 'Corefile'), corefile.join('\n'));
      return [(await ensureBinaries(['coredns'])).coredns, '-conf', join(dir, 'Corefile')];
    },
  },
];

interface Measured {
  readonly ms: number;
  /** Processor time until then. */
  readonly cpuMs: number;
  /** Megabytes resident a while later, when all that a start sets off has ended. */
  readonly mb: number;
  readonly peakMb: number;
}

let starts = 0;

async function measure(
  command: (place: Place) => Promise<readonly string[]>,
  name: string,
): Promise<Measured> {
  const place = { dir: join(lab.dir, `start-${starts++}`), port: await freePort() };
  await mkdir(place.dir);
  const [program = '', ...args] = await command(place);
  const began = performance.now();
  const daemon = new Daemon(program, args, name, {
    lab: lab.id,
    logFile: join(place.dir, 'log'),
    cwd: place.dir,
  });
  const question = `${last.name}.${last.namespace}.svc.clusterset.local`;
  await until(
    `${name} answers`,
    120_000,
    async () => {
      if (!daemon.running) throw new GivenUp(`it has ended:\n${daemon.tail()}`);
      const { rcode, answers } = await ask({ address: '127.0.0.1', port: place.port }, question, 'A', 25);
      if (answers.length > 0) return true;
      throw new Error(`${rcode}; its log says:\n${daemon.tail()}`);
    },
    1,
  );
  const ms = performance.now() - began;
  const cpuMs = (await cpuSeconds(daemon.pid)) * 1000;
  await sleep(values.smoke ? 0 : 5000);
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  const megabytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  const measured = { ms, cpuMs, mb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') };
  await daemon.stop();
  return measured;
}

// Writes the snapshot: an orderly end does.
await measure((place) => pharos(place, `--snapshot=${snapshot}`), 'pharos');
await until('the snapshot', 10_000, () => (existsSync(snapshot) ? true : undefined));

const row = (...cells: readonly string[]): string => cells.map((cell) => cell.padStart(14)).join('');
const figures = ({ ms, cpuMs, mb, peakMb }: Measured): string[] =>
  [ms, cpuMs, mb, peakMb].map((figure) => figure.toFixed(0));
const head = ['from', 'answers, ms', 'CPU, ms', 'RSS, MB', 'peak, MB'];
console.log(`${size.services} services, ${size.rounds} rounds\n`);
console.log(row('round', ...head));
const rounds = new Map(contestants.map(({ name }): [string, Measured[]] => [name, []]));
for (let round = 1; round <= size.rounds; round++) {
  for (const { name, command } of contestants) {
    const measured = await measure(command, name);
    rounds.get(name)!.push(measured);
    console.log(row(String(round), name, ...figures(measured)));
  }
}
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
console.log(`\n${row('median', ...head)}`);
for (const [name, all] of rounds) {
  const of = (figure: keyof Measured): number => median(all.map((each) => each[figure]));
  console.log(
    row('', name, ...figures({ ms: of('ms'), cpuMs: of('cpuMs'), mb: of('mb'), peakMb: of('peakMb') })),
  );
}
