/**
 * `npm run bench`: queries per second, processor time per query and latency of `pharos dns`, beside CoreDNS (`file` and
 * `cache`; `kubernetes { multicluster }` and `cache` on a real API server), Knot, NSD and dns2.
 *
 * All servers hold the same names, have one core (two workers: two), and are asked by dnsperf from another. They
 * take turns, round by round, since a machine's speed drifts: compare within a round, and trust the ratios more than
 * the figures. Rounds are many and short for that; all of it takes less than ten minutes on two idle cores.
 *
 * A server that is not busy all the time waited for the load: then dnsperf is what was measured, and the ratio of
 * processor time, which is told beside, is nearer to what the server could do.
 *
 *   npm run bench -- [--seconds N] [--rounds N] [--names N] [--only pharos-1,knot] [--loads a,mixed] [--smoke]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openLab } from '../lab/lab.ts';
import { requirePackages } from '../lab/packages.ts';
import { cpuSeconds } from './support/cpu-time.ts';
import { contestants, type RunningServer, startServer, whyAbsent } from './support/dns-servers.ts';
import { latencies, type LoadResult, runDnsperf } from './support/dnsperf.ts';
import { type Load, loads, takesPart } from './support/loads.ts';
import { populate } from './support/populate.ts';
import { type Asked, benchServices, manifestOf, queriesOf, zoneFileOf } from './support/services.ts';
import { targets } from './support/targets.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    names: { type: 'string', default: '10000' },
    only: { type: 'string' },
    loads: { type: 'string' },
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

/** Those of a list that were asked for by name. */
function chosen<T extends { readonly name: string }>(
  option: 'only' | 'loads',
  all: readonly T[],
): readonly T[] {
  const names = values[option]?.split(',');
  const unknown = names?.filter((name) => all.every((each) => each.name !== name)) ?? [];
  if (unknown.length > 0) {
    console.error(
      `bench: --${option}: there is no ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`,
    );
    process.exit(2);
  }
  return names === undefined ? all : all.filter(({ name }) => names.includes(name));
}
const wanted = chosen('only', contestants);
const wantedLoads = chosen('loads', loads);

const missing = await requirePackages(['dnsperf']);
if (missing !== undefined) {
  console.error(`bench: ${missing}`);
  process.exit(1);
}

const cores = availableParallelism();
const LOAD_CORE = cores - 1;
if (cores < 2) console.error('bench: this machine has one core: servers and load share it');
if (cores < 3)
  console.error('bench: with fewer than three cores, a server with two workers shares one with the load');

await using lab = await openLab({ name: 'bench-dns' });
const services = benchServices(size.names);
const data = join(lab.dir, 'data');
await mkdir(join(data, 'manifests'), { recursive: true });
await writeFile(join(data, 'zone'), zoneFileOf(services));
await writeFile(join(data, 'manifests/services.json'), manifestOf(services));
const queriesAt = (asked: Asked): string => join(data, `${asked}.queries`);
for (const asked of new Set(wantedLoads.map((load) => load.asked))) {
  await writeFile(queriesAt(asked), queriesOf(services, asked));
}

let kubeconfig: string | undefined;
if (wanted.some(({ name }) => name === 'coredns-k8s')) {
  console.error('bench: starting an API server with the same services…');
  const api = await lab.api('member');
  await populate(api, services);
  ({ kubeconfig } = api);
}

const servers: RunningServer[] = [];
const last = services.findLast(({ headless }) => !headless)!;
const question = {
  name: `${last.name}.${last.namespace}.svc.clusterset.local`,
  address: last.addresses[0]!,
};
for (const contestant of wanted) {
  const reason = await whyAbsent(contestant);
  if (reason !== undefined) {
    console.error(`bench: without ${contestant.name}: ${reason}`);
    continue;
  }
  console.error(`bench: starting ${contestant.name}…`);
  const dir = join(lab.dir, contestant.name);
  servers.push(await startServer(contestant, question, { lab: lab.id, dir, data, kubeconfig }));
}

interface Measured extends LoadResult {
  /** Microseconds of processor time per query. */
  readonly cpu: number;
  /** The share of one core that the server used. */
  readonly busy: number;
}

/**
 * While the others had their turns a cache has lost all to the TTL: it has everything again when a turn is measured.
 * More names than it holds leave it as it is.
 */
async function warmUp({ port }: RunningServer, load: Load): Promise<void> {
  if (load.asked === 'nxdomain' || load.asked === 'mixed') return;
  await runDnsperf({ port, queries: queriesAt(load.asked), core: LOAD_CORE, ...load.how, limit: 'once' });
}

async function measure({ port, pid }: RunningServer, load: Load): Promise<Measured> {
  if (load.changing === true) process.kill(pid, 'SIGUSR2');
  const before = await cpuSeconds(pid);
  const options = { port, queries: queriesAt(load.asked), core: LOAD_CORE, ...load.how };
  const result = await runDnsperf({ ...options, limit: size.seconds });
  const used = (await cpuSeconds(pid)) - before;
  if (load.changing === true) process.kill(pid, 'SIGUSR2');
  const cpu = (used / result.completed) * 1e6;
  return { ...result, cpu, busy: (cpu * result.queriesPerSecond) / 1e6 };
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
};
const row = (...cells: readonly (string | number)[]): string =>
  cells.map((cell) => String(cell).padStart(15)).join('');

