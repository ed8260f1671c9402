import type { ConfigMap } from '../api/administration.ts';
import type { IpAddress } from '../api/cidr.ts';
import { DRAINED_REF, parseDrained } from '../api/drained.ts';
import { Kinds, keyOf } from '../api/kinds.ts';
import type { EndpointSlice, ServiceImport } from '../api/objects.ts';
import { type NftText, applyNft, nft, readNftTable } from '../host/nft.ts';
import type { Run } from '../host/run.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { Reconciler } from '../runtime/reconciler.ts';
import type { ObjectStore, WatchEvent } from '../store/store.ts';
import { forgetDeadConnections } from './connections.ts';
import { OwnChanges } from './own-changes.ts';
import type { Reach } from './reach.ts';
import { importFacts, sliceFacts } from './service-facts.ts';
import { type ImportFacts, type SliceFacts, type VipEntry, planService } from './service-plan.ts';
import { NO_SERVICES, type ServiceState, entryKey, serviceChange, serviceTable } from './service-rules.ts';

export interface ServiceAgentOptions {
  readonly cluster: string;
  readonly node: string;
  readonly store: ObjectStore;
  readonly run: Run;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Why a clusterset IP is not served here. */
export type VipRefusal = 'own-range' | 'taken';

const KEY = 'services';
/** Changes that come together, such as an import and its slices, are told to the kernel together. */
const GATHER_MS = 5;

/** Keeps the maps of clusterset IPs what ServiceImports and EndpointSlices ask for. */
export class ServiceAgent implements AsyncDisposable {
  readonly #options: ServiceAgentOptions;
  readonly #imports = new Map<string, ImportFacts>(); // key → facts
  readonly #slices = new Map<string, SliceFacts>(); // key of the slice → facts
  readonly #slicesOf = new Map<string, Set<string>>(); // service → keys of its slices
  readonly #dirty = new Set<string>(); // services
  readonly #planned = new Map<string, readonly VipEntry[]>(); // service → entries
  readonly #reconciler: Reconciler;
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>;
  readonly refused = new Map<VipRefusal, number>();
  /** Times that the maps were found changed by others and written anew. */
  repairs = 0;
  /** Pairs of clusterset IP and backend whose connections were forgotten. */
  forgotten = 0;
  #reach: (cluster: string) => Reach = () => 'open';
  #drained: ReadonlySet<string> = new Set();
  /** What is drained is known, or cannot be. */
  #isDrainedKnown = false;
  #isForeign: (ip: IpAddress) => boolean = () => false;
  #synced = 0;
  #state: ServiceState = NO_SERVICES;
  /** What the kernel is known to have; undefined where that is not known. */
  #applied: ServiceState | undefined;
  /** Keys of entries that were planned anew since then. */
  readonly #touched = new Set<string>();
  #drifted = false;
  readonly #changes = new OwnChanges((line) => / ip6? pharos\b/.test(line));

  constructor(options: ServiceAgentOptions) {
    this.#options = options;
    const { store, log, clock, random } = options;
    this.#reconciler = new Reconciler({
      name: 'services',
      reconcile: () => this.#reconcile(),
      log,
      clock,
      random,
      workers: 1,
      backoff: { baseMs: 100, maxMs: 10_000 },
    });
    const { signal } = this.#abort;
    this.#running = Promise.all([
      store.watch(Kinds.ServiceImport, {}, (event) => this.#onImport(event), signal),
      store.watch(Kinds.EndpointSlice, {}, (event) => this.#onSlice(event), signal),
      store.watch(Kinds.ConfigMap, DRAINED_REF, (event) => this.#onDrained(event), signal),
      this.#reconciler.run(signal),
    ]);
  }

  get isSynced(): boolean {
    return this.#applied !== undefined;
  }

  /** Whether what changes in the maps now is somebody else's doing. */
  get isSettled(): boolean {
    return this.#changes.isSettled;
  }

