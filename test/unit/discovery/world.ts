/**
 * A clusterset in memory: a store and an agent per cluster, and a broker. Time stands still unless a test
 * advances it, so that "nothing happens any more" can be waited for without waiting.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { parseCidr } from '../../../src/api/cidr.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import { BROKER_NAMESPACE } from '../../../src/api/names.ts';
import type { Endpoint, KubeObject } from '../../../src/api/objects.ts';
import { Agent, type AgentOptions } from '../../../src/discovery/agent.ts';
import type { EndpointsMode } from '../../../src/discovery/export.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { ObjectStore } from '../../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { type LogLine, recordingLog } from '../support/recording-log.ts';
import { NAMESPACE, namespace } from './objects.ts';

/** Every kind that the agent deals with. */
const ALL: readonly Kind[] = [
  Kinds.Namespace,
  Kinds.Service,
  Kinds.EndpointSlice,
  Kinds.ServiceExport,
  Kinds.ServiceImport,
];

/** One API server. */
export class Place {
  /** What tests do by hand. */
  readonly memory: MemoryStore;
  /** What agents see; can be taken away. */
  readonly store: FaultyStore;

  constructor(location: string, clock: FakeClock) {
    this.memory = new MemoryStore({ location, clock });
    this.store = new FaultyStore(this.memory);
  }

  async put(...objects: readonly KubeObject[]): Promise<void> {
    for (const object of objects) await this.memory.apply(kindOf(object), object);
  }

  async delete(kind: Kind, name: string, inNamespace = NAMESPACE): Promise<void> {
    await this.memory.remove(kind, kind.namespaced ? { name, namespace: inNamespace } : { name });
  }