/** `server load` → its rounds. */
const rates = new Map<string, number[]>();
const costs = new Map<string, number[]>();
const tails = new Map<string, number[]>();
const note = (into: Map<string, number[]>, key: string, value: number): void => {
  const known = into.get(key);
  if (known === undefined) into.set(key, [value]);
  else known.push(value);
};
let bad = false;

console.log(`${size.names} names, ${size.rounds} rounds of ${size.seconds} s, load on core ${LOAD_CORE}`);
for (const load of wantedLoads) {
  const partners = servers.filter(({ contestant }) => takesPart(contestant, load));
  if (partners.length === 0) continue;
  const results = new Map<RunningServer, Measured[]>(partners.map((server) => [server, []]));
  // The first passes fill caches, and compilers see what there is to compile.
  for (const { port } of partners) {
    const options = { port, queries: queriesAt(load.asked), core: LOAD_CORE, ...load.how };
    await runDnsperf({ ...options, limit: 'once' });
    await runDnsperf({ ...options, limit: 1 });
  }
  for (let round = 0; round < size.rounds; round++) {
    for (const server of partners) {
      await warmUp(server, load);
      const measured = await measure(server, load);
      results.get(server)!.push(measured);
      note(rates, `${server.name} ${load.name}`, measured.queriesPerSecond);
      note(costs, `${server.name} ${load.name}`, measured.cpu);
    }
  }
  console.log(`\n${load.name}`);
  console.log(row('median', 'queries/s', 'CPU us/query', 'busy', 'lost', 'failed', 'to CoreDNS', 'to Knot'));
  for (const [server, measured] of results) {
    const sum = (key: 'lost' | 'failed'): number => measured.reduce((total, each) => total + each[key], 0);
    const to = (other: string): string =>
      ratio(rates, [server.name, load.name], [other, load.name])?.toFixed(2) ?? '-';
    const rate = median(measured.map(({ queriesPerSecond }) => queriesPerSecond));
    const cpu = median(measured.map(({ cpu }) => cpu));
    console.log(
      row(
        server.name,
        rate.toFixed(0),
        cpu.toFixed(1),
        `${(100 * median(measured.map(({ busy }) => busy))).toFixed(0)} %`,
        sum('lost'),
        sum('failed'),
        to('coredns'),
        to('knot'),
      ),
    );
    if (server.name.startsWith('pharos') && sum('lost') + sum('failed') > 0) bad = true;
  }
}

if (wantedLoads.some(({ name }) => name === 'a')) {
  console.log('\nlatency at half of the load that each can take, a');
  console.log(row('median', 'queries/s', 'p50 us', 'p99 us'));
  const scratch = join(lab.dir, 'latencies');
  const partners = servers.filter(({ contestant: { basic, changes } }) => basic !== true && changes !== true);
  for (let round = 0; round < size.rounds; round++) {
    for (const { name, port } of partners) {
      const rate = median(rates.get(`${name} a`)!) / 2;
      const options = { port, queries: queriesAt('a'), core: LOAD_CORE, limit: size.seconds, rate };
      const { p50, p99 } = await latencies(options, scratch);
      note(tails, `${name} p50`, p50);
      note(tails, `${name} a`, p99);
      // Lines of megabytes were written: let the disk be done with them.
      await sleep(100);
    }
  }
  for (const { name } of partners) {
    const rate = median(rates.get(`${name} a`)!) / 2;
    const [p50, p99] = [median(tails.get(`${name} p50`)!), median(tails.get(`${name} a`)!)];
    console.log(row(name, rate.toFixed(0), p50.toFixed(0), p99.toFixed(0)));
  }
}

/** The median of the ratios, round by round, so that a slow moment of the machine is in both numbers. */
function ratio(
  of: ReadonlyMap<string, readonly number[]>,
  over: readonly [string, string],
  under: readonly [string, string],
): number | undefined {
  const [a, b] = [of.get(over.join(' ')), of.get(under.join(' '))];
  if (a === undefined || b === undefined) return undefined;
  return median(a.slice(0, b.length).map((value, round) => value / b[round]!));
}

console.log('\ntargets');
for (const { what, of, over, under, atLeast, atMost } of targets) {
  const reached = ratio(of === 'rate' ? rates : tails, over, under);
  if (reached === undefined) continue;
  const good = atLeast !== undefined ? reached >= atLeast : reached <= atMost!;
  const bound = atLeast !== undefined ? `>= ${atLeast}` : `<= ${atMost}`;
  // What one query costs the other, over what it costs this one.
  const cheaper = of === 'rate' ? ratio(costs, under, over) : undefined;
  const beside = cheaper === undefined ? '' : `, by processor time ${cheaper.toFixed(2)}`;
  console.log(`  ${what}: ${reached.toFixed(2)} (${bound}) ${good ? 'reached' : 'NOT reached'}${beside}`);
}
await Promise.all(servers.map((server) => server.stop()));
if (bad) {
  console.error('bench: pharos left queries without a good answer');
  process.exitCode = 1;
}