  /** What is in force. */
  get state(): ServiceState {
    return this.#applied ?? NO_SERVICES;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /**
   * @param reach how a cluster is reached
   * @param isForeign whether an address is one that no clusterset IP may be: a pod's, a Service's, a node's
   */
  setSurroundings(reach: (cluster: string) => Reach, isForeign: (ip: IpAddress) => boolean): void {
    const before = this.#reach;
    this.#reach = reach;
    this.#isForeign = isForeign;
    this.#touchThoseOf((cluster) => before(cluster) !== reach(cluster));
  }

  /** A line of `nft monitor`. */
  notice(line: string): void {
    const isDrift = this.#changes.hear(line, this.#options.clock.monotonic());
    if (!isDrift || this.#applied === undefined) return;
    this.#drifted = true;
    this.#reconciler.add(KEY, 50);
  }

  #onImport(event: WatchEvent<ServiceImport>): void {
    const set = (object: ServiceImport): void => {
      const facts = importFacts(object);
      const key = keyOf(object);
      if (facts === undefined) this.#imports.delete(key);
      else this.#imports.set(key, facts);
      this.#touch(key);
    };
    switch (event.type) {
      case 'snapshot': {
        for (const key of this.#imports.keys()) this.#touch(key);
        this.#imports.clear();
        for (const object of event.objects) set(object);
        this.#first();
        return;
      }
      case 'set':
        set(event.object);
        return;
      case 'removed':
        this.#imports.delete(keyOf(event.object));
        this.#touch(keyOf(event.object));
        return;
      case 'interrupted':
      case 'live':
        return;
      default:
        event satisfies never;
    }
  }

  #onSlice(event: WatchEvent<EndpointSlice>): void {
    switch (event.type) {
      case 'snapshot':
        for (const key of this.#slices.keys()) this.#setSlice(key, undefined);
        for (const object of event.objects) this.#setSlice(keyOf(object), sliceFacts(object));
        this.#first();
        return;
      case 'set':
        this.#setSlice(keyOf(event.object), sliceFacts(event.object));
        return;
      case 'removed':
        this.#setSlice(keyOf(event.object), undefined);
        return;
      case 'interrupted':
      case 'live':
        return;
      default:
        event satisfies never;
    }
  }

  /** Clusters that an administrator took out of all answers: connections that are stay. */
  #onDrained(event: WatchEvent<ConfigMap>): void {
    switch (event.type) {
      case 'snapshot':
        return this.#setDrained([...event.objects][0]);
      case 'set':
        return this.#setDrained(event.object);
      case 'removed':
        return this.#setDrained(undefined);
      case 'interrupted':
        if (event.error.code === 'forbidden') {
          this.#options.log.warn(
            { err: event.error },
            'Which clusters are drained must not be read; none counts as drained',
          );
        }
        // What was known stays in force; where nothing was, services do not wait for it.
        this.#isDrainedKnown = true;
        this.#reconciler.add(KEY, GATHER_MS);
        return;
      case 'live':
        return;
      default:
        event satisfies never;
    }
  }

