/**
 * `npm run docs`: writes the pages of docs/reference that are lists of what the code says of itself, flags
 * and metrics. With --check it writes nothing and exits with 1 where a page is not up to date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parseClusterId } from '../src/api/identity.ts';
import { parseRedisUrl } from '../src/api/redis-url.ts';
import { electionMetrics } from '../src/commands/election-metrics.ts';
import { publisherMetrics, redisMetrics } from '../src/commands/redis-metrics.ts';
import { Propagation, propagationMetric } from '../src/commands/propagation.ts';
import { storeMetrics } from '../src/commands/store-metrics.ts';
import { snapshotMetrics } from '../src/commands/snapshot-metrics.ts';
import { transferMetric } from '../src/commands/dns-secondaries.ts';
import { zoneMetrics } from '../src/commands/zone-metrics.ts';
import { type CommandSpec, type Flag, variableOf } from '../src/config/flag.ts';
import { CHECK_GROUPS } from '../src/config/check-groups.ts';
import { specs } from '../src/config/specs/specs.ts';
import { Agent } from '../src/discovery/agent.ts';
import { agentMetrics } from '../src/discovery/metrics.ts';
import { groupOf } from '../src/diagnosis/check.ts';
import { checks } from '../src/diagnosis/checks.ts';
import { Counters } from '../src/dns/counters.ts';
import { dnsMetrics } from '../src/dns/metrics.ts';
import { WireCache } from '../src/dns/wire-cache.ts';
import { silentLog } from '../src/observability/log.ts';
import type { MetricSource } from '../src/observability/metric-source.ts';
import { NO_SERVICES } from '../src/routing/service-rules.ts';
import { type RouteAgentStatus, routeAgentMetrics } from '../src/routing/metrics.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { LeaderElection } from '../src/runtime/lease.ts';
import { gatewayMetrics } from '../src/tunnel/metrics.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { RedisPublisher } from '../src/store/redis-publisher.ts';
import { RedisStore } from '../src/store/redis.ts';
import { Zone } from '../src/zone/zone.ts';

/** Everything that some process has at /metrics, beside what every Node.js process has: process → metrics. */
export async function everyMetric(): Promise<ReadonlyMap<string, readonly MetricSource[]>> {
  const store = new MemoryStore({ location: 'memory', clock: systemClock });
  const common = { clock: systemClock, random: Math.random, log: silentLog };
  await using agent = new Agent({
    ...common,
    cluster: parseClusterId('west'),
    member: store,
    broker: store,
    brokerNamespace: 'pharos-broker',
    endpoints: 'service',
  });
  const election = new LeaderElection({ ...common, store, namespace: 'a', name: 'b', identity: 'c' });
  const zone = new Zone();
  const fromRedis = { ...common, url: parseRedisUrl('redis://redis'), cluster: 'west', resolvePath: String };
  const redis = new RedisStore(fromRedis);
  const publisher = new RedisPublisher({ ...fromRedis, store, sources: [], epoch: 0 });
  const cache = new WireCache(zone, { entries: 1, bytes: 1 });
  const counters = { failovers: 0, repairs: 0, failures: 0 };
  const gateway = { leads: false, refused: [], tunnels: { connections: [], counters } };
  return new Map([
    [
      'pharos dns',
      [
        ...dnsMetrics({ counters: new Counters(), cache }),
        ...zoneMetrics(zone),
        propagationMetric(new Propagation(systemClock)),
        transferMetric({ counts: { whole: 0, steps: 0, nothing: 0, refused: 0 } }),
        ...storeMetrics({}),
        ...redisMetrics(redis.counters),
        ...snapshotMetrics({ writes: 0, failures: 0, savedAt: 0, bytes: 0 }),
      ],
    ],
    [
      'pharos agent',
      [
        ...agentMetrics(agent),
        ...electionMetrics(election),
        ...storeMetrics({}),
        ...publisherMetrics(publisher),
      ],
    ],
    ['pharos route-agent', [...routeAgentMetrics(idleRouteAgent), ...storeMetrics({})]],
    ['pharos gateway', [...gatewayMetrics(gateway), ...storeMetrics({})]],
  ]);
}

/** One that runs would look at this machine's kernel. */
const idleRouteAgent: RouteAgentStatus = {
  plan: undefined,
  verdicts: new Map(),
  refused: [],
  repairs: new Map(),
  failovers: 0,
  reconciliations: { succeeded: 0, failed: 0 },
  services: { state: NO_SERVICES, refused: new Map(), repairs: 0, forgotten: 0 },
};

const GENERATED = '<!-- Written by `npm run docs` from the source; edit that. -->';

