/** Two members and a broker, each a real API server, with a fault proxy on every way that an agent takes. */
import assert from 'node:assert/strict';
import { parseClusterId } from '../../../src/api/identity.ts';
import { BROKER_NAMESPACE } from '../../../src/api/names.ts';
import { Agent } from '../../../src/discovery/agent.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { type Clock, systemClock } from '../../../src/runtime/clock.ts';
import { type KubernetesStore, openKubernetesStore } from '../../../src/store/kubernetes.ts';
import type { ApiServer } from '../../lab/api-server.ts';
import type { AuditedRequest } from '../../lab/audit-log.ts';
import { type FaultProxy, throughFaultProxy } from '../../lab/fault-proxy.ts';
import type { Lab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { differences } from '../../support/oracle.ts';
import { type LogLine, recordingLog } from '../../unit/support/recording-log.ts';
import { NAMESPACE } from './churn.ts';

/** Generous: other work may have the machine, too. */
const LIMIT_MS = 180_000;
/** A silent connection is given up sooner than in production, for tests that wait for it. */
const TIMES = { stallMs: 6000, deadlineMs: 4000, backoff: { baseMs: 100, maxMs: 1000 } };

/** The machine's time, but for a wall clock that a test sets. */
interface SetClock extends Clock {
  /** Milliseconds that the wall clock is off. */
  offMs: number;
}

function setClock(): SetClock {
  const clock = { ...systemClock, offMs: 0, now: () => systemClock.now() + clock.offMs };
  return clock;
}

/** A user of an API server, by a way that can be broken. */
interface Way {
  readonly proxy: FaultProxy;
  readonly kubeconfig: string;
}

async function way(api: ApiServer, user: string): Promise<Way> {
  return throughFaultProxy(await api.kubeconfigFor({ user, groups: ['system:masters'] }));
}

export class FaultyMember {
  readonly id: string;
  readonly api: ApiServer;
  /** An administrator's, past the proxies. */
  readonly store: KubernetesStore;
  readonly toMember: Way;
  readonly toBroker: Way;
  readonly clock = setClock();
  readonly lines: readonly LogLine[];
  readonly #log = recordingLog();
  #running: { readonly agent: Agent; readonly stores: readonly KubernetesStore[] } | undefined;

  constructor(api: ApiServer, store: KubernetesStore, toMember: Way, toBroker: Way) {
    this.id = api.name;
    this.api = api;
    this.store = store;
    this.toMember = toMember;
    this.toBroker = toBroker;
    this.lines = this.#log.lines;
  }

  /** The name of its agent on both API servers. */
  get user(): string {
    return agentUser(this.id);
  }

  get agent(): Agent {
    assert.ok(this.#running, `${this.id} has no agent`);
    return this.#running.agent;
  }

  get proxies(): readonly FaultProxy[] {
    return [this.toMember.proxy, this.toBroker.proxy];
  }

  /** How often its watches lost sight of a server. */
  get interruptions(): number {
    return (this.#running?.stores ?? []).reduce((sum, { counters }) => sum + counters.interruptions, 0);
  }

  /** Calls of its agent that write. */
  get writes(): number {
    const calls = (this.#running?.stores ?? []).flatMap(({ counters: { calls } }) => [
      calls.apply,
      calls.applyStatus,
      calls.remove,
    ]);
    return calls.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0);
  }

  async start(): Promise<void> {
    const { log } = this.#log;
    const { clock } = this;
    const open = ({ kubeconfig }: Way): Promise<KubernetesStore> =>
      openKubernetesStore({ kubeconfig, log, clock, times: TIMES });
    const [member, broker] = await Promise.all([open(this.toMember), open(this.toBroker)]);
    const agent = new Agent({
      cluster: parseClusterId(this.id),
      member,
      broker,
      brokerNamespace: BROKER_NAMESPACE,
      endpoints: 'service',
      log,
      clock,
      random: Math.random,
    });
    this.#running = { agent, stores: [member, broker] };
  }

  async stop(): Promise<void> {
    await this.#running?.agent.close();
    for (const store of this.#running?.stores ?? []) store.close();
    this.#running = undefined;
  }
}

const agentUser = (id: string): string => `agent-of-${id}`;

export class FaultyClusterset implements AsyncDisposable {
  readonly broker: ApiServer;
  readonly brokerStore: KubernetesStore;
  readonly west: FaultyMember;
  readonly east: FaultyMember;

  private constructor(
    broker: ApiServer,
    brokerStore: KubernetesStore,
    west: FaultyMember,
    east: FaultyMember,
  ) {
    this.broker = broker;
    this.brokerStore = brokerStore;
    this.west = west;
    this.east = east;
  }

  static async open(lab: Lab): Promise<FaultyClusterset> {
    const start = async (name: string, namespace: string): Promise<ApiServer> => {
      const api = await lab.api(name, { audit: true });
      await api.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }]);
      return api;
    };
    const admin = ({ kubeconfig }: ApiServer): Promise<KubernetesStore> =>
      openKubernetesStore({ kubeconfig, log: silentLog });
    const broker = start('broker', BROKER_NAMESPACE);
    const join = async (id: string): Promise<FaultyMember> => {
      const api = await start(id, NAMESPACE);
      const user = agentUser(id);
      const [toMember, toBroker] = await Promise.all([
        way(api, user),
        broker.then((there) => way(there, user)),
      ]);
      const member = new FaultyMember(api, await admin(api), toMember, toBroker);
      await member.start();
      return member;
    };
    const [west, east] = await Promise.all([join('west'), join('east')]);
    await Promise.all([west.agent.synced, east.agent.synced]);
    return new FaultyClusterset(await broker, await admin(await broker), west, east);
  }

  get members(): readonly [FaultyMember, FaultyMember] {
    return [this.west, this.east];
  }

  get proxies(): readonly FaultProxy[] {
    return this.members.flatMap(({ proxies }) => proxies);
  }

  differences(): Promise<string[]> {
    return differences({
      members: this.members.map(({ id, store }) => ({ id, store })),
      broker: this.brokerStore,
    });
  }

  /** Waits for the exact end state, in which nobody writes any more. */
  async exact(): Promise<void> {
    let before = -1;
    let same = 0;
    await until('the exact end state, at rest', LIMIT_MS, async () => {
      for (const { agent } of this.members) await agent.idle();
      const writes = this.members.reduce((sum, member) => sum + member.writes, 0);
      same = writes === before ? same + 1 : 0;
      before = writes;
      assert.deepEqual(await this.differences(), []);
      return same >= 3 ? true : undefined;
    });
  }

  /** What a member's agent asked a server for. */
  async asked(api: ApiServer, member: FaultyMember): Promise<AuditedRequest[]> {
    return (await api.requests()).filter(({ user }) => user === member.user);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.members) {
      await member.stop();
      member.store.close();
    }
    for (const proxy of this.proxies) await proxy[Symbol.asyncDispose]();
    this.brokerStore.close();
  }
}
