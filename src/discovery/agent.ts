/**
 * The agent: keeps a cluster's exports on the broker and the clusterset's imports in the cluster. It holds
 * no state of its own: all that it does follows from what the two stores hold.
 */
import { randomUUID } from 'node:crypto';
import type { Cidr } from '../api/cidr.ts';
import type { ClusterId } from '../api/identity.ts';
import { Label } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import { brokerCaches, type BrokerCaches, keyByLabel, memberCaches, type MemberCaches } from './caches.ts';
import { Clusterset } from './clusterset.ts';
import { ClustersetIps } from './clusterset-ips.ts';
import { AgentCounters } from './counters.ts';
import { DrainSync } from './drain-sync.ts';
import type { EndpointsMode } from './export.ts';
import { Events } from './events.ts';
import { ExportSync } from './export-sync.ts';
import { type ImportFilters, NO_FILTERS } from './import-filters.ts';
import { ImportSync } from './import-sync.ts';
import { recordKey } from './labels.ts';
import { Heartbeat } from './heartbeat.ts';
import { Loop } from './loop.ts';
import { arrivalOf, News } from './news.ts';
import { OwnNetworks } from './own-networks.ts';
import { SeenServices, type ServiceSummary } from './seen-services.ts';
import { SignsOfLife } from './signs-of-life.ts';
import { type ExportState, StatusSync } from './status-sync.ts';
import { Writer } from './writer.ts';

export interface AgentOptions {
  readonly cluster: ClusterId;
  readonly member: ObjectStore;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  readonly endpoints: EndpointsMode;
  /** Networks to give each ClusterSetIP service an address of; absent = none gets one (direct mode). */
  readonly clustersetCidrs?: readonly Cidr[];
  /** What is let in of what others export; absent = all. */
  readonly filters?: ImportFilters;
  /** Networks of this cluster itself; absent = as its Cluster object on the broker says, if it has one. */
  readonly ownCidrs?: readonly Cidr[];
  /** For so long another cluster may be silent before what it exports is withdrawn here; absent = for good. */
  readonly expireAfterMs?: number;
  /** Whether Kubernetes Events are written beside the conditions. */
  readonly events?: boolean;
  /** Of this Pharos; other members see it. */
  readonly version?: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Numbers in [0, 1), as Math.random gives them. */
  readonly random: () => number;
}

/** A write that fails once is tried again at once, and is not worth a condition. */
const FAILURE_SHOWN_AFTER_MS = 1000;

export class Agent implements AsyncDisposable {
  readonly counters = new AgentCounters();
  readonly #log: Log;
  readonly #member: MemberCaches;
  readonly #broker: BrokerCaches;
  readonly #clusterset: Clusterset;
  readonly #ips: ClustersetIps | undefined;
  readonly #heartbeat: Heartbeat;
  readonly #life: SignsOfLife;
  readonly #drainSync: DrainSync;
  readonly #exportNews = new News();
  readonly #importNews = new News();
  readonly #clock: Clock;
  readonly #ownNetworks: OwnNetworks;
  readonly #exports: Loop;
  readonly #imports: Loop;
  readonly #statuses: Loop;
  readonly #drains: Loop;
  readonly #statusSync: StatusSync;
  readonly #seen: SeenServices;
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;

