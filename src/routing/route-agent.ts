import { type IpAddress, contains } from '../api/cidr.ts';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { IpFamily, Node } from '../api/objects.ts';
import type { Cluster, Gateway } from '../api/tunnel.ts';
import { isRoutableIp } from '../api/routable.ts';
import { type IpStep, applyIpSteps } from '../host/ip-steps.ts';
import { GATEWAY_TABLE, INTRA_DEVICE, NFT_TABLE } from '../host/marks.ts';
import type { Run } from '../host/run.ts';
import type { Sysctls } from '../host/sysctl.ts';
import { type ChangeSource, watchChanges } from '../host/watch-changes.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { GatewayLife } from '../runtime/gateway-life.ts';
import { Reconciler } from '../runtime/reconciler.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import { clusterFacts } from './cluster-facts.ts';
import type { ClusterFacts, HostFacts, ProbeVerdict } from './facts.ts';
import { FilterKeeper } from './filter-keeper.ts';
import { hostFacts, readHostTables } from './host-facts.ts';
import { LooseFilter } from './loose-filter.ts';
import { type RoutePlan, planRoutes } from './plan-routes.ts';
import { GatewayProbes, type Knock, type ProbeSettings } from './probe.ts';
import { reachOf } from './reach.ts';
import { readRoutingState } from './read-routing-state.ts';
import { routingSteps } from './routing-state.ts';
import { ServiceAgent } from './service-agent.ts';

export interface RouteAgentOptions {
  readonly cluster: string;
  /** Name of the node that this process runs on. */
  readonly node: string;
  readonly store: ObjectStore;
  readonly run: Run;
  /** What `run` puts before a program, for those that are not run to their end. */
  readonly prefix?: readonly string[];
  readonly sysctls: Sysctls;
  readonly knock: Knock;
  readonly probes: ProbeSettings;
  /** Where old values of kernel parameters are kept. */
  readonly stateFile: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

/** What was found to be otherwise than it was left, and was put back. */
export type Repaired = 'routes' | 'filter' | 'sysctls';

/** Key of the one thing that is reconciled. */
const HOST = 'host';
/** Notices come in bursts; the kernel's own steps between are nobody's drift. */
const NOTICE_MS = 50;
const LIFE_LOOK_MS = 1000;
/** Notices may be lost: so often everything is looked at without one. */
const RESYNC_MS = 30_000;

/** Keeps a node's routes, filters and parameters what the cluster's objects ask for. Stopping it removes nothing. */
export class RouteAgent implements AsyncDisposable {
  readonly #options: RouteAgentOptions;
  readonly #nodes: ObjectCache<Node>;
  readonly #gateways: ObjectCache<Gateway>;
  readonly #clusters: ObjectCache<Cluster>;
  readonly #reconciler: Reconciler;
  readonly #probes: GatewayProbes;
  /** The part that looks after clusterset IPs. */
  readonly services: ServiceAgent;
  readonly #filter: FilterKeeper;
  readonly #loose: LooseFilter;
  readonly #gatewayLife: GatewayLife;
  /** Names of the gateways that gave signs of life at the last look. */
  #living = '';
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>;
  readonly repairs = new Map<Repaired, number>();
  /** Times that a gateway was left for another because of probes. */
  failovers = 0;
  #plan: RoutePlan | undefined;
  #facts: { readonly cluster: ClusterFacts; readonly host: HostFacts } | undefined;
  #isSynced = false;
  /** Steps of a fail-over and of a reconciliation must not run at once. */
  #applying: Promise<unknown> = Promise.resolve();
  /** Goes up with every fail-over. */
  #moves = 0;

