/**
 * `npm run bench:path`: what a pod sees through cluster DNS, and what that costs on the node. Four ways to the same
 * names, in one run: cluster DNS (CoreDNS) forwards to CoreDNS with `file`, as Lighthouse is deployed; it forwards to
 * Pharos; it has Pharos's plugin; and it has the names itself, in `file` behind `cache`.
 *
 * All processes of a way share one core, and their processor time is summed; dnsperf asks from another core. The ways
 * take turns, round by round, since a machine's speed drifts. Latency is measured at half the rate that `forward` to
 * Pharos manages.
 *
 *   npm run bench:path -- [--seconds N] [--rounds N] [--names N] [--smoke]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBinaries } from '../lab/binaries.ts';
import { openLab } from '../lab/lab.ts';
import { requirePackages } from '../lab/packages.ts';
import { freePort } from '../lab/ports.ts';
import { Daemon } from '../lab/processes.ts';
import { GivenUp, until } from '../lab/wait.ts';
import { ask } from '../support/ask.ts';
import { cpuSeconds } from './support/cpu-time.ts';
import { latencies, runDnsperf } from './support/dnsperf.ts';
import { benchServices, manifestOf, queriesOf, zoneFileOf } from './support/services.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    names: { type: 'string', default: '10000' },
    smoke: { type: 'boolean', default: false },
  },
});
const size = values.smoke
  ? { seconds: 1, rounds: 1, names: 100 }
  : { seconds: Number(values.seconds), rounds: Number(values.rounds), names: Number(values.names) };
for (const [option, value] of Object.entries(size)) {
  if (Number.isInteger(value) && value > 0) continue;
  console.error(
    `bench:path: --${option} must be a whole number from 1; for example: npm run bench:path -- --${option} 5`,
  );
  process.exit(2);
}
const missing = await requirePackages(['dnsperf']);
if (missing !== undefined) {
  console.error(`bench:path: ${missing}`);
  process.exit(1);
}

const SERVER_CORE = 0;
const LOAD_CORE = availableParallelism() > 1 ? 1 : 0;
if (LOAD_CORE === SERVER_CORE) {
  console.error('bench:path: this machine has one core: servers and load share it');
}

await using lab = await openLab({ name: 'bench-path' });
const binaries = await ensureBinaries(['coredns', 'coredns-pharos']);
const services = benchServices(size.names);
const data = join(lab.dir, 'data');
const queries = join(data, 'queries');
const latencyFile = join(data, 'latencies');
await mkdir(join(data, 'manifests'), { recursive: true });
await Promise.all([
  writeFile(queries, queriesOf(services, 'a')),
  writeFile(join(data, 'zone'), zoneFileOf(services)),
  writeFile(join(data, 'manifests/services.json'), manifestOf(services)),
]);

/** A process that answers on a port. */
interface Part {
  readonly port: number;
  readonly daemon: Daemon;
}

async function start(name: string, port: number, words: readonly string[]): Promise<Part> {
  const daemon = new Daemon('taskset', ['-c', String(SERVER_CORE), ...words], name, {
    lab: lab.id,
    logFile: join(lab.dir, `${name}.log`),
    cwd: lab.dir,
  });
  const [first] = services;
  const wanted = `A ${first!.addresses[0]}`;
  await until(`${name} answers`, 60_000, async () => {
    if (!daemon.running) throw new GivenUp(`${name} has ended:\n${daemon.tail()}`);
    const server = { address: '127.0.0.1', port };
    const { answers } = await ask(
      server,
      `${first!.name}.${first!.namespace}.svc.clusterset.local`,
      'A',
      500,
    );
    if (!answers.includes(wanted)) throw new Error(`it answers ${answers.join(', ') || 'nothing'}`);
    return true;
  });
  return { port, daemon };
}

async function coreDns(name: string, plugins: string): Promise<Part> {
  const port = await freePort();
  const corefile = join(lab.dir, `${name}.corefile`);
  await writeFile(corefile, `clusterset.local:${port} {\n  bind 127.0.0.1\n${plugins}\n}\n`);
  const binary = plugins.includes('pharos ') ? binaries['coredns-pharos'] : binaries.coredns;
  return start(name, port, [binary, '-conf', corefile]);
}

async function pharosDns(name: string): Promise<Part> {
  const port = await freePort();
  return start(name, port, [
    process.execPath,
    join(import.meta.dirname, '../../src/cli.ts'),
    'dns',
    '--cluster-id=east',
    `--store=directory:${join(data, 'manifests')}`,
    `--listen=127.0.0.1:${port}`,
    `--metrics-listen=127.0.0.1:${await freePort()}`,
    '--trust-proxy=127.0.0.1',
    '--log-level=warn',
  ]);
}

interface Way {
  readonly name: string;
  /** What pods ask. */
  readonly front: Part;
  readonly behind: readonly Part[];
}

