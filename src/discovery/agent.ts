/**
 * The agent: keeps a cluster's exports on the broker and the clusterset's imports in the cluster. It holds
 * no state of its own: all that it does follows from what the two stores hold.
 */
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { EndpointSlice, KubeObject, ServiceImport } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { Reconciler, type ReconcileResult } from '../runtime/reconciler.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import { aggregate, type Conflict, type View } from './aggregate.ts';
import { brokerCaches, type BrokerCaches, keyOfOwn, memberCaches, type MemberCaches } from './caches.ts';
import { exportConditions, type Publication, sameConditions } from './conditions.ts';
import { AgentCounters } from './counters.ts';
import { type EndpointsMode, type Exported, exportService } from './export.ts';
import { importedObjects } from './import.ts';
import { isImported, ownerOf, serviceKey } from './labels.ts';
import { plan } from './plan.ts';
import { type ExportRecord, parseRecord } from './record.ts';
import { Writer } from './writer.ts';

export interface AgentOptions {
  readonly cluster: ClusterId;
  readonly member: ObjectStore;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  readonly endpoints: EndpointsMode;
  readonly log: Log;
  readonly clock: Clock;
  /** Numbers in [0, 1), as Math.random gives them. */
  readonly random: () => number;
}

/** What a table of services shows. */
export interface ServiceSummary {
  readonly namespace: string;
  readonly name: string;
  readonly type: ServiceImport['spec']['type'];
  /** The exporting clusters that are merged in, sorted. */
  readonly clusters: readonly string[];
  readonly conflicts: readonly Conflict[];
}

export class Agent implements AsyncDisposable {
  readonly counters = new AgentCounters();
  readonly #options: AgentOptions;
  readonly #member: MemberCaches;
  readonly #broker: BrokerCaches;
  readonly #toMember: Writer;
  readonly #toBroker: Writer;
  readonly #exports: Reconciler;
  readonly #imports: Reconciler;
  readonly #statuses: Reconciler;
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #failures = new Map<string, StoreError>(); // service → why its records are not on the broker
  readonly #told = new Set<string>(); // what was logged once and is so still

