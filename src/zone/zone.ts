import type { ClusterId } from '../api/identity.ts';
import type { EndpointSlice, KubeObject, ServiceImport } from '../api/objects.ts';
import { answer } from './answer.ts';
import type { ZoneData } from './found.ts';
import type { ZoneHistory } from './history.ts';
import { parseImport, type ImportModel, type Policy } from './import-model.ts';
import { parseOrigin } from './name.ts';
import { namesBelow, type NamesBelow } from './names-below.ts';
import { PastZone } from './past.ts';
import type { Answer, AnswerSource, Asker, Dependency, NameSource, Question } from './records.ts';
import { type Reachability, whyUnreachable } from './reachability.ts';
import { parseReverseZone } from './reverse-name.ts';
import { compileFrom, sameService, type ServiceContext, type ServiceView, type Standing } from './service.ts';
import { same } from './same.ts';
import { parseSlice, type SliceModel } from './slice-model.ts';
import { fields, text } from './unchecked.ts';
import { ZoneIndex, type ServiceKey } from './zone-index.ts';

export interface ZoneOptions {
  /** Zones to serve, the first of which PTR records point into; `clusterset.local.` where there are none. */
  readonly origins?: readonly string[];
  /** The cluster that this server is in: always reachable, first in order. Absent outside all clusters. */
  readonly ownCluster?: ClusterId;
  /** For services whose import names none. */
  readonly policy?: Policy;
  /** Seconds. */
  readonly ttl?: number;
  /** No names but the specification's: `<cluster>.<svc>.<ns>.svc.Z` has no records. */
  readonly strictNames?: boolean;
  /** Addresses of `ns.dns.Z`. */
  readonly advertise?: readonly string[];
  /** Networks, in CIDR notation, whose reverse names are answered with authority. */
  readonly reverseZones?: readonly string[];
  /** The serial to begin after: one that secondaries have not seen yet, such as the time in seconds. */
  readonly serial?: number;
  /** Remembers what the zone was; absent = nothing is. */
  readonly history?: ZoneHistory;
}

/** What is known of one service. Slices may come before their import: they wait here for it. */
interface Entry {
  model: ImportModel | undefined;
  readonly slices: Map<string, SliceModel>; // slice's namespace/name → content
  view: ServiceView | undefined;
  /** Whether the view is of a reachability that is over: it is made anew when someone asks for it. */
  outdated: boolean;
}

/** So many changes of a service are looked back at, at most. */
const MOST_LOOKS = 100;

type Changed = 'all' | ReadonlySet<Dependency>;

/**
 * The zone, built from a member cluster's ServiceImports and EndpointSlices as they come and go, in any
 * order. A change costs work in proportion to the service that it is about. Each service's meaning is
 * compiled anew and replaces the old one in one assignment, so that an answer is always of one state.
 *
 * Objects that do not validate count as absent; {@link rejected} says which and why. Setting what is
 * there already, or removing what is not, changes nothing and tells nobody.
 */
export class Zone implements AnswerSource, NameSource {
  readonly #data: { -readonly [Field in keyof ZoneData]: ZoneData[Field] };
  readonly #context: ServiceContext;
  /** namespace/name → service */
  readonly #services = new Map<ServiceKey, Entry>();
  /** slice's namespace/name → key of the service it is of */
  readonly #serviceOfSlice = new Map<string, ServiceKey>();
  readonly #index = new ZoneIndex();
  readonly #rejected = new Map<string, string>();
  readonly #listeners = new Set<(changed: Changed) => void>();
  readonly #history: ZoneHistory | undefined;
  #reachability: Reachability = 'all';
  #drained: ReadonlyMap<string, string> = new Map(); // cluster → who drained it, in words
  #importsIn = false;
  #slicesIn = false;