const zone = `  file ${join(data, 'zone')}`;
// Room for every name: the cache's usual size is 9984 answers.
const ownNames = `${zone}\n  cache {\n    success 65536\n  }`;

async function way(name: string, plugins: (port: number) => string, behind?: Part): Promise<Way> {
  return {
    name,
    front: await coreDns(name, plugins(behind?.port ?? 0)),
    behind: behind === undefined ? [] : [behind],
  };
}

console.error('bench:path: starting the servers…');
const forward = (port: number): string => `  forward . 127.0.0.1:${port}`;
const ways = [
  await way('forward-file', forward, await coreDns('file', zone)),
  await way('forward-pharos', forward, await pharosDns('pharos-forward')),
  await way('shim-pharos', (port) => `  pharos 127.0.0.1:${port}`, await pharosDns('pharos-shim')),
  await way('file-cache', () => ownNames),
] as const;

const cpuOf = async ({ front, behind }: Way): Promise<number> => {
  const used = await Promise.all([front, ...behind].map(({ daemon }) => cpuSeconds(daemon.pid)));
  return used.reduce((sum, each) => sum + each, 0);
};

interface Measured {
  readonly rate: number;
  /** Queries per second of processor time, of all processes on the way together. */
  readonly perCpu: number;
  readonly bad: number;
}

async function measure(of: Way): Promise<Measured> {
  const before = await cpuOf(of);
  const result = await runDnsperf({ port: of.front.port, queries, core: LOAD_CORE, limit: size.seconds });
  const used = Math.max((await cpuOf(of)) - before, 0.01);
  return {
    rate: result.queriesPerSecond,
    perCpu: result.completed / used,
    bad: result.lost + result.failed,
  };
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
};
const row = (...cells: readonly string[]): string => cells.map((cell) => cell.padStart(16)).join('');

// The first pass over all names fills caches, and compilers see what there is to compile.
for (const { front } of ways) {
  await runDnsperf({ port: front.port, queries, core: LOAD_CORE, limit: 'once' });
  await runDnsperf({ port: front.port, queries, core: LOAD_CORE, limit: Math.min(size.seconds, 3) });
}
console.log(`${size.names} names, ${size.rounds} rounds of ${size.seconds} s\n`);
console.log(row('round', 'way', 'queries/s', 'per CPU-second', 'p50 us', 'p99 us', 'lost or failed'));
const rounds = new Map<string, (Measured & { readonly p99: number })[]>();
for (let round = 1; round <= size.rounds; round++) {
  const measured = new Map<string, Measured>();
  for (const each of ways) measured.set(each.name, await measure(each));
  const rate = measured.get('forward-pharos')!.rate / 2;
  for (const { name, front } of ways) {
    const load = { port: front.port, queries, core: LOAD_CORE, limit: size.seconds, rate };
    const { p50, p99 } = await latencies(load, latencyFile);
    const now = measured.get(name)!;
    rounds.set(name, [...(rounds.get(name) ?? []), { ...now, p99 }]);
    const numbers = [now.rate, now.perCpu, p50, p99, now.bad].map((number) => number.toFixed(0));
    console.log(row(String(round), name, ...numbers));
  }
}

/** The median of the ratios, round by round, so that a slow moment of the machine is in both numbers. */
function ratio(of: 'perCpu' | 'p99', over: string, under: string): number {
  const below = rounds.get(under)!;
  return median(rounds.get(over)!.map((each, round) => each[of] / below[round]![of]));
}

console.log(`\n${row('median', 'queries/s', 'per CPU-second', 'p99 us')}`);
for (const [name, of] of rounds) {
  const numbers = (['rate', 'perCpu', 'p99'] as const).map((key) =>
    median(of.map((each) => each[key])).toFixed(0),
  );
  console.log(row(name, ...numbers));
}
const targets = [
  ['queries per CPU-second, shim to forward-file', ratio('perCpu', 'shim-pharos', 'forward-file'), '>=', 1.8],
  ['queries per CPU-second, shim to file-cache', ratio('perCpu', 'shim-pharos', 'file-cache'), '>=', 0.85],
  ['p99 at half load, shim to forward-pharos', ratio('p99', 'shim-pharos', 'forward-pharos'), '<=', 1],
] as const;
console.log('');
for (const [what, reached, comparison, wanted] of targets) {
  const met = comparison === '>=' ? reached >= wanted : reached <= wanted;
  console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${reached.toFixed(2)}, wanted ${comparison} ${wanted}`);
  if (!met && !values.smoke) process.exitCode = 1;
}
await Promise.all(ways.flatMap(({ front, behind }) => [front, ...behind]).map(({ daemon }) => daemon.stop()));
const bad = [...rounds].filter(([, of]) => of.some((each) => each.bad > 0)).map(([name]) => name);
if (bad.length > 0) {
  console.error(`bench:path: queries without a good answer: ${bad.join(', ')}`);
  process.exitCode = 1;
}