  constructor(options: AgentOptions) {
    this.#options = options;
    const { member, broker, brokerNamespace, clock, log, random } = options;
    this.#member = memberCaches(member, clock);
    this.#broker = brokerCaches(broker, brokerNamespace, clock);
    this.#toMember = new Writer('member', member, this.counters, log);
    this.#toBroker = new Writer('broker', broker, this.counters, log);
    const reconciler = (name: string, reconcile: (key: string) => Promise<ReconcileResult>): Reconciler =>
      new Reconciler({ name, reconcile, log, clock, random, workers: 8 });
    this.#exports = reconciler('export', (key) => this.#reconcileExport(key));
    this.#imports = reconciler('import', (key) => this.#reconcileImport(key));
    this.#statuses = reconciler('status', (key) => this.#reconcileStatus(key));
    this.#wire();
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Resolves when the lists of both sides are complete: from then on the agent writes and removes. */
  get synced(): Promise<void> {
    const caches = [...Object.values(this.#member), ...Object.values(this.#broker)];
    return Promise.all(caches.map((cache) => cache.synced)).then(() => {});
  }

  /** Whether its own cluster's lists are complete; enough to be ready, with the broker away too. */
  get isMemberSynced(): boolean {
    return Object.values(this.#member).every((cache) => cache.isSynced);
  }

  get isBrokerSynced(): boolean {
    return Object.values(this.#broker).every((cache) => cache.isSynced);
  }

  /** Services that wait to be reconciled, by reconciler. */
  get depths(): { readonly export: number; readonly import: number; readonly status: number } {
    return { export: this.#exports.depth, import: this.#imports.depth, status: this.#statuses.depth };
  }

  /** Resolves when nothing is left to do for what has been seen so far. */
  async idle(): Promise<void> {
    await Promise.all([this.#exports.idle(), this.#imports.idle(), this.#statuses.idle()]);
  }

  /** The clusterset's services as this cluster sees them, sorted by namespace and name. */
  services(): readonly ServiceSummary[] {
    return this.#broker.records
      .indexed('service')
      .sort()
      .flatMap((key) => {
        const view = this.#view(key);
        const [namespace = '', name = ''] = key.split('/');
        if (view === undefined) return [];
        const clusters = view.merged.map(({ cluster }): string => cluster).sort();
        return [{ namespace, name, type: view.spec.type, clusters, conflicts: view.conflicts }];
      });
  }

  /** Stops watching and writing. What is written stays: stopping is not leaving. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const loops = [this.#exports, this.#imports, this.#statuses].map((loop) => loop.run(signal));
    const caches = [...Object.values(this.#member), ...Object.values(this.#broker)];
    const watches = caches.map((cache) => cache.run(signal));
    // What a reconciler must not decide before lists are complete it decides now, for all keys.
    for (const cache of caches) void cache.synced.then(() => this.#addAll());
    await Promise.all([...loops, ...watches]);
  }

  #wire(): void {
    const { namespaces, services, exports, slices, imports, importedSlices } = this.#member;
    const { records, slices: recordSlices } = this.#broker;
    const exported = (key: string): void => {
      this.#exports.add(key);
      this.#statuses.add(key);
    };
    services.onChange(exported);
    exports.onChange(exported);
    slices.onChange((_key, before, after) => {
      for (const object of [before, after]) {
        const service = object?.metadata.labels?.[Label.ownServiceName];
        if (service !== undefined) this.#exports.add(serviceKey(object?.metadata.namespace ?? '', service));
      }
    });
    namespaces.onChange((name) => {
      for (const record of records.find('namespace', name)) this.#addImport(record);
    });
    imports.onChange((key) => this.#imports.add(key));
    importedSlices.onChange((_key, before, after) => {
      for (const object of [before, after]) {
        const service = object?.metadata.labels?.[Label.serviceName];
        if (service !== undefined) this.#imports.add(serviceKey(object?.metadata.namespace ?? '', service));
      }
    });
    records.onChange((_key, before, after) => {
      for (const object of [before, after]) {
        const owner = object && ownerOf(object);
        if (owner === undefined) continue;
        const key = serviceKey(owner.namespace, owner.service);
        this.#imports.add(key);
        this.#statuses.add(key);
        if (owner.cluster === this.#options.cluster) this.#exports.add(key);
      }
    });
    recordSlices.onChange((_key, before, after) => {
      for (const object of [before, after]) {
        const owner = object && ownerOf(object);
        if (owner === undefined) continue;
        const key = serviceKey(owner.namespace, owner.service);
        this.#imports.add(key);
        if (owner.cluster === this.#options.cluster) exported(key);
      }
    });
  }

  #addImport(record: ServiceImport): void {
    const owner = ownerOf(record);
    if (owner !== undefined) this.#imports.add(serviceKey(owner.namespace, owner.service));
  }

  #addAll(): void {
    const { exports, imports, importedSlices } = this.#member;
    const { records, slices } = this.#broker;
    for (const object of exports.values()) {
      this.#exports.add(keyOfOwn(object));
      this.#statuses.add(keyOfOwn(object));
    }
    for (const key of [...records.indexed('service'), ...slices.indexed('service')]) {
      this.#exports.add(key);
      this.#imports.add(key);
    }
    for (const object of imports.values()) this.#imports.add(keyOfOwn(object));
    for (const key of importedSlices.indexed('service')) this.#imports.add(key);
  }

  /** What this cluster exports under the key now; undefined while the lists to tell are not complete. */
  #exported(key: string): Exported | undefined {
    const { services, exports, slices } = this.#member;
    if (!services.isSynced || !exports.isSynced || !slices.isSynced) return undefined;
    return exportService({
      cluster: this.#options.cluster,
      brokerNamespace: this.#options.brokerNamespace,
      endpoints: this.#options.endpoints,
      serviceExport: exports.get(key),
      service: services.get(key),
      slices: slices.find('service', key),
    });
  }

  /** This cluster's records of the service, as the broker has them. */
  #ownRecords(key: string): {
    readonly imports: readonly ServiceImport[];
    readonly slices: readonly EndpointSlice[];
  } {
    const isOwn = ({ metadata }: KubeObject): boolean =>
      metadata.labels?.[Label.sourceCluster] === this.#options.cluster;
    return {
      imports: this.#broker.records.find('service', key).filter(isOwn),
      slices: this.#broker.slices.find('service', key).filter(isOwn),
    };
  }

  async #reconcileExport(key: string): Promise<ReconcileResult> {
    const exported = this.#exported(key);
    if (exported === undefined || !this.isBrokerSynced) return 'done';
    const desired = exported.is === 'valid' ? exported.records : undefined;
    const actual = this.#ownRecords(key);
    const imports = plan(desired ? [desired.serviceImport] : [], actual.imports);
    const slices = plan(desired?.slices ?? [], actual.slices);
    try {
      // Members must never see a service before its endpoints, nor endpoints vanish while the name is there.
      await this.#toBroker.remove(Kinds.ServiceImport, imports.remove);
      await this.#toBroker.apply(Kinds.EndpointSlice, slices.apply);
      await this.#toBroker.apply(Kinds.ServiceImport, imports.apply);
      await this.#toBroker.remove(Kinds.EndpointSlice, slices.remove);
    } catch (error) {
      if (error instanceof StoreError) {
        this.#failures.set(key, error);
        this.#statuses.add(key);
      }
      throw error;
    }
    if (this.#failures.delete(key)) this.#statuses.add(key);
    return 'done';
  }

  async #reconcileStatus(key: string): Promise<ReconcileResult> {
    const serviceExport = this.#member.exports.get(key);
    const exported = this.#exported(key);
    if (serviceExport === undefined || exported === undefined || exported.is === 'not-exported')
      return 'done';
    const conditions = exportConditions(
      serviceExport,
      exported,
      this.#publication(key, exported),
      this.#view(key, 'of-all')?.conflicts ?? [],
      new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    );
    if (sameConditions(serviceExport.status?.conditions, conditions)) return 'done';
    const { name, namespace } = serviceExport.metadata;
    await this.#toMember
      .applyStatus(Kinds.ServiceExport, {
        apiVersion: serviceExport.apiVersion,
        kind: 'ServiceExport',
        metadata: namespace === undefined ? { name } : { name, namespace },
        status: { conditions },
      })
      .catch((error: unknown) => {
        // Deleted a moment ago: the watch will say so.
        if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
      });
    return 'done';
  }

  #publication(key: string, exported: Exported): Publication {
    const { location } = this.#options.broker;
    if (exported.is === 'valid' && this.isBrokerSynced) {
      const own = this.#ownRecords(key);
      const imports = plan([exported.records.serviceImport], own.imports);
      const rest = plan(exported.records.slices, own.slices);
      if (imports.apply.length + rest.apply.length + rest.remove.length === 0) return { is: 'published' };
    }
    const failure = this.#failures.get(key);
    if (failure?.code === 'invalid' || failure?.code === 'forbidden') {
      return { is: 'failed', message: `The broker refuses the service: ${failure.message}` };
    }
    const interruption = this.#broker.records.interruption;
    if (interruption !== undefined) {
      return {
        is: 'out-of-sight',
        message: `The broker ${location} cannot be reached; tried again until it can`,
      };
    }
    if (failure !== undefined) return { is: 'pending', message: `Not on the broker yet: ${failure.message}` };
    return { is: 'pending', message: `On its way to the broker ${location}` };
  }

  async #reconcileImport(key: string): Promise<ReconcileResult> {
    const { namespaces, imports, importedSlices } = this.#member;
    if (!namespaces.isSynced || !imports.isSynced || !importedSlices.isSynced || !this.isBrokerSynced) {
      return 'done';
    }
    const [namespace = '', service = ''] = key.split('/');
    const home = namespaces.get(namespace);
    const isThere = home !== undefined && home.metadata.deletionTimestamp === undefined;
    const view = isThere ? this.#view(key) : undefined;
    const desired =
      view && importedObjects(namespace, service, view, this.#broker.slices.find('service', key));
    for (const [name, why] of desired?.rejected ?? []) this.#reject(name, why);

    const present = imports.get(key);
    const isForeign = present !== undefined && !isImported(present);
    if (isForeign && desired !== undefined) {
      this.#tellOnce(`foreign ${key}`, () => {
        this.#options.log.warn(
          { namespace, service },
          'A ServiceImport of this name was made by somebody else and is left alone; delete it to import the service',
        );
      });
    }
    // Endpoints of ours under another's import would change what that answers.
    const wanted = isForeign ? undefined : desired;
    const mine = present === undefined || isForeign ? [] : [present];
    const imported = plan(wanted ? [wanted.serviceImport] : [], mine);
    const slices = plan(wanted?.slices ?? [], importedSlices.find('service', key));
    await this.#toMember.remove(Kinds.ServiceImport, imported.remove);
    await this.#toMember.apply(Kinds.EndpointSlice, slices.apply);
    await this.#toMember.apply(Kinds.ServiceImport, imported.apply);
    await this.#toMember.remove(Kinds.EndpointSlice, slices.remove);
    if (wanted !== undefined) await this.#applyImportStatus(wanted.serviceImport, present);
    return 'done';
  }

  async #applyImportStatus(wanted: ServiceImport, present: ServiceImport | undefined): Promise<void> {
    const text = ({ status }: ServiceImport): string =>
      JSON.stringify([status?.endpointSliceObjects, (status?.clusters ?? []).map(({ cluster }) => cluster)]);
    if (present !== undefined && text(wanted) === text(present)) return;
    await this.#toMember.applyStatus(Kinds.ServiceImport, wanted);
  }

  /** The clusterset's view of the service as this cluster may see it, or (for conflicts) as a whole. */
  #view(key: string, scope: 'own' | 'of-all' = 'own'): View | undefined {
    const records = this.#broker.records.find('service', key).flatMap((object): ExportRecord[] => {
      const record = parseRecord(object);
      if (!('rejected' in record)) return [record];
      this.#reject(object.metadata.name, record.rejected);
      return [];
    });
    const visible = ({ toClusters }: ExportRecord): boolean =>
      scope === 'of-all' || toClusters === undefined || toClusters.includes(this.#options.cluster);
    return aggregate(records.filter(visible));
  }

  #reject(name: string, why: string): void {
    this.#tellOnce(`rejected ${name}: ${why}`, () => {
      this.counters.rejected++;
      this.#options.log.warn({ name, why }, 'A record on the broker cannot be used');
    });
  }

  #tellOnce(what: string, tell: () => void): void {
    // A flood of different problems is told again rather than remembered without bound.
    if (this.#told.size > 10_000) this.#told.clear();
    if (this.#told.has(what)) return;
    this.#told.add(what);
    tell();
  }
}
