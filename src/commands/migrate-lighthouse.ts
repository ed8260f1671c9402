import type { Values } from '../config/flag.ts';
import type { migrateLighthouseSpec } from '../config/specs/migrate-lighthouse.ts';
import { applyDnsChanges, type DnsChange, placeOf, untilRestarted } from '../membership/dns-change.ts';
import { adopt, readRecords } from '../membership/lighthouse/adopt.ts';
import { compareAnswers } from '../membership/lighthouse/compare.ts';
import { type LighthouseFacts, readLighthouse } from '../membership/lighthouse/facts.ts';
import { type Migration, planMigration } from '../membership/lighthouse/plan-migration.ts';
import { systemClock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Context, Run } from './command.ts';
import { joinedBroker } from './open-broker-of.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

type MigrateValues = Values<typeof migrateLighthouseSpec>;

export const runMigrateLighthouse: Run<typeof migrateLighthouseSpec> = async (values, context) => {
  const { stdout, stderr } = context;
  using member = await openCluster(values.kubeconfig, context);
  const facts = await readLighthouse(member.store);
  const migration = planMigration(
    facts,
    facts.pharosCluster === undefined ? undefined : await recordsOf(member.store, context),
  );
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const patience = { clock: systemClock, timeoutMs: values.timeout * 1000, onProgress: say };
  const write = async (changes: readonly DnsChange[]): Promise<void> => {
    if (values.dryRun) return void stdout.write(changes.map(printed).join(''));
    await applyDnsChanges(member.store, changes, { backup: true });
    await untilRestarted(member.store, changes, patience);
  };
  switch (values.step) {
    case 'report':
      stdout.write(report(facts, migration));
      return 'done';
    case 'take-over':
      expectNothingInTheWay('take over', migration.blockers);
      await expectSameAnswers(facts, migration, values, say);
      await write(migration.takeOver);
      say(
        'cluster DNS forwards to Pharos as soon as it reads its configuration again; back: --step undo; on: --step finish',
      );
      return 'done';
    case 'undo':
      await write(migration.undo);
      say('cluster DNS forwards to Lighthouse as soon as it reads its configuration again');
      return 'done';
    case 'finish':
      expectNothingInTheWay('finish', [...migration.blockers, ...migration.finishBlockers]);
      if (!values.dryRun) await adopt(member.store, facts, patience);
      await write(migration.finish);
      say('nothing here depends on Lighthouse any more: Submariner’s service discovery can be removed');
      return 'done';
    default:
      return values.step satisfies never;
  }
};

function expectNothingInTheWay(what: string, blockers: readonly string[]): void {
  if (blockers.length > 0) throw new UserError(`Cannot ${what}: ${blockers.join('; ')}`);
}

async function recordsOf(
  member: ObjectStore,
  context: Context,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  using broker = await joinedBroker(member, context);
  return await readRecords(broker.store, broker.namespace);
}

/** @throws UserError with every name that a pod would miss, or find elsewhere */
async function expectSameAnswers(
  { servers }: LighthouseFacts,
  { questions, state }: Migration,
  { lighthouseServer, pharosServer, acceptDifferences }: MigrateValues,
  say: (line: string) => void,
): Promise<void> {
  if (state === 'taken-over') return;
  const lighthouse = lighthouseServer ?? servers.lighthouse[0];
  const pharos = pharosServer ?? servers.pharos[0];
  if (lighthouse === undefined || pharos === undefined) {
    throw new UserError(
      'Cannot compare answers: name the DNS servers by --lighthouse-server and --pharos-server',
    );
  }
  const compared = await compareAnswers(questions, { lighthouse, pharos });
  const problems: string[] = [];
  for (const { question, verdict } of compared) {
    const what = `${question.name} ${question.type}`;
    if (verdict.is === 'missing')
      problems.push(`${what}: Lighthouse says ${verdict.lighthouse.join(' ')}, Pharos nothing`);
    if (verdict.is !== 'differs') continue;
    const line = `${what}: Lighthouse says ${verdict.lighthouse.join(' ')}, Pharos ${verdict.pharos.join(' ')}`;
    if (acceptDifferences) say(`accepted: ${line}`);
    else problems.push(`${line} (--accept-differences)`);
  }
  say(
    `asked ${lighthouse} and ${pharos} for ${compared.length} names and types: ${problems.length} problems`,
  );
  if (problems.length > 0) throw new UserError(`Cannot take over: ${problems.join('; ')}`);
}

const printed = (change: DnsChange): string => `# ${placeOf(change)}:\n${change.after ?? ''}`;

const STATES = {
  absent: 'nothing of Lighthouse is here',
  serving: 'Lighthouse answers',
  'taken-over': 'Pharos answers in the place of Lighthouse',
} as const satisfies Record<Migration['state'], string>;

/** For people, in the order in which they need it. */
function report(facts: LighthouseFacts, migration: Migration): string {
  const { discovery, servers, exports, imports, slices, replicas } = facts;
  const list = (texts: readonly string[]): string => (texts.length === 0 ? 'none' : texts.join(', '));
  const running = (count: number | undefined): string => (count === undefined ? 'absent' : `${count} wanted`);
  const bullets = (texts: readonly string[]): string[] => texts.map((text) => `  - ${text}`);
  return [
    `${facts.location}: ${STATES[migration.state]}`,
    ...(discovery === undefined
      ? []
      : [`Lighthouse: cluster "${discovery.clusterId}" of broker ${discovery.broker}`]),
    `Pharos: ${facts.pharosCluster === undefined ? 'no member' : `cluster "${facts.pharosCluster}"`}`,
    `Submariner’s operator: ${running(replicas.operator)}; Lighthouse’s agent: ${running(replicas.agent)}`,
    `DNS servers: Lighthouse ${list(servers.lighthouse)}; Pharos ${list(servers.pharos)}`,
    `exports: ${list(exports)}`,
    `imports of Lighthouse: ${list(imports.map(({ namespace, name, type, clusters }) => `${namespace}/${name} (${type}, of ${clusters.join(' ')})`))}`,
    `EndpointSlices of Lighthouse: ${slices.length}`,
    `cluster DNS: ${list([...new Set([...migration.takeOver, ...migration.undo].map(placeOf))])}`,
    ...(migration.blockers.length === 0
      ? ['Pharos can take over: --step take-over']
      : ['in the way of taking over:', ...bullets(migration.blockers)]),
    ...(migration.state !== 'taken-over' || migration.finishBlockers.length === 0
      ? []
      : ['in the way of finishing:', ...bullets(migration.finishBlockers)]),
    '',
  ].join('\n');
}