  /** Starts at once. A store that is away is waited for; it need not be there at the start. */
  constructor(options: AgentOptions) {
    const { cluster, brokerNamespace, endpoints, clock, log, random } = options;
    const member = memberCaches(options.member, clock);
    const broker = brokerCaches(options.broker, brokerNamespace, clock);
    const { counters } = this;
    const toMember = new Writer('member', options.member, counters, log);
    const toBroker = new Writer('broker', options.broker, counters, log);
    const life = new SignsOfLife({ ...options, onExpiry: (id) => this.#onExpiry(id) });
    const seen = new SeenServices(log);
    const instance = randomUUID();
    const events =
      options.events === true ? { events: new Events({ store: options.member, instance, clock, log }) } : {};
    const ownNetworks = new OwnNetworks({ ...options, onChange: () => this.#addAll() });
    const clusterset = new Clusterset({
      cluster,
      brokerNamespace,
      endpoints,
      member,
      broker,
      filters: options.filters ?? NO_FILTERS,
      ownAddresses: () => ownNetworks.addresses,
      isExpired: (id, isImported) => life.isExpired(id, isImported),
      counters,
      log,
    });
    const heartbeat = new Heartbeat({
      cluster,
      clusterUid: () => member.namespaces.get('kube-system')?.metadata.uid,
      version: options.version ?? 'unknown',
      delays: () => life.skew.delays,
      instance,
      broker: options.broker,
      brokerNamespace,
      clock,
      log,
      onClaim: () => this.#onClaim(),
    });
    const ips =
      options.clustersetCidrs &&
      new ClustersetIps({
        cidrs: options.clustersetCidrs,
        store: options.member,
        epoch: instance,
        onFree: (key) => this.#imports.add(key),
        clock,
        random,
        log,
      });
    const exports = new ExportSync({
      clusterset,
      broker,
      toBroker,
      news: this.#exportNews,
      claim: () => heartbeat.claim,
      brokerLocation: options.broker.location,
      onFailure: (key, isFailing) => this.#statuses.add(key, isFailing ? FAILURE_SHOWN_AFTER_MS : 0),
    });
    const imports = new ImportSync({
      cluster,
      clusterset,
      member,
      store: options.member,
      toMember,
      news: this.#importNews,
      ...(ips && { ips }),
      ...events,
      clock,
      log,
      onSeen: (key, service) => seen.set(key, service),
    });
    this.#log = log;
    this.#member = member;
    this.#broker = broker;
    this.#clusterset = clusterset;
    this.#ips = ips;
    this.#heartbeat = heartbeat;
    this.#life = life;
    this.#seen = seen;
    this.#clock = clock;
    this.#ownNetworks = ownNetworks;
    this.#drainSync = new DrainSync({
      member: options.member,
      broker: options.broker,
      brokerNamespace,
      toMember,
      clock,
      onChange: () => this.#drains.add('clusters'),
    });
    this.#statusSync = new StatusSync({ clusterset, member, exports, toMember, clock, ...events });
    const loop = { log, clock, random };
    this.#exports = new Loop({ ...loop, name: 'export', run: (key) => exports.reconcile(key) });
    this.#imports = new Loop({ ...loop, name: 'import', run: (key) => imports.reconcile(key) });
    this.#statuses = new Loop({ ...loop, name: 'status', run: (key) => this.#statusSync.reconcile(key) });
    this.#drains = new Loop({ ...loop, name: 'drain', run: () => this.#drainSync.reconcile() });
    this.#wire();
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Resolves when the lists of both sides are complete: from then on everything is synced. */
  get synced(): Promise<void> {
    return Promise.all(this.#caches().map((cache) => cache.synced)).then(() => {});
  }

  /** Whether its own cluster's lists are complete; enough to be ready, with the broker away too. */
  get isMemberSynced(): boolean {
    return Object.values(this.#member).every((cache) => cache.isSynced);
  }

  get isBrokerSynced(): boolean {
    return this.#clusterset.isBrokerKnown;
  }

  /** Whether the broker is followed at this moment. */
  get isBrokerInSight(): boolean {
    return this.#clusterset.isBrokerKnown && !this.#clusterset.isBrokerOutOfSight;
  }

  /** Clusterset IPs by family; empty in direct mode. */
  get clustersetIps(): ClustersetIps['counts'] {
    return this.#ips?.counts ?? [];
  }

  /** When the broker last answered to a heartbeat (milliseconds since 1970); undefined until it has. */
  get brokerAnsweredAt(): number | undefined {
    return this.#heartbeat.answeredAt;
  }

  /** Heartbeats that reached the broker. */
  get beats(): number {
    return this.#heartbeat.beats;
  }

  /** For how long nothing was heard of each cluster whose services are imported, itself included; in milliseconds. */
  get ages(): ReadonlyMap<string, number> {
    const ages = new Map<string, number>();
    for (const cluster of this.#seen.clusters) {
      const age = this.#life.silentMs(cluster);
      if (age !== undefined) ages.set(cluster, age);
    }
    return ages;
  }

  /** Services that wait to be reconciled, by reconciler. */
  get depths(): { readonly export: number; readonly import: number; readonly status: number } {
    return { export: this.#exports.depth, import: this.#imports.depth, status: this.#statuses.depth };
  }

  /** How many of this cluster's exports stand where. */
  get exportStates(): ReadonlyMap<ExportState, number> {
    return this.#statusSync.states;
  }

  /** Resolves when nothing is left to do for what has been seen so far, but for what has to wait. */
  async idle(): Promise<void> {
    await this.#imports.idle();
    await this.#exports.idle();
    // Last, since exports have news for them.
    await this.#statuses.idle();
  }

  /** The clusterset's services as this cluster sees them, in no order. */
  services(): IterableIterator<ServiceSummary> {
    return this.#seen.values();
  }

  /** Calls `listener` whenever {@link services} has changed. @returns the unsubscriber. */
  subscribe(listener: () => void): () => void {
    return this.#seen.subscribe(listener);
  }

  /** Stops watching and writing. What is written stays: stopping is not leaving. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#ips?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const caches = this.#caches();
    // What must not be decided before lists are complete is decided now, for all keys.
    for (const cache of caches) void cache.synced.then(() => this.#addAll());
    const loops = [this.#exports, this.#imports, this.#statuses, this.#drains];
    const { imports, namespaces } = this.#member;
    // What a predecessor is about to write must be known before what stands there is looked at.
    const followImports = async (): Promise<void> => {
      await this.#ips?.takeOver(signal);
      await imports.run(signal);
    };
    // The heartbeat says which cluster this is, which one of the namespaces says.
    const beat = async (): Promise<void> => {
      await Promise.race([namespaces.synced, aborted(signal)]);
      await this.#heartbeat.run(signal);
    };
    const others = caches.filter((cache) => cache !== imports);
    const parts = [...loops, ...others, this.#drainSync, this.#ownNetworks];
    const { records } = this.#broker;
    await Promise.all([
      followImports(),
      beat(),
      this.#life.run(() => records.indexed('cluster'), signal),
      ...parts.map((part) => part.run(signal)),
    ]);
  }

  #caches() {
    return [...Object.values(this.#member), ...Object.values(this.#broker)];
  }

  /** Which services a change is about. Whether it matters is found out by looking at them. */
  #wire(): void {
    const { namespaces, services, exports, slices, imports, importedSlices } = this.#member;
    const { records, recordSlices } = this.#broker;
    // What a first list tells has changed at a time that nobody knows.
    const change = (key: string, { isSynced }: { readonly isSynced: boolean }): void => {
      if (isSynced) this.#exportNews.note(key, 'service', this.#clock.now());
      this.#touch(key);
    };
    exports.onChange((key) => change(key, exports));
    services.onChange((key) => {
      if (exports.get(key) !== undefined) change(key, services);
    });
    slices.onChange((_key, ...states) => {
      for (const key of keysOf(states, (slice) => keyByLabel(slice, Label.ownServiceName))) {
        if (exports.get(key) !== undefined) change(key, slices);
      }
    });
    recordSlices.onChange((_key, before, after) => {
      const arrival = recordSlices.isSynced ? arrivalOf(before, after, this.#life.skew) : undefined;
      if (arrival !== undefined) this.#importNews.note(arrival.service, arrival.slice, arrival.at);
    });
    for (const cache of [records, recordSlices]) {
      cache.onChange((_key, ...states) => {
        for (const key of keysOf(states, recordKey)) this.#touch(key);
      });
    }
    namespaces.onChange((name) => {
      for (const record of records.find('namespace', name)) this.#imports.add(recordKey(record));
    });
    imports.onChange((key, _before, after) => {
      if (!imports.isSynced && after !== undefined) this.#ips?.adopt(key, after);
      this.#imports.add(key);
    });
    importedSlices.onChange((_key, ...states) => {
      for (const key of keysOf(states, (slice) => keyByLabel(slice, Label.serviceName))) {
        this.#imports.add(key);
      }
    });
    this.#broker.records.onSight((inSight) => {
      if (inSight) this.#heartbeat.beatNow();
    });
    for (const cache of this.#caches()) {
      cache.onSight((inSight) => {
        if (inSight) for (const loop of [this.#exports, this.#imports, this.#statuses]) loop.retry();
      });
    }
    for (const cache of [records, recordSlices]) {
      cache.onSight(() => {
        for (const key of exports.keys()) this.#statuses.add(key);
      });
    }
  }

  #onExpiry(cluster: string): void {
    this.#log.warn(
      { cluster, silentMs: this.#life.silentMs(cluster) },
      'A cluster is silent for longer than --expire-after, or is back: what it exports here changes',
    );
    for (const record of this.#broker.records.find('cluster', cluster)) this.#touch(recordKey(record));
  }

  #onClaim(): void {
    this.#exports.retry();
    for (const key of this.#member.exports.keys()) this.#statuses.add(key);
  }

  #touch(key: string): void {
    this.#exports.add(key);
    this.#imports.add(key);
    this.#statuses.add(key);
  }

  #addAll(): void {
    const { exports, imports, importedSlices } = this.#member;
    const { records, recordSlices } = this.#broker;
    for (const key of exports.keys()) this.#touch(key);
    for (const cache of [records, recordSlices]) {
      for (const key of cache.indexed('service')) this.#touch(key);
    }
    for (const key of imports.keys()) this.#imports.add(key);
    for (const key of importedSlices.indexed('service')) this.#imports.add(key);
    for (const key of this.#ips?.services() ?? []) this.#imports.add(key);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

/** The keys of an object before and after a change, each once. */
function keysOf<T extends KubeObject>(
  states: readonly (T | undefined)[],
  keyOf: (object: T) => string,
): ReadonlySet<string> {
  return new Set(states.flatMap((object) => (object === undefined ? [] : [keyOf(object)])));
}
