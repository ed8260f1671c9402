/**
 * Agents as processes, two for one cluster: what they write while nothing happens, and what is left when
 * the one that leads is killed, or put to sleep, at any moment.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { BROKER_NAMESPACE } from '../../../src/api/names.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { type KubernetesStore, openKubernetesStore } from '../../../src/store/kubernetes.ts';
import { Random } from '../../fuzz/random.ts';
import type { ApiServer } from '../../lab/api-server.ts';
import { type AuditedRequest, isWrite } from '../../lab/audit-log.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { differences } from '../../support/oracle.ts';
import { type PharosProcess, startPharos } from '../../support/pharos.ts';
import { NAMESPACE, service, serviceExport, slice, step } from './churn.ts';

const LIMIT_MS = 180_000;
/** `PHAROS_TEST_LONG=1`: ten idle minutes, hundreds of kills. */
const LONG = process.env['PHAROS_TEST_LONG'] === '1';
const IDLE_MS = LONG ? 600_000 : 15_000;
const KILLS = LONG ? 200 : 4;
const LEASE_SECONDS = 5;
const SERVICES = ['web', 'db', 'cart', 'mail'];
const seed = Number(process.env['PHAROS_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = new Random(seed);

interface Cluster {
  readonly id: string;
  readonly api: ApiServer;
  readonly store: KubernetesStore;
}

/** One agent process and who it is on the API servers. */
interface Replica {
  readonly user: string;
  process: PharosProcess;
  start(): Promise<void>;
}

let lab: Lab;
let broker: Cluster;
let west: Cluster;
let east: Cluster;
let replicas: readonly [Replica, Replica];
let eastern: Replica;

async function open(id: string, namespaces: readonly string[]): Promise<Cluster> {
  const api = await lab.api(id, { audit: true });
  await api.apply(namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })));
  return { id, api, store: await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog }) };
}

async function replica(user: string, member: Cluster): Promise<Replica> {
  const subject = { user, groups: ['system:masters'] };
  const [own, brokers] = await Promise.all([
    member.api.kubeconfigFor(subject),
    broker.api.kubeconfigFor(subject),
  ]);
  const start = (): Promise<PharosProcess> =>
    startPharos(
      'agent',
      `--cluster-id=${member.id}`,
      `--kubeconfig=${own}`,
      `--broker-kubeconfig=${brokers}`,
      '--leader-elect',
      `--lease-duration=${LEASE_SECONDS}s`,
    );
  const made: Replica = {
    user,
    process: await start(),
    async start() {
      made.process = await start();
    },
  };
  return made;
}

before(async () => {
  lab = await openLab({ name: 'replicas' });
  [broker, west, east] = await Promise.all([
    open('broker', [BROKER_NAMESPACE]),
    open('west', [NAMESPACE, 'pharos-system']),
    open('east', [NAMESPACE, 'pharos-system']),
  ]);
  const [a, b, c] = await Promise.all([
    replica('west-a', west),
    replica('west-b', west),
    replica('east-a', east),
  ]);
  replicas = [a, b];
  eastern = c;
  await Promise.all([a, b, c].map(({ process }) => process.ready(LIMIT_MS)));
  for (const { store } of [west, east]) {
    for (const name of [...SERVICES, 'steady']) {
      await store.apply(Kinds.Service, service(name, name === 'db' ? 'headless' : 'clusterIp'));
      await store.apply(Kinds.EndpointSlice, slice(name, ['10.1.0.1']));
      await store.apply(Kinds.ServiceExport, serviceExport(name));
    }
  }
  await exact();
});
after(async () => {
  for (const { process } of [...(replicas ?? []), ...(eastern ? [eastern] : [])]) process.kill('SIGKILL');
  for (const { process } of [...(replicas ?? []), ...(eastern ? [eastern] : [])]) await process.ended;
  for (const cluster of [broker, west, east]) cluster?.store.close();
  await lab?.[Symbol.asyncDispose]();
});

const isAgents = ({ user }: AuditedRequest): boolean => /^(west|east)-[ab]$/.test(user);
/** What agents asked all servers for since a moment. */
async function asked(since: number): Promise<(AuditedRequest & { readonly where: string })[]> {
  const lists = await Promise.all(
    [broker, west, east].map(async ({ id, api }) =>
      (await api.requests()).map((request) => ({ ...request, where: id })),
    ),
  );
  return lists
    .flat()
    .filter(isAgents)
    .filter(({ receivedAt }) => receivedAt >= since)
    .sort((one, other) => one.receivedAt - other.receivedAt);
}
const isLease = ({ resource }: AuditedRequest): boolean => resource === 'leases';
const lineOf = ({
  where,
  user,
  verb,
  resource,
  namespace,
  name,
}: AuditedRequest & { where: string }): string =>
  `${where}: ${user} ${verb} ${resource} ${namespace}/${name}`;

