/** Two members and a broker, each a real API server, and agents with no other rights than those that are shipped. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseClusterId } from '../../../src/api/identity.ts';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import { Agent } from '../../../src/discovery/agent.ts';
import { openJoinedBroker } from '../../../src/membership/open-broker.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { type KubernetesStore, openKubernetesStore } from '../../../src/store/kubernetes.ts';
import type { Lab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { type LogLine, recordingLog } from '../../unit/support/recording-log.ts';
import { deploy, joinAs, type Site, site } from '../membership/lab-clusterset.ts';

export const AGENT_USER = 'system:serviceaccount:pharos-system:pharos-agent';
const RIGHTS = join(import.meta.dirname, '../../../deploy/charts/pharos/files/agent-rbac.yaml');

/** Every kind that an agent may write, and what it reads. */
const KINDS: readonly Kind[] = [
  Kinds.Namespace,
  Kinds.Service,
  Kinds.EndpointSlice,
  Kinds.ServiceExport,
  Kinds.ServiceImport,
];

/** An agent and its own connections. */
export interface Running {
  readonly agent: Agent;
  readonly stores: readonly KubernetesStore[];
  close(): Promise<void>;
}

export class Member {
  readonly name: string;
  readonly site: Site;
  readonly kubeconfig: string;
  /** What its agents have logged, all of them. */
  readonly lines: readonly LogLine[];
  readonly #log = recordingLog();
  running: Running | undefined;

  private constructor(name: string, where: Site, kubeconfig: string) {
    this.name = name;
    this.site = where;
    this.kubeconfig = kubeconfig;
    this.lines = this.#log.lines;
  }

  static async join(lab: Lab, name: string, broker: Promise<Site>): Promise<Member> {
    const where = await site(lab, name);
    await joinAs(name, where, await broker);
    await where.api.apply(await readFile(RIGHTS, 'utf8'));
    return new Member(name, where, await where.api.kubeconfigFor({ user: AGENT_USER }));
  }

  async start(): Promise<void> {
    const { log } = this.#log;
    const cluster = parseClusterId(this.name);
    const random = Math.random;
    const member = await openKubernetesStore({ kubeconfig: this.kubeconfig, log });
    const joined = await openJoinedBroker({ member, cluster, clock: systemClock, random, log });
    assert.ok(joined, `${this.name} has joined no broker`);
    const agent = new Agent({
      cluster,
      member,
      broker: joined.store,
      brokerNamespace: joined.namespace,
      endpoints: 'service',
      events: true,
      log,
      clock: systemClock,
      random,
    });
    const stop = new AbortController();
    const keeping = joined.keep(() => true, stop.signal);
    const stores = [member, joined.store];
    this.running = {
      agent,
      stores,
      close: async () => {
        stop.abort();
        await agent.close();
        await keeping;
        for (const store of stores) store.close();
      },
    };
    await agent.synced;
  }

  async stop(): Promise<void> {
    await this.running?.close();
    this.running = undefined;
  }

  /** Calls of the agent that write, so far, to both sides; without its heartbeats. */
  get writes(): number {
    const counts = (this.running?.stores ?? []).flatMap(({ counters: { calls } }) =>
      [calls.apply, calls.applyStatus, calls.remove].map(({ succeeded, failed }) => succeeded + failed),
    );
    return counts.reduce((sum, count) => sum + count, 0) - (this.running?.agent.beats ?? 0);
  }