  /** @throws Error where an origin or a network is not one */
  constructor(options: ZoneOptions = {}) {
    this.#history = options.history;
    this.#context = {
      ownCluster: options.ownCluster,
      defaultPolicy: options.policy ?? 'local',
      unreachable: (cluster) => whyUnreachable(this.#reachability, cluster),
      drained: (cluster) => this.#drained.get(cluster),
    };
    this.#data = {
      origins: (options.origins ?? ['clusterset.local.']).map(parseOrigin),
      reverseZones: (options.reverseZones ?? []).map(parseReverseZone),
      synced: false,
      staleSince: undefined,
      serial: (options.serial ?? 0) >>> 0,
      ttl: options.ttl ?? 5,
      strictNames: options.strictNames ?? false,
      advertise: options.advertise ?? [],
      service: (namespace, name) => this.#viewOf(this.#services.get(`${namespace}/${name}`)),
      hasNamespace: (namespace) => this.#index.hasNamespace(namespace),
      // Who owns an address does not depend on who can be reached.
      ownersOf: (address) =>
        this.#index.ownersOf(address).flatMap((key) => this.#services.get(key)?.view ?? []),
    };
  }

  get serial(): number {
    return this.#data.serial;
  }

  /** Whether imports and slices have both been listed in full: only then the zone can say NXDOMAIN. */
  get synced(): boolean {
    return this.#data.synced;
  }

  /** Since when answers have been marked as stale; undefined while they are fresh. */
  get staleSince(): string | undefined {
    return this.#data.staleSince;
  }

  /** `ServiceImport namespace/name` or `EndpointSlice namespace/name` → why it is left out. */
  get rejected(): ReadonlyMap<string, string> {
    return this.#rejected;
  }

  get names(): this {
    return this;
  }

  get origins(): ZoneData['origins'] {
    return this.#data.origins;
  }

  hasService(namespace: string, name: string): boolean {
    // Whoever counts in it, it is there: this must not compile what nobody has asked for.
    return this.#services.get(`${namespace}/${name}`)?.view !== undefined;
  }

  hasNamespace(namespace: string): boolean {
    return this.#data.hasNamespace(namespace);
  }

  below(namespace: string, name: string): NamesBelow | undefined {
    const service = this.#data.service(namespace, name);
    return service && namesBelow(service);
  }

  /** The services that have names now, in no order; none before the first full lists. */
  services(): IterableIterator<ServiceView> {
    return this.#services.values().flatMap((entry) => {
      const view = this.#viewOf(entry);
      return view === undefined ? [] : [view];
    });
  }

  /** How many services have names now. */
  get serviceCount(): number {
    let count = 0;
    for (const { view } of this.#services.values()) if (view !== undefined) count++;
    return count;
  }

  service(namespace: string, name: string): ServiceView | undefined {
    return this.#data.service(namespace, name);
  }

  answer(question: Question, asker: Asker): Answer {
    return answer(this.#data, question, asker);
  }

  /**
   * The zone as it was.
   *
   * @param time milliseconds since 1970
   * @returns undefined where that is not remembered
   */
  at(time: number): PastZone | undefined {
    const since = this.#history?.since;
    if (this.#history === undefined || since === undefined || time < since) return undefined;
    const present = {
      data: this.#data,
      context: this.#context,
      reachability: this.#reachability,
      drained: this.#drained,
      services: this.#services,
    };
    return new PastZone(present, this.#history.after(time));
  }

  /** The moment (ms since 1970) from which on {@link at} knows what was; undefined where nothing is remembered. */
  get rememberedSince(): number | undefined {
    return this.#history?.since;
  }

  /**
   * Since when (ms since 1970) the clusters of a service count, or do not, as they do now: of those of which the
   * change is remembered.
   */
  standingSince(namespace: string, name: string): ReadonlyMap<string, number> {
    const since = new Map<string, number>();
    const left = new Map(this.service(namespace, name)?.members.map(({ id, standing }) => [id, standing.is]));
    const key: ServiceKey = `${namespace}/${name}`;
    const times = new Set<number>();
    for (const change of this.#history?.after(-Infinity) ?? []) {
      if (times.size === MOST_LOOKS) break;
      if (!('key' in change) || change.key === key) times.add(change.at);
    }
    for (const time of times) {
      if (left.size === 0) break;
      const members = this.at(time - 1)?.service(namespace, name)?.members ?? [];
      for (const [id, is] of left) {
        if (members.find((member) => member.id === id)?.standing.is === is) continue;
        since.set(id, time);
        left.delete(id);
      }
    }
    return since;
  }

  subscribe(listener: (changed: Changed) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setImport(object: ServiceImport): void {
    this.#change((touched) => this.#takeImport(object, touched));
  }

  removeImport(object: KubeObject): void {
    this.#change((touched) => this.#dropImport(keyIn(object), touched));
  }

  setSlice(object: EndpointSlice): void {
    this.#change((touched) => this.#takeSlice(object, touched));
  }

  removeSlice(object: KubeObject): void {
    this.#change((touched) => this.#dropSlice(keyIn(object), touched));
  }

  /** The full list of imports: what it lacks is gone. */
  replaceImports(objects: Iterable<ServiceImport>): void {
    const touched = new Set<ServiceKey>();
    const listed = new Set<string>();
    for (const object of objects) {
      listed.add(keyIn(object));
      this.#takeImport(object, touched);
    }
    for (const [key, { model }] of this.#services) {
      if (model !== undefined && !listed.has(key)) this.#dropImport(key, touched);
    }
    this.#forgetRejected('ServiceImport ', listed);
    this.#importsIn = true;
    this.#publish(touched);
  }

  /** The full list of slices: what it lacks is gone. */
  replaceSlices(objects: Iterable<EndpointSlice>): void {
    const touched = new Set<ServiceKey>();
    const listed = new Set<string>();
    for (const object of objects) {
      listed.add(keyIn(object));
      this.#takeSlice(object, touched);
    }
    for (const key of this.#serviceOfSlice.keys()) {
      if (!listed.has(key)) this.#dropSlice(key, touched);
    }
    this.#forgetRejected('EndpointSlice ', listed);
    this.#slicesIn = true;
    this.#publish(touched);
  }

  /**
   * A cluster may be in every service: each that it is in is told to have changed, and compiled when it is asked
   * for, so that the first answer does not wait for the last service.
   */
  setReachability(reachability: Reachability): void {
    const before = this.#reachability;
    if (same(before, reachability)) return;
    this.#history?.remember({ of: 'reachability', before }, this.serial);
    this.#reachability = reachability;
    const clusters = [...this.#index.memberships.keys()].filter(
      (cluster) =>
        cluster !== this.#context.ownCluster &&
        whyUnreachable(before, cluster) !== whyUnreachable(reachability, cluster),
    );
    // One that is not ready, or drained, does not count either way.
    this.#outdate(clusters, ({ is }) => is === 'counted' || is === 'unreachable');
  }

  /** The clusters that an administrator took out of all answers, the own one as well, and in words who did. */
  setDrained(drained: ReadonlyMap<string, string>): void {
    const before = this.#drained;
    if (same(before, drained)) return;
    this.#history?.remember({ of: 'drained', before }, this.serial);
    this.#drained = drained;
    const clusters = [...this.#index.memberships.keys()].filter(
      (cluster) => before.get(cluster) !== drained.get(cluster),
    );
    // One that is not ready, cannot be reached, or has no weight does not count either way.
    this.#outdate(clusters, (standing) => standing.is === 'counted' || isByHand(standing));
  }

  /**
   * From now on answers say that they are from stale data.
   *
   * @param since in words for the asker, such as an RFC 3339 time; undefined = fresh again
   */
  setStale(since: string | undefined): void {
    if (this.#data.staleSince === since) return;
    this.#history?.remember({ of: 'stale', before: this.#data.staleSince }, this.serial);
    this.#data.staleSince = since;
    this.#tell('all');
  }

  #change(take: (touched: Set<ServiceKey>) => void): void {
    const touched = new Set<ServiceKey>();
    take(touched);
    this.#publish(touched);
  }

  #takeImport(object: ServiceImport, touched: Set<ServiceKey>): void {
    const key = keyIn(object);
    const model = parseImport(object);
    if ('rejected' in model) {
      this.#dropImport(key, touched);
      this.#rejected.set(`ServiceImport ${key}`, model.rejected);
      return;
    }
    this.#rejected.delete(`ServiceImport ${key}`);
    const entry = this.#entry(key);
    if (same(entry.model, model)) return;
    this.#history?.remember({ of: 'import', key, before: entry.model }, this.serial);
    entry.model = model;
    touched.add(key);
  }

  #dropImport(key: ServiceKey, touched: Set<ServiceKey>): void {
    this.#rejected.delete(`ServiceImport ${key}`);
    const entry = this.#services.get(key);
    if (entry?.model === undefined) return;
    this.#history?.remember({ of: 'import', key, before: entry.model }, this.serial);
    entry.model = undefined;
    touched.add(key);
  }

  #takeSlice(object: EndpointSlice, touched: Set<ServiceKey>): void {
    const sliceKey = keyIn(object);
    const slice = parseSlice(object);
    if ('rejected' in slice) {
      this.#dropSlice(sliceKey, touched);
      this.#rejected.set(`EndpointSlice ${sliceKey}`, slice.rejected);
      return;
    }
    this.#rejected.delete(`EndpointSlice ${sliceKey}`);
    const key: ServiceKey = `${slice.namespace}/${slice.service}`;
    if (this.#serviceOfSlice.get(sliceKey) !== key) this.#dropSlice(sliceKey, touched);
    const { slices } = this.#entry(key);
    const before = slices.get(sliceKey);
    // Keeping the equal one keeps its endpoints' identity, which is what makes comparing views cheap.
    if (same(before, slice)) return;
    this.#history?.remember({ of: 'slice', key, slice: sliceKey, before }, this.serial);
    slices.set(sliceKey, slice);
    this.#serviceOfSlice.set(sliceKey, key);
    touched.add(key);
  }

  #dropSlice(sliceKey: string, touched: Set<ServiceKey>): void {
    this.#rejected.delete(`EndpointSlice ${sliceKey}`);
    const key = this.#serviceOfSlice.get(sliceKey);
    if (key === undefined) return;
    this.#serviceOfSlice.delete(sliceKey);
    const slices = this.#services.get(key)?.slices;
    this.#history?.remember(
      { of: 'slice', key, slice: sliceKey, before: slices?.get(sliceKey) },
      this.serial,
    );
    slices?.delete(sliceKey);
    touched.add(key);
  }

  #entry(key: ServiceKey): Entry {
    let entry = this.#services.get(key);
    if (entry === undefined) {
      entry = { model: undefined, slices: new Map(), view: undefined, outdated: false };
      this.#services.set(key, entry);
    }
    return entry;
  }

  #forgetRejected(prefix: string, listed: ReadonlySet<string>): void {
    for (const name of this.#rejected.keys()) {
      if (name.startsWith(prefix) && !listed.has(name.slice(prefix.length))) this.#rejected.delete(name);
    }
  }

  /** Compiles the services that were touched and tells what changed; the first time, when both lists are in. */
  #publish(touched: ReadonlySet<ServiceKey>): void {
    if (!this.#importsIn || !this.#slicesIn) return;
    const changed = new Set<Dependency>();
    const first = !this.#data.synced;
    for (const key of first ? [...this.#services.keys()] : touched) this.#compile(key, changed);
    this.#data.synced = true;
    if (first) this.#history?.begin();
    if (first || changed.size > 0) this.#announce(first ? 'all' : changed);
  }

  #announce(changed: 'all' | Set<Dependency>): void {
    this.#data.serial = (this.#data.serial + 1) >>> 0;
    // The SOA, which has the serial, is the apex's.
    if (changed !== 'all') changed.add('apex');
    this.#tell(changed);
  }

  /** What a service means now. */
  #viewOf(entry: Entry | undefined): ServiceView | undefined {
    if (entry?.outdated === true) {
      entry.view = compileFrom(entry.model, entry.slices, this.#context);
      entry.outdated = false;
    }
    return entry?.view;
  }

  #compile(key: ServiceKey, changed: Set<Dependency>): void {
    const entry = this.#services.get(key);
    if (entry === undefined) return;
    const before = entry.view;
    const after = compileFrom(entry.model, entry.slices, this.#context);
    entry.outdated = false;
    if (entry.model === undefined && entry.slices.size === 0) this.#services.delete(key);
    if (before === undefined ? after === undefined : after !== undefined && sameService(before, after))
      return;
    entry.view = after;
    this.#index.update(key, before, after, changed);
  }

  /** @param matters whether it makes a difference to a member with this standing */
  #outdate(clusters: readonly string[], matters: (standing: Standing) => boolean): void {
    const changed = new Set<Dependency>();
    for (const cluster of clusters) {
      for (const key of this.#index.memberships.get(cluster) ?? []) {
        const entry = this.#services.get(key);
        const member = entry?.view?.members.find(({ id }) => id === cluster);
        if (entry === undefined || member === undefined || !matters(member.standing)) continue;
        entry.outdated = true;
        changed.add(`service:${key}`);
      }
    }
    if (changed.size > 0) this.#announce(changed);
  }

  #tell(changed: Changed): void {
    for (const listener of this.#listeners) listener(changed);
  }
}

/** Drained by an administrator, not for want of a weight. */
const isByHand = (standing: Standing): boolean => standing.is === 'drained' && standing.why !== undefined;

/** `namespace/name` of an object that need not have either. */
function keyIn(object: unknown): ServiceKey {
  const { namespace, name } = fields(fields(object)['metadata']);
  return `${text(namespace)}/${text(name)}`;
}