/** Waits until all stands as it should, and no agent writes any more. */
async function exact(): Promise<void> {
  let quietSince = Date.now();
  await until(
    'the exact end state, at rest',
    LIMIT_MS,
    async () => {
      const left = await differences({ members: [west, east], broker: broker.store });
      if (left.length > 0) quietSince = Date.now();
      assert.deepEqual(left, []);
      const writes = (await asked(quietSince)).filter(isWrite).filter((request) => !isLease(request));
      if (writes.length > 0) quietSince = Date.now();
      return Date.now() - quietSince > 1000 ? true : undefined;
    },
    200,
  );
}

/** The replica that says that it leads, alone. */
async function leader(): Promise<Replica> {
  return until('one leader', LIMIT_MS, async () => {
    const leading: Replica[] = [];
    for (const each of replicas) {
      const text = await fetch(`${each.process.metricsUrl}/metrics`, {
        signal: AbortSignal.timeout(2000),
      }).then(
        (response) => response.text(),
        () => '',
      );
      if (/^pharos_agent_leader 1$/m.test(text)) leading.push(each);
    }
    return leading.length === 1 ? leading[0] : undefined;
  });
}

it(`idle agents write their Leases and nothing else, for ${IDLE_MS / 1000} s`, async () => {
  const since = Date.now();
  await sleep(IDLE_MS);
  const requests = await asked(since);
  const others = requests.filter((request) => !isLease(request) && request.verb !== 'watch');
  assert.deepEqual(others.map(lineOf), []);
  const leases = requests.filter(isLease).filter(isWrite);
  const renewed = Map.groupBy(leases, ({ where, user, name }) => `${where} ${user} ${name}`);
  // A leader renews every 2/15 of the duration; whoever stands by only looks. One more for the edges.
  const most = IDLE_MS / ((LEASE_SECONDS * 1000 * 2) / 15) + 1;
  for (const [what, each] of renewed) assert.ok(each.length <= most, `${each.length} writes: ${what}`);
  const own = leases.filter(({ name }) => name === 'pharos-agent');
  assert.deepEqual([...new Set(own.map(({ where }) => where))].sort(), ['east', 'west']);
  assert.equal(new Set(own.filter(({ where }) => where === 'west').map(({ user }) => user)).size, 1);
});

it(`killed or asleep at any moment, a leader is replaced and nothing is lost (PHAROS_TEST_SEED=${seed}, ${KILLS} times)`, async () => {
  const started = Date.now();
  const uids = async (): Promise<string[]> => {
    const lists = await Promise.all(
      [broker, west, east].flatMap(({ store }) => [
        store.list(Kinds.ServiceImport),
        store.list(Kinds.EndpointSlice),
      ]),
    );
    return lists
      .flat()
      .filter(({ metadata }) => metadata.name.startsWith('steady'))
      .map(({ metadata }) => `${metadata.name} ${metadata.uid}`)
      .sort();
  };
  const steady = await uids();
  assert.ok(steady.length >= 8, steady.join());
  for (let kill = 0; kill < KILLS; kill++) {
    const victim = await leader();
    const heir = replicas[victim === replicas[0] ? 1 : 0];
    const changes = (async () => {
      for (let at = 0; at < 6; at++) {
        await Promise.all([west, east].map(({ store }) => step(store, SERVICES, random)));
      }
    })();
    await sleep(random.below(400));
    const isAsleep = kill % 2 === 1;
    victim.process.kill(isAsleep ? 'SIGSTOP' : 'SIGKILL');
    await changes;
    if (!isAsleep) {
      await victim.process.ended;
      await victim.start();
    }
    await until(`${heir.user} takes over`, LIMIT_MS, async () =>
      (await fetch(`${heir.process.metricsUrl}/metrics`).then((response) => response.text())).includes(
        'pharos_agent_leader 1',
      )
        ? true
        : undefined,
    );
    if (isAsleep) victim.process.kill('SIGCONT');
    if (!LONG || kill % 10 === 9 || kill === KILLS - 1) await exact();
  }
  assert.deepEqual(await uids(), steady);

  const requests = await asked(started);
  assert.deepEqual(
    requests.filter(({ verb, name }) => verb === 'delete' && name.startsWith('steady')).map(lineOf),
    [],
  );
  const ofWest = requests
    .filter(({ user, status }) => user.startsWith('west') && status < 300)
    .filter(isWrite);
  const terms = ofWest.filter((request) => isLease(request) && request.where === 'west');
  const first = (await west.api.requests()).findLast(
    (request) => isLease(request) && isWrite(request) && isAgents(request) && request.receivedAt < started,
  );
  // One writer: whoever wrote the Lease last.
  let holder = first?.user ?? '';
  let handOvers = 0;
  let takenAt = 0;
  for (const request of ofWest) {
    if (!terms.includes(request)) {
      const late = `${lineOf(request)}, ${request.receivedAt - takenAt} ms after ${holder} had taken the Lease`;
      assert.equal(request.user, holder, late);
    } else {
      if (request.user !== holder) {
        handOvers++;
        takenAt = request.receivedAt;
      }
      holder = request.user;
    }
  }
  // A busy machine may bring about a hand-over of its own just before a kill.
  assert.ok(handOvers >= KILLS / 2, `${handOvers} hand-overs`);
});