function cliPage(): string {
  const commands = specs.map((spec) => [
    `## pharos ${spec.name}`,
    `${sentence(spec.summary)} ${spec.description}`,
    ['```sh', `pharos ${usage(spec)}`, '```'].join('\n'),
    `For example, this ${spec.example.effect}:`,
    ['```sh', spec.example.command, '```'].join('\n'),
    table(
      ['flag', 'variable', 'default', 'meaning'],
      Object.entries(spec.flags).map(([name, flag]) => [
        `\`${flagText(name, flag)}\``,
        `\`${variableOf(name)}\``,
        defaultText(flag),
        sentence(flag.help),
      ]),
    ),
  ]);
  return page(
    '# Commands and flags',
    'A flag beats its variable, the variable beats the file of `--config` (YAML, with the same names), the file ' +
      'beats the default. A flag that may be given again is a list in the file, and has commas in the variable. ' +
      'A switch is turned off again by `--no-` before its name. `--help` prints each command’s flags, `--version` the version.',
    'Data goes to stdout, all else to stderr, the log of long-running processes included. Exit status: 0 done, ' +
      '1 failed, 2 wrong usage. SIGTERM and SIGINT end a process in order, with 0, within 5 s; a second one at once.',
    ...commands.flat(),
  );
}

async function metricsPage(): Promise<string> {
  const parts = [...(await everyMetric())].flatMap(([process, metrics]) => [
    `## ${process}`,
    table(
      ['metric', 'type', 'labels', 'meaning'],
      metrics.map((metric) => [
        `\`${metric.name}\``,
        metric.type,
        ('labels' in metric ? (metric.labels ?? []) : []).map((label) => `\`${label}\``).join(', '),
        metric.help,
      ]),
    ),
  ]);
  return page(
    '# Metrics',
    'At `/metrics` on `--metrics-listen`, in the text format of Prometheus, beside `/healthz` (alive) and ' +
      '`/readyz` (ready, or why not). Every process also has the `process_*` and `nodejs_*` metrics of its runtime. ' +
      'The playground has those of all its clusters at `--http-listen`, told apart by the label `cluster`, without histograms.',
    ...parts,
  );
}

function checksPage(): string {
  const groups = CHECK_GROUPS.flatMap((group) => {
    const ofGroup = checks.filter((check) => groupOf(check) === group);
    return ofGroup.length === 0
      ? []
      : [
          `## ${group}`,
          ...ofGroup.flatMap(({ id, proves, how, mend, docs }) => [
            `### ${id}`,
            table(
              ['', ''],
              [
                ['proves', sentence(proves)],
                ['how', how],
                ['mend', `${mend} [More](${relative('docs/reference', docs)})`],
              ],
            ),
          ]),
        ];
  });
  return page(
    '# Checks of `pharos diagnose`',
    'Each is run by itself and ends as `ok`, `failed` with reasons, `skipped` where there is nothing to check, or ' +
      '`unknown` where it can not be found out from where the command runs. `--group` and `--only` choose, `--skip` ' +
      'leaves out. [How to read them](../how-to/find-out-what-is-wrong.md).',
    ...groups,
  );
}

const page = (title: string, ...parts: readonly string[]): string =>
  [title, GENERATED, ...parts.filter((part) => part !== '')].join('\n\n');

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}.`.replaceAll('<', '&lt;');

function usage({ name, operands, flags }: CommandSpec): string {
  const names = Object.values(operands).map(({ placeholder, required }) =>
    required ? ` ${placeholder}` : ` [${placeholder}]`,
  );
  return name + (Object.keys(flags).length > 0 ? ' [flags]' : '') + names.join('');
}

function flagText(name: string, flag: Flag): string {
  const letter = flag.form === 'value' && flag.short !== undefined ? `-${flag.short}, ` : '';
  return `${letter}--${name}${flag.form === 'switch' ? '' : ` ${flag.placeholder}`}`;
}

function defaultText(flag: Flag): string {
  if (flag.form === 'switch') return flag.default === undefined ? 'off' : 'on';
  const text = flag.form === 'list' ? flag.default.join(', ') : flag.default;
  return text === undefined || text === '' ? '' : `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const root = join(import.meta.dirname, '..');

/** @returns the generated pages: path → what should stand there */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  for (const [name, text] of [
    ['cli.md', cliPage()],
    ['metrics.md', await metricsPage()],
    ['checks.md', checksPage()],
  ] as const) {
    const path = join(root, 'docs/reference', name);
    pages.set(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
  }
  return pages;
}

if (import.meta.main) {
  const isCheck = process.argv.includes('--check');
  for (const [path, text] of await referencePages()) {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    if (isCheck) {
      console.error(`${relative(root, path)} is not what the code says; run: npm run docs`);
      process.exitCode = 1;
    } else writeFileSync(path, text);
  }
}
