/**
 * `npm run bench:start`: how long a DNS server of 10,000 services takes from its start to an answer for the last of
 * them, what it takes of processor time and memory, and how soon a change of one service is in the answers.
 *
 * Three of them, on one real API server: `pharos dns` of the built package from a snapshot, with the API server
 * there but not waited for; `pharos dns` from the API server; CoreDNS's in-tree `kubernetes { multicluster }` from the
 * same. They take turns, since a machine's speed drifts. A server starts with nothing of the last one's in memory but
 * what the system keeps of files; the clock runs from the moment before the process is made.
 *
 *   npm run bench:start -- [--services N] [--endpoints N] [--rounds N] [--changes N] [--smoke]
 *
 * `--endpoints` are all of headless services, 500 each: each endpoint has a name of its own. What was measured is
 * printed beside what is wanted, which depends on whether there are any.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kinds } from '../../src/api/kinds.ts';
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
import { populate } from './support/populate.ts';
import { benchServices, headlessService, objectsOf } from './support/services.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    endpoints: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '5' },
    changes: { type: 'string', default: '100' },
    smoke: { type: 'boolean', default: false },
  },
});
const size = values.smoke
  ? { services: 50, endpoints: 500, rounds: 1, changes: 3 }
  : {
      services: Number(values.services),
      endpoints: Number(values.endpoints),
      rounds: Number(values.rounds),
      changes: Number(values.changes),
    };
for (const [option, value] of Object.entries(size)) {
  const least = option === 'endpoints' ? 0 : 1;
  if (Number.isInteger(value) && value >= least) continue;
  console.error(
    `bench: --${option} must be a whole number from ${least}; for example: npm run bench:start -- --${option} 5`,
  );
  process.exit(2);
}

/** Endpoints of each headless service. */
const PER_SERVICE = 500;
const root = join(import.meta.dirname, '../..');
console.error('bench: building the package…');
await must(process.execPath, [join(root, 'scripts/build.ts')]);
if (!existsSync(join(root, 'native/prebuilt')))
  await must(process.execPath, [join(root, 'native/build.mjs')]);

await using lab = await openLab({ name: 'bench-start' });
const api = await lab.api('east');
const services = benchServices(size.services).filter(({ headless }) => !headless);
const big = Array.from({ length: Math.ceil(size.endpoints / PER_SERVICE) }, (_, n) =>
  headlessService(n, PER_SERVICE),
);
const names = [
  ...services.map(({ name, namespace }) => `${name}.${namespace}.svc.clusterset.local`),
  ...big.flatMap((each) => each.names),
];
console.error(
  `bench: writing ${services.length} services and ${big.length * PER_SERVICE} endpoints to the API server…`,
);
await populate(api, services);
const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
for (const { objects } of big) {
  await store.apply(Kinds.ServiceImport, objects[0]);
  await store.apply(Kinds.EndpointSlice, objects[1]);
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
  /** The same when every name has been asked for. */
  readonly askedMb: number;
  readonly peakMb: number;
}

let starts = 0;

/** @param whileItRuns what else is measured, before it is stopped */
async function measure(
  command: (place: Place) => Promise<readonly string[]>,
  name: string,
  whileItRuns?: (at: { readonly address: string; readonly port: number }) => Promise<void>,
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
  const question = names.at(-1)!;
  const at = { address: '127.0.0.1', port: place.port };
  await until(
    `${name} answers`,
    120_000,
    async () => {
      if (!daemon.running) throw new GivenUp(`it has ended:\n${daemon.tail()}`);
      const { rcode, answers } = await ask(at, question, 'A', 25);
      if (answers.length > 0) return true;
      throw new Error(`${rcode}; its log says:\n${daemon.tail()}`);
    },
    1,
  );
  const ms = performance.now() - began;
  const cpuMs = (await cpuSeconds(daemon.pid)) * 1000;
  await sleep(values.smoke ? 0 : 5000);
  const megabytes = (field: string): number => {
    const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  };
  const mb = megabytes('VmRSS');
  await askAll(at);
  const measured = { ms, cpuMs, mb, askedMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') };
  await whileItRuns?.(at);
  await daemon.stop();
  return measured;
}

/** Asks for every name once, some at a time. */
async function askAll(at: { readonly address: string; readonly port: number }): Promise<void> {
  const left = names.values();
  const asking = async (): Promise<void> => {
    for (const name of left) await ask(at, name).catch(() => undefined);
  };
  await Promise.all(Array.from({ length: 16 }, asking));
}

/** From the moment that the API server has taken a change until an answer has it; milliseconds. */
async function changesSeen(at: { readonly address: string; readonly port: number }): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < size.changes; n++) {
    const service = services[n % services.length]!;
    const address = `10.250.${(n >> 8) & 255}.${n & 255}`;
    await store.apply(Kinds.ServiceImport, objectsOf({ ...service, addresses: [address] })[0]);
    const accepted = performance.now();
    const name = `${service.name}.${service.namespace}.svc.clusterset.local`;
    let seen: readonly string[] = [];
    do seen = (await ask(at, name).catch(() => undefined))?.answers ?? [];
    while (!seen.includes(`A ${address}`));
    times.push(performance.now() - accepted);
  }
  return times;
}

// Writes the snapshot: an orderly end does.
let changeTimes: number[] = [];
await measure(
  (place) => pharos(place, `--snapshot=${snapshot}`),
  'pharos',
  async (at) => {
    changeTimes = await changesSeen(at);
  },
);
await until('the snapshot', 10_000, () => (existsSync(snapshot) ? true : undefined));

const row = (...cells: readonly string[]): string => cells.map((cell) => cell.padStart(14)).join('');
const figures = ({ ms, cpuMs, mb, askedMb, peakMb }: Measured): string[] =>
  [ms, cpuMs, mb, askedMb, peakMb].map((figure) => figure.toFixed(0));
const head = ['from', 'answers, ms', 'CPU, ms', 'RSS, MB', 'all asked, MB', 'peak, MB'];
console.log(`${size.services} services, ${names.length} names, ${size.rounds} rounds\n`);
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
const medians = new Map<string, Measured>();
for (const [name, all] of rounds) {
  const of = (figure: keyof Measured): number => median(all.map((each) => each[figure]));
  const middle = {
    ms: of('ms'),
    cpuMs: of('cpuMs'),
    mb: of('mb'),
    askedMb: of('askedMb'),
    peakMb: of('peakMb'),
  };
  medians.set(name, middle);
  console.log(row('', name, ...figures(middle)));
}

const [limitMb, readyMs] = size.endpoints > 0 ? [300, undefined] : [150, 2500];
const wanted: readonly (readonly [what: string, figure: number, atMost: number | undefined, unit: string])[] =
  [
    ['ready from a snapshot', medians.get('snapshot')!.ms, readyMs && 500, 'ms'],
    ['ready from the API server', medians.get('pharos')!.ms, readyMs, 'ms'],
    ['resident, all names asked for', medians.get('pharos')!.askedMb, limitMb, 'MB'],
    ['a change, taken → answered, median', median(changeTimes), 5, 'ms'],
  ];
console.log('\ntargets');
for (const [what, figure, atMost, unit] of wanted) {
  const verdict =
    atMost === undefined ? '' : ` (<= ${atMost}) ${figure <= atMost ? 'reached' : 'NOT reached'}`;
  console.log(`  ${what}: ${figure.toFixed(1)} ${unit}${verdict}`);
}
store.close();
