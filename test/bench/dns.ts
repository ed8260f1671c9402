/**
 * `npm run bench`: queries per second and processor time per query of `pharos dns`, beside CoreDNS (`file` and
 * `cache`) and, where they are installed, Knot and NSD.
 *
 * All servers hold the same names, have one core, and are asked by dnsperf from another. They
 * take turns, round by round, since a machine's speed drifts: compare within a round, and
 * trust the ratios more than the figures.
 *
 *   npm run bench -- [--seconds N] [--rounds N] [--names N] [--only pharos,coredns] [--smoke]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLab } from '../lab/lab.ts';
import { requirePackages } from '../lab/packages.ts';
import { cpuSeconds } from './support/cpu-time.ts';
import { contestants, type RunningServer, startServer, whyAbsent } from './support/dns-servers.ts';
import { type LoadResult, runDnsperf } from './support/dnsperf.ts';
import { benchServices, manifestOf, queriesOf, zoneFileOf } from './support/services.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    names: { type: 'string', default: '10000' },
    only: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
});
const size = values.smoke
  ? { seconds: 1, rounds: 1, names: 100 }
  : { seconds: Number(values.seconds), rounds: Number(values.rounds), names: Number(values.names) };
for (const [option, value] of Object.entries(size)) {
  if (Number.isInteger(value) && value > 0) continue;
  console.error(
    `bench: --${option} must be a whole number from 1; for example: npm run bench -- --${option} 5`,
  );
  process.exit(2);
}
const missing = await requirePackages(['dnsperf']);
if (missing !== undefined) {
  console.error(`bench: ${missing}`);
  process.exit(1);
}

const SERVER_CORE = 0;
const LOAD_CORE = availableParallelism() > 1 ? 1 : 0;
if (LOAD_CORE === SERVER_CORE) console.error('bench: this machine has one core: servers and load share it');

await using lab = await openLab({ name: 'bench-dns' });
const services = benchServices(size.names);
const data = join(lab.dir, 'data');
await mkdir(join(data, 'manifests'), { recursive: true });
const queries = join(data, 'queries');
await Promise.all([
  writeFile(queries, queriesOf(services)),
  writeFile(join(data, 'zone'), zoneFileOf(services)),
  writeFile(join(data, 'manifests/services.json'), manifestOf(services)),
]);

const wanted = values.only?.split(',');
const servers: RunningServer[] = [];
const last = services.at(-1)!;
const question = { name: `${last.name}.${last.namespace}.svc.clusterset.local`, address: last.address };
for (const contestant of contestants) {
  if (wanted !== undefined && !wanted.includes(contestant.name)) continue;
  const reason = await whyAbsent(contestant);
  if (reason !== undefined) {
    console.error(`bench: without ${contestant.name}: ${reason}`);
    continue;
  }
  console.error(`bench: starting ${contestant.name}…`);
  const dir = join(lab.dir, contestant.name);
  servers.push(await startServer(contestant, SERVER_CORE, question, { lab: lab.id, dir, data }));
}

interface Measured extends LoadResult {
  /** Microseconds of processor time per query. */
  readonly cpu: number;
}

async function measure({ port, pid }: RunningServer): Promise<Measured> {
  const before = await cpuSeconds(pid);
  const result = await runDnsperf({ port, queries, core: LOAD_CORE, limit: size.seconds });
  const used = (await cpuSeconds(pid)) - before;
  return { ...result, cpu: (used / result.completed) * 1e6 };
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
};
const row = (...cells: readonly string[]): string => cells.map((cell) => cell.padStart(14)).join('');

// Server → its rounds. The first pass over all names fills caches, and compilers see what there is to compile.
const rounds = new Map<RunningServer, Measured[]>(servers.map((server) => [server, []]));
for (const { port } of servers) {
  await runDnsperf({ port, queries, core: LOAD_CORE, limit: 'once' });
  await runDnsperf({ port, queries, core: LOAD_CORE, limit: Math.min(size.seconds, 3) });
}
console.log(
  `${size.names} names, ${size.rounds} rounds of ${size.seconds} s, one core each for server and load\n`,
);
console.log(row('round', 'server', 'queries/s', 'CPU us/query', 'lost', 'failed'));
for (let round = 1; round <= size.rounds; round++) {
  for (const server of servers) {
    const measured = await measure(server);
    rounds.get(server)!.push(measured);
    const { queriesPerSecond, cpu, lost, failed } = measured;
    console.log(
      row(`${round}`, server.name, queriesPerSecond.toFixed(0), cpu.toFixed(1), `${lost}`, `${failed}`),
    );
  }
}

const coreDns = [...rounds].find(([{ name }]) => name === 'coredns')?.[1];
console.log(`\n${row('median', 'queries/s', 'CPU us/query', 'lost', 'failed', 'to CoreDNS')}`);
for (const [{ name }, measured] of rounds) {
  const sum = (key: 'lost' | 'failed'): number => measured.reduce((total, each) => total + each[key], 0);
  // Round by round, so that a slow moment of the machine is in both numbers.
  const ratios = measured.map(
    (each, round) => each.queriesPerSecond / (coreDns?.[round]?.queriesPerSecond ?? NaN),
  );
  console.log(
    row(
      name,
      median(measured.map(({ queriesPerSecond }) => queriesPerSecond)).toFixed(0),
      median(measured.map(({ cpu }) => cpu)).toFixed(1),
      `${sum('lost')}`,
      `${sum('failed')}`,
      coreDns === undefined ? '-' : `${median(ratios).toFixed(2)} x`,
    ),
  );
}
await Promise.all(servers.map((server) => server.stop()));
const own = [...rounds].find(([{ name }]) => name === 'pharos')?.[1] ?? [];
if (own.some(({ lost, failed }) => lost + failed > 0)) {
  console.error('bench: pharos left queries without a good answer');
  process.exitCode = 1;
}