  /** Everything in it with its version: equal texts mean that nothing at all was written. */
  async versions(): Promise<string[]> {
    const lists = await Promise.all(ALL.map((kind) => this.memory.list(kind)));
    return lists
      .flat()
      .map(
        ({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`,
      );
  }

  /** Calls that write, so far. */
  get writes(): number {
    const { apply, applyStatus, remove } = this.store.calls;
    return apply + applyStatus + remove;
  }
}

/** A member, in the words that tests expect. */
export class Member extends Place {
  readonly id: string;

  constructor(id: string, clock: FakeClock) {
    super(id, clock);
    this.id = id;
  }

  /** `web ClusterSetIP, http TCP 80, from east west`, one a service. */
  async imports(): Promise<string[]> {
    const imports = await this.memory.list(Kinds.ServiceImport, { namespace: NAMESPACE });
    return imports.map(({ metadata, spec, status }) =>
      [
        `${metadata.name} ${spec.type}`,
        ...spec.ports.map(({ name, protocol, port }) => [name, protocol, port].filter(Boolean).join(' ')),
        `from ${status?.clusters?.map(({ cluster }) => cluster).join(' ')}`,
      ].join(', '),
    );
  }

  /** `web 243.0.0.1`, one an import. */
  async ips(): Promise<string[]> {
    const imports = await this.memory.list(Kinds.ServiceImport, { namespace: NAMESPACE });
    return imports.map(({ metadata, spec }) => [metadata.name, ...(spec.ips ?? [])].join(' '));
  }

  /** `web.west.ipv4: 10.0.0.7`, not ready ones in brackets, one a slice that Pharos imported. */
  async slices(): Promise<string[]> {
    const slices = await this.memory.list(Kinds.EndpointSlice, {
      namespace: NAMESPACE,
      labelExists: ['multicluster.kubernetes.io/source-cluster'],
    });
    const text = ({ addresses, conditions }: Endpoint): string =>
      conditions?.ready === false ? `(${addresses.join(' ')})` : addresses.join(' ');
    return slices.map(({ metadata, endpoints }) => `${metadata.name}: ${endpoints.map(text).join(' ')}`);
  }

  /** `Valid=True Valid`, one a condition of the ServiceExport. */
  async conditions(name: string): Promise<string[]> {
    const object = await this.memory.get(Kinds.ServiceExport, { name, namespace: NAMESPACE });
    return (object?.status?.conditions ?? []).map(
      ({ type, status, reason }) => `${type}=${status} ${reason}`,
    );
  }

  async message(name: string, type: string): Promise<string | undefined> {
    const object = await this.memory.get(Kinds.ServiceExport, { name, namespace: NAMESPACE });
    return object?.status?.conditions?.find((condition) => condition.type === type)?.message;
  }
}

export interface WorldOptions {
  readonly endpoints?: EndpointsMode;
  /** More for each agent. */
  readonly agent?: Partial<AgentOptions>;
  /** Networks of clusterset IPs; none = direct mode. */
  readonly clustersetCidrs?: readonly string[];
  /** A member whose API server is the broker, too. */
  readonly brokerIn?: 'west';
  /** Clusters whose agents are not started. */
  readonly asleep?: readonly string[];
  /** What stands between agents and stores. */
  readonly through?: (store: ObjectStore) => ObjectStore;
}

export class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly west: Member;
  readonly east: Member;
  readonly north: Member;
  readonly broker: Place;
  readonly lines: readonly LogLine[];
  readonly #log = recordingLog();
  readonly #options: WorldOptions;
  readonly #agents = new Map<string, Agent>(); // cluster → its agent

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.lines = this.#log.lines;
    [this.west, this.east, this.north] = ['west', 'east', 'north'].map(
      (id) => new Member(id, this.clock),
    ) as [Member, Member, Member];
    this.broker = options.brokerIn === undefined ? new Place('broker', this.clock) : this.west;
  }

  /** Three clusters with namespace `shop`. */
  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(options);
    for (const member of world.members) {
      await member.put(namespace(NAMESPACE));
      if (options.asleep?.includes(member.id) !== true) world.start(member);
    }
    await world.settle();
    return world;
  }

  get members(): readonly Member[] {
    return [this.west, this.east, this.north];
  }

  agent(member: Member): Agent {
    const agent = this.#agents.get(member.id);
    if (agent === undefined) throw new Error(`${member.id} has no agent`);
    return agent;
  }

  start(
    member: Member,
    stores: { member?: ObjectStore; broker?: ObjectStore } = {},
    more: Partial<AgentOptions> = {},
  ): Agent {
    const { through = (store: ObjectStore) => store } = this.#options;
    const agent = new Agent({
      cluster: parseClusterId(member.id),
      member: through(stores.member ?? member.store),
      broker: through(stores.broker ?? this.broker.store),
      brokerNamespace: BROKER_NAMESPACE,
      endpoints: this.#options.endpoints ?? 'service',
      ...this.#options.agent,
      ...(this.#options.clustersetCidrs && {
        clustersetCidrs: this.#options.clustersetCidrs.map(parseCidr),
      }),
      log: this.#log.log,
      clock: this.clock,
      random: () => 0.5,
      ...more,
    });
    this.#agents.set(member.id, agent);
    return agent;
  }

  async stop(member: Member): Promise<void> {
    await this.agent(member).close();
    this.#agents.delete(member.id);
  }

  /** Until all agents have seen and done everything, but for what waits for time to pass. */
  async settle(): Promise<void> {
    let attempts = 0;
    for (let before = -1, now = this.#written(); before !== now; before = now, now = this.#written()) {
      if (++attempts > 100)
        throw new Error(`The agents do not come to rest: ${this.#log.lines.at(-1)?.message}`);
      for (let round = 0; round < 3; round++) {
        for (const agent of this.#agents.values()) await agent.idle();
        await turn();
      }
    }
  }

  /** Lets `ms` pass, and then {@link settle}s. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  /** What the log has warned of, as `message {fields}`. */
  warnings(): string[] {
    return this.lines
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map(({ message, fields }) => `${message} ${JSON.stringify(fields)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) await agent.close();
  }

  #written(): number {
    return [...this.members, this.broker].reduce((sum, place) => sum + place.writes, 0);
  }
}

function kindOf(object: KubeObject): Kind {
  const kind = ALL.find((each) => each.kind === object.kind);
  if (kind === undefined) throw new Error(`No test needs a ${object.kind}`);
  return kind;
}