  constructor(options: RouteAgentOptions) {
    this.#options = options;
    const { store, clock, log, random, run } = options;
    const namespace = { namespace: SYSTEM_NAMESPACE };
    this.#nodes = new ObjectCache({ store, kind: Kinds.Node, clock });
    this.#gateways = new ObjectCache({ store, kind: Kinds.Gateway, selector: namespace, clock });
    this.#clusters = new ObjectCache({ store, kind: Kinds.Cluster, selector: namespace, clock });
    this.#filter = new FilterKeeper(run);
    this.#loose = new LooseFilter(options.sysctls, options.stateFile);
    this.services = new ServiceAgent(options);
    this.#gatewayLife = new GatewayLife(clock);
    this.#probes = new GatewayProbes({
      clock,
      knock: options.knock,
      settings: options.probes,
      onVerdict: (node, verdict) => {
        log.info({ gateway: node, verdict }, 'A gateway node answers otherwise than before');
        void this.#failOver();
      },
    });
    this.#reconciler = new Reconciler({
      name: 'routes',
      reconcile: () => this.#reconcile(),
      log,
      clock,
      random,
      workers: 1,
      backoff: { baseMs: 100, maxMs: 10_000 },
    });
    this.#running = this.#run(this.#abort.signal);
  }

  /** Whether the first lists are in and a plan is in force. */
  get isSynced(): boolean {
    return this.#isSynced && this.services.isSynced;
  }

  /** What is in force; undefined before {@link isSynced}. */
  get plan(): RoutePlan | undefined {
    return this.#plan;
  }

  /** Networks of other clusters that are not routed to. */
  get refused(): ClusterFacts['refused'] {
    return this.#facts?.cluster.refused ?? [];
  }

  /** Gateway node → how it answers to probes. */
  get verdicts(): ReadonlyMap<string, ProbeVerdict> {
    return this.#probes.verdicts;
  }

  get reconciliations(): { readonly succeeded: number; readonly failed: number } {
    return this.#reconciler;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#probes.close();
    await this.services[Symbol.asyncDispose]();
    await this.#running;
    await this.#applying;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log, prefix } = this.#options;
    const caches = [this.#nodes, this.#gateways, this.#clusters];
    for (const cache of caches) cache.onChange(() => this.#reconciler.add(HOST));
    const onChange = (source: ChangeSource, line: string): void => this.#notice(source, line);
    const watch = { onChange, log, clock, ...(prefix !== undefined && { prefix }) };
    const synced = Promise.all(caches.map((cache) => cache.synced)).then(() => this.#reconciler.add(HOST));
    await Promise.all([
      ...caches.map((cache) => cache.run(signal)),
      watchChanges('ip', watch, signal),
      watchChanges('nft', watch, signal),
      this.#reconciler.run(signal),
      this.#watchLife(signal),
      Promise.race([synced, aborted(signal)]),
    ]);
  }

  /** Silence shows by nothing that happens: it is looked for. */
  async #watchLife(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const unsubscribe = this.#gateways.onSight((inSight) => this.#gatewayLife.setSight(inSight));
    while (!signal.aborted) {
      await clock.sleep(LIFE_LOOK_MS, signal);
      const living = [...this.#gateways.values()].filter((gateway) => this.#gatewayLife.isAlive(gateway));
      const names = living.map(({ metadata }) => metadata.name).join(' ');
      if (names !== this.#living) this.#reconciler.add(HOST);
      this.#living = names;
    }
    unsubscribe();
  }

  /** Ours are looked at soon; what others do on the host may change what is asked of us, which has time. */
  #notice(source: ChangeSource, line: string): void {
    const isOurs =
      source === 'ip'
        ? line.includes(INTRA_DEVICE) || line.includes(String(GATEWAY_TABLE))
        : line.includes(`inet ${NFT_TABLE}`);
    if (source === 'nft') this.services.notice(line);
    if (isOurs) this.#reconciler.add(HOST, NOTICE_MS);
    else if (source === 'ip') this.#reconciler.add(HOST, NOTICE_MS * 20);
  }

  async #reconcile(): Promise<{ retryAfterMs: number } | 'done'> {
    if (![this.#nodes, this.#gateways, this.#clusters].every((cache) => cache.isSynced)) return 'done';
    const { cluster, node, run } = this.#options;
    const facts = clusterFacts({
      cluster,
      nodes: this.#nodes.values(),
      gateways: this.#gateways.values(),
      clusters: this.#clusters.values(),
      isAlive: (gateway) => this.#gatewayLife.isAlive(gateway),
    });
    const self = facts.nodes.find(({ name }) => name === node);
    const host = hostFacts(await readHostTables(run), self?.ips ?? [], facts.own.podCidrs);
    this.#facts = { cluster: facts, host };
    const verdicts = new Map(this.#probes.verdicts);
    this.services.setSurroundings((other) => reachOf(other, facts.gateways, verdicts), foreignTo(facts));
    await this.services.check();
    const known = this.#plan?.loose ?? [];
    const plan = await this.#apply(facts, host);
    if (plan.state !== undefined) {
      const wasSynced = this.#isSynced;
      const set = await this.#loose.set(plan.loose);
      if (wasSynced && set.some((device) => known.includes(device))) this.#repaired('sysctls');
      // Not before there is a way to the gateways: they would be found silent.
      this.#probes.watch(plan.probes);
      this.#isSynced = true;
    }
    return { retryAfterMs: RESYNC_MS };
  }

  /** Only the last step of all keeps a fail-over waiting, so what is long is done before it. */
  async #apply(cluster: ClusterFacts, host: HostFacts): Promise<RoutePlan> {
    const { node, run } = this.#options;
    const planned = (): RoutePlan => planRoutes({ node, cluster, host, verdicts: this.#probes.verdicts });
    // The guard first: routes never lead where no guard stands.
    const { filter } = planned();
    if (filter !== undefined && (await this.#filter.set(filter)) === 'repaired') this.#repaired('filter');
    const families: IpFamily[] = host.hasIpv6 ? ['IPv4', 'IPv6'] : ['IPv4'];
    for (;;) {
      const moves = this.#moves;
      const actual = await readRoutingState(run, families);
      const done = await this.#exclusively(async () => {
        // A fail-over has changed meanwhile what was read.
        if (moves !== this.#moves) return undefined;
        const before = this.#plan;
        const plan = planned();
        this.#tell(before, plan);
        if (plan.state !== undefined) {
          const steps = routingSteps(actual, plan.state);
          await applyIpSteps(run, steps);
          // What differs although nothing else was wanted since then was somebody else's doing.
          const isDrift = before?.state !== undefined && routingSteps(before.state, plan.state).length === 0;
          if (steps.length > 0 && isDrift) this.#repaired('routes', steps);
        }
        this.#plan = plan;
        return plan;
      });
      if (done !== undefined) return done;
    }
  }

  /** From verdict to kernel on the shortest way: only what differs from what is in force, nothing read before. */
  async #failOver(): Promise<void> {
    await this.#exclusively(async () => {
      const before = this.#plan;
      const facts = this.#facts;
      if (before === undefined || facts === undefined || this.#abort.signal.aborted) return;
      const plan = planRoutes({ node: this.#options.node, ...facts, verdicts: this.#probes.verdicts });
      if (before.state === undefined || plan.state === undefined) return;
      const steps = routingSteps(before.state, plan.state);
      if (steps.length > 0) {
        await applyIpSteps(this.#options.run, steps);
        this.failovers++;
        this.#moves++;
      }
      this.#tell(before, plan);
      this.#plan = plan;
    }).catch((err: unknown) => {
      this.#options.log.warn({ err }, 'Cannot move to another gateway at once; trying again');
    });
    this.#reconciler.add(HOST);
  }

  #repaired(what: Repaired, steps: readonly IpStep[] = []): void {
    this.repairs.set(what, (this.repairs.get(what) ?? 0) + 1);
    const ops = [...new Set(steps.map(({ op }) => op))];
    this.#options.log.warn({ what, ops }, 'Somebody changed what is of Pharos on this node; it is put back');
  }

  #tell(before: RoutePlan | undefined, plan: RoutePlan): void {
    const { log } = this.#options;
    for (const [cluster, { node, reason }] of plan.choices) {
      const old = before?.choices.get(cluster);
      if (old?.node === node && old.reason === reason) continue;
      log.info({ cluster, gateway: node, reason, from: old?.node }, 'Traffic goes by this gateway');
    }
    const known = new Set(before?.problems.map(({ message }) => message));
    for (const { reason, message } of plan.problems) {
      if (!known.has(message))
        log.warn({ reason, problem: message }, 'This node is not all that it should be');
    }
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#applying.then(work);
    this.#applying = next.catch(() => {});
    return next;
  }
}

/** What a clusterset IP must not be: an address that something else has, or may get. */
function foreignTo({ nodes, own, members }: ClusterFacts): (ip: IpAddress) => boolean {
  const networks = [own, ...members].flatMap(({ podCidrs, serviceCidrs }) => [...podCidrs, ...serviceCidrs]);
  const taken = new Set(nodes.flatMap(({ ips }) => ips));
  return (ip) => taken.has(ip) || !isRoutableIp(ip) || networks.some((network) => contains(network, ip));
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