  #setDrained(object: ConfigMap | undefined): void {
    const before = this.#drained;
    const now = new Set(parseDrained(object).keys());
    this.#drained = now;
    this.#isDrainedKnown = true;
    this.#touchThoseOf((cluster) => before.has(cluster) !== now.has(cluster));
    this.#reconciler.add(KEY, GATHER_MS);
  }

  /** Services that some such cluster exports. */
  #touchThoseOf(hasChanged: (cluster: string) => boolean): void {
    const changes = new Map<string, boolean>();
    const isConcerned = ({ cluster }: { readonly cluster: string }): boolean => {
      const known = changes.get(cluster) ?? hasChanged(cluster);
      changes.set(cluster, known);
      return known;
    };
    for (const [key, { exports }] of this.#imports) if (exports.some(isConcerned)) this.#touch(key);
  }

  #first(): void {
    this.#synced++;
    this.#reconciler.add(KEY, GATHER_MS);
  }

  #setSlice(key: string, facts: SliceFacts | undefined): void {
    const old = this.#slices.get(key);
    if (old !== undefined) {
      this.#slicesOf.get(old.service)?.delete(key);
      this.#touch(old.service);
    }
    if (facts === undefined) {
      this.#slices.delete(key);
      return;
    }
    this.#slices.set(key, facts);
    const keys = this.#slicesOf.get(facts.service);
    if (keys === undefined) this.#slicesOf.set(facts.service, new Set([key]));
    else keys.add(key);
    this.#touch(facts.service);
  }

  #touch(service: string): void {
    if (!this.#imports.has(service) && !this.#planned.has(service)) return;
    this.#dirty.add(service);
    this.#reconciler.add(KEY, GATHER_MS);
  }

  async #reconcile(): Promise<'done'> {
    // Both kinds' first lists: with one of them missing all backends would look dead.
    if (this.#synced < 2 || !this.#isDrainedKnown) return 'done';
    const before = this.#state;
    const hasShrunk = this.#plan();
    const { run, log } = this.#options;
    if (this.#applied === undefined || this.#drifted) {
      const repair = this.#drifted && this.#applied !== undefined;
      this.#drifted = false;
      this.#applied = undefined;
      const whole = [serviceTable('IPv4'), serviceTable('IPv6')];
      const content = serviceChange(NO_SERVICES, this.#state);
      await this.#apply(nft`${content === undefined ? whole : [...whole, content]}`);
      if (repair) {
        this.repairs++;
        log.warn({ what: 'services' }, 'Somebody changed what is of Pharos on this node; it is put back');
      }
    } else {
      const change = serviceChange(this.#applied, this.#state, this.#touched);
      if (change !== undefined) {
        // Whatever becomes of it, the kernel's maps are not known until it is done.
        const applied = this.#applied;
        this.#applied = undefined;
        await this.#apply(change);
        this.#applied = applied;
      }
    }
    this.#applied = this.#state;
    this.#touched.clear();
    if (hasShrunk && before !== NO_SERVICES) {
      this.forgotten += await forgetDeadConnections(run, this.#state.vips, this.#state.entries);
    }
    return 'done';
  }

  /** @returns whether a backend that connections may have gone to is gone */
  #plan(): boolean {
    if (this.#dirty.size === 0) return false;
    const { cluster, node } = this.#options;
    const reach = (other: string): Reach => {
      const way = other === cluster ? 'open' : this.#reach(other);
      return way === 'open' && this.#drained.has(other) ? 'closing' : way;
    };
    let hasShrunk = false;
    const entries = new Map(this.#state.entries);
    for (const service of this.#dirty) {
      for (const entry of this.#planned.get(service) ?? []) {
        entries.delete(entryKey(entry));
        this.#touched.add(entryKey(entry));
      }
    }
    for (const service of this.#dirty) {
      const given = this.#imports.get(service);
      const slices = [...(this.#slicesOf.get(service) ?? [])].flatMap((key) => this.#slices.get(key) ?? []);
      const planned = given === undefined ? [] : planService(given, slices, { cluster, node, reach });
      const taken = planned.filter((entry) => !this.#isRefused(entry, entries));
      for (const entry of taken) {
        entries.set(entryKey(entry), entry);
        this.#touched.add(entryKey(entry));
      }
      const now = new Map(taken.map((entry) => [entryKey(entry), entry]));
      for (const old of this.#planned.get(service) ?? []) {
        const alive = now.get(entryKey(old))?.alive;
        if ([...old.alive].some((backend) => alive?.has(backend) !== true)) hasShrunk = true;
      }
      if (taken.length === 0) this.#planned.delete(service);
      else this.#planned.set(service, taken);
    }
    this.#dirty.clear();
    this.#state = stateOf(entries);
    return hasShrunk;
  }

  #isRefused(entry: VipEntry, entries: ReadonlyMap<string, VipEntry>): boolean {
    const why = this.#isForeign(entry.vip) ? 'own-range' : entries.has(entryKey(entry)) ? 'taken' : undefined;
    if (why === undefined) return false;
    this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
    this.#options.log.warn(
      { reason: why, ip: entry.vip },
      "A clusterset IP is not served: it is somebody else's",
    );
    return true;
  }

  async #apply(change: NftText): Promise<void> {
    this.#changes.begin(this.#options.clock.monotonic());
    try {
      await applyNft(this.#options.run, change);
    } catch (error) {
      this.#changes.cancel();
      throw error;
    }
  }

  /** Whether the tables are there: for what notices do not tell. */
  async check(): Promise<void> {
    if (this.#applied === undefined) return;
    const tables = await Promise.all([
      readNftTable(this.#options.run, 'ip'),
      readNftTable(this.#options.run, 'ip6'),
    ]);
    if (tables.every((table) => table !== undefined)) return;
    this.#drifted = true;
    this.#reconciler.add(KEY);
  }
}

function stateOf(entries: ReadonlyMap<string, VipEntry>): ServiceState {
  const vips = new Set<IpAddress>();
  const own = new Set<IpAddress>();
  for (const entry of entries.values()) {
    vips.add(entry.vip);
    for (const ip of entry.own) own.add(ip);
  }
  return { vips, own, entries };
}