  apply(...objects: readonly object[]): Promise<string> {
    return this.site.api.apply(objects);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.site.api.kubectl(args);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async delete(resource: string, name: string): Promise<void> {
    await this.kubectl('delete', '--wait=false', '-n', 'shop', resource, name);
  }

  /** `Valid=True Valid`, one a condition. */
  async conditions(name: string): Promise<string[]> {
    const found = await this.site.store.get(Kinds.ServiceExport, { name, namespace: 'shop' });
    return (found?.status?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  }

  /** What stands here of a service of the clusterset: the import, then a line for each slice. */
  async view(service: string, namespace = 'shop'): Promise<string[]> {
    const labels = { 'multicluster.kubernetes.io/service-name': service };
    const [imported, slices] = await Promise.all([
      this.site.store.get(Kinds.ServiceImport, { name: service, namespace }),
      this.site.store.list(Kinds.EndpointSlice, { namespace, labels }),
    ]);
    const ports = (imported?.spec.ports ?? []).map(({ name, protocol, port }) =>
      [name, protocol, port].filter(Boolean).join(' '),
    );
    const clusters = imported?.status?.clusters?.map(({ cluster }) => cluster) ?? [];
    return [
      ...(imported === undefined
        ? []
        : [[imported.spec.type, ...ports, `from ${clusters.join(' ')}`].join(', ')]),
      ...slices.map(({ metadata, endpoints }) => {
        const source = metadata.labels?.['multicluster.kubernetes.io/source-cluster'];
        const hosts = (endpoints ?? []).map(({ addresses, conditions }) =>
          conditions?.ready === false ? `(${addresses.join(' ')})` : addresses.join(' '),
        );
        return `${source}: ${hosts.join(' ')}`;
      }),
    ];
  }

  /** Waits until {@link view} is so. */
  async shows(service: string, wanted: readonly string[], namespace = 'shop'): Promise<void> {
    await until(`${service} in ${this.name} = ${JSON.stringify(wanted)}`, 60_000, async () => {
      assert.deepEqual(await this.view(service, namespace), wanted);
      return true;
    });
  }

  /** Waits until the conditions are so. */
  async says(name: string, wanted: readonly string[]): Promise<void> {
    await until(`conditions of ${name} in ${this.name}`, 60_000, async () => {
      assert.deepEqual(await this.conditions(name), wanted);
      return true;
    });
  }
}

export class Clusterset implements AsyncDisposable {
  readonly broker: Site;
  readonly west: Member;
  readonly east: Member;

  private constructor(broker: Site, west: Member, east: Member) {
    this.broker = broker;
    this.west = west;
    this.east = east;
  }

  static async open(lab: Lab): Promise<Clusterset> {
    const broker = site(lab, 'broker').then(async (where) => {
      await deploy(where);
      return where;
    });
    const [west, east] = await Promise.all([
      Member.join(lab, 'west', broker),
      Member.join(lab, 'east', broker),
    ]);
    const set = new Clusterset(await broker, west, east);
    await Promise.all(set.members.map((member) => member.start()));
    return set;
  }

  get members(): readonly [Member, Member] {
    return [this.west, this.east];
  }

  /** Every object of every API server with its version, but for what Kubernetes itself keeps. */
  async versions(): Promise<string[]> {
    const places: readonly (readonly [string, KubernetesStore])[] = [
      ['broker', this.broker.store],
      ...this.members.map(({ name, site: { store } }) => [name, store] as const),
    ];
    const lists = await Promise.all(
      places.flatMap(([place, store]) =>
        KINDS.map(async (kind) =>
          (await listed(store, kind)).map(
            ({ metadata }) =>
              `${place} ${kind.kind} ${metadata.namespace ?? ''}/${metadata.name} ${metadata.resourceVersion}`,
          ),
        ),
      ),
    );
    return lists.flat().sort();
  }

  /** Waits until no agent writes any more: `rounds` looks in a row find all idle and the same. */
  async settle(rounds = 5): Promise<void> {
    let same = 0;
    let before = -1;
    await until('no more writes', 60_000, async () => {
      for (const { running } of this.members) await running?.agent.idle();
      const now = this.members.reduce((sum, { writes }) => sum + writes, 0);
      same = now === before ? same + 1 : 0;
      before = now;
      return same >= rounds ? true : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.members) {
      await member.stop();
      member.site[Symbol.dispose]();
    }
    this.broker[Symbol.dispose]();
  }
}

/** A broker has no ServiceExports. */
async function listed(store: KubernetesStore, kind: Kind): Promise<KubeObject[]> {
  try {
    return (await store.list(kind)).filter(({ metadata }) => !metadata.namespace?.startsWith('kube-'));
  } catch (error) {
    if ((error as { code?: unknown }).code === 'not-found') return [];
    throw error;
  }
}
