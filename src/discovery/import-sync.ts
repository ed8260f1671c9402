/** Keeps this cluster's imports equal to the clusterset's view: the direction broker → member. */
import type { ClusterId } from '../api/identity.ts';
import { ipFamily } from '../api/ip.ts';
import { keyOf, Kinds } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { EndpointSlice, IpFamily, ServiceImport, ServiceImportType } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import { aggregate, type View } from './aggregate.ts';
import type { MemberCaches } from './caches.ts';
import type { Clusterset } from './clusterset.ts';
import type { ClustersetIps } from './clusterset-ips.ts';
import type { Conflict } from './conflict.ts';
import { type ImportedObjects, importedObjects, type Own } from './import.ts';
import { importConditions } from './import-conditions.ts';
import type { Events } from './events.ts';
import { isImported } from './labels.ts';
import { type News, stamped } from './news.ts';
import type { Plan } from './plan.ts';
import type { Seen } from './seen.ts';
import { inOrder, together } from './steps.ts';
import type { Shelf, Writer } from './writer.ts';

export interface ImportSyncOptions {
  readonly cluster: ClusterId;
  readonly clusterset: Clusterset;
  readonly member: MemberCaches;
  readonly store: ObjectStore;
  readonly toMember: Writer;
  /** When what other clusters export changed, by this cluster's clock and the names of the imported slices. */
  readonly news: News;
  /** Absent in direct mode. */
  readonly ips?: ClustersetIps;
  readonly clock: Clock;
  /** Absent = none are written. */
  readonly events?: Events;
  readonly log: Log;
  /** Told of each look at a service; undefined = this cluster sees none. */
  readonly onSeen: (key: string, seen: SeenService | undefined) => void;
}

/** A service of the clusterset as this cluster sees it. */
export interface SeenService {
  readonly type: ServiceImportType;
  /** The exporting clusters that are merged in, sorted. */
  readonly clusters: readonly string[];
  /** Between all exports, also those that this cluster may not see. */
  readonly conflicts: readonly Conflict[];
  /** Clusters that are not let in, each with why; absent where all are. */
  readonly refused?: Readonly<Record<string, string>>;
  /** Why it is not imported here, where it is not. */
  readonly notImported?: 'no-namespace' | 'foreign-import' | 'filtered';
}

const NOTHING: Plan<never> = { apply: [], remove: [] };

export class ImportSync {
  readonly #options: ImportSyncOptions;
  readonly #imports: Shelf<ServiceImport>;
  readonly #slices: Shelf<EndpointSlice>;
  readonly #foreign = new Set<string>(); // services and slices whose name somebody else has, as logged

  constructor(options: ImportSyncOptions) {
    this.#options = options;
    this.#imports = { kind: Kinds.ServiceImport, cache: options.member.imports };
    this.#slices = { kind: Kinds.EndpointSlice, cache: options.member.importedSlices };
  }

  /** Nothing is written before this cluster's lists are complete. */
  async reconcile(key: string): Promise<void> {
    const { clusterset, member, news } = this.#options;
    const { namespaces, imports, importedSlices } = member;
    const isHereKnown = namespaces.isSynced && imports.isSynced && importedSlices.isSynced;
    if (!isHereKnown || !clusterset.isOwnKnown) return;
    const times = news.take(key);
    try {
      await this.#reconcile(key, times);
    } catch (error) {
      news.giveBack(key, times);
      throw error;
    }
  }

  async #reconcile(key: string, times: ReadonlyMap<string, number>): Promise<void> {
    const { clusterset, member, toMember } = this.#options;
    const { namespaces, imports, importedSlices } = member;
    const [namespace = '', service = ''] = key.split('/');
    // All of one moment: what follows may have to wait, and what changes meanwhile brings us here again.
    const isBrokerKnown = clusterset.isBrokerKnown;
    const exports = clusterset.exports(key);
    const slices = clusterset.slices(key);
    const present = imports.get(key);
    const seen = clusterset.view(exports, present);
    const { view } = seen;
    const home = namespaces.get(namespace);
    const hasHome = home !== undefined && home.metadata.deletionTimestamp === undefined;
    const isForeign = present !== undefined && !isImported(present);
    this.#tell(key, seen, aggregate(exports)?.conflicts ?? [], hasHome, isForeign);

    // Endpoints of ours under another's import would change what that answers.
    const isWanted = view !== undefined && hasHome && !isForeign;
    const own = await this.#ownPart(key, isWanted ? view : undefined, present, isBrokerKnown);
    const wanted = isWanted ? importedObjects(namespace, service, view, slices, own) : undefined;
    const mine = present === undefined || isForeign ? [] : [present];
    if (!isBrokerKnown) return this.#syncOwnPart(key, wanted, present);
    await this.#write(
      wanted?.serviceImport,
      present,
      toMember.plan(this.#imports, wanted ? [wanted.serviceImport] : [], mine),
      toMember.plan(this.#slices, wanted?.slices ?? [], importedSlices.find('service', key)),
      times,
    );
    this.#options.ips?.confirm(key);
  }

  /** The clusterset IPs, held before an import shows them and given back before it no longer does. */
  async #ownPart(
    key: string,
    view: View | undefined,
    present: ServiceImport | undefined,
    isBrokerKnown: boolean,
  ): Promise<Own | undefined> {
    const { ips, clock } = this.#options;
    if (ips === undefined) return undefined;
    if (present !== undefined && !isImported(present)) {
      ips.adopt(key, present);
      return undefined;
    }
    // Before the broker has been seen, what other clusters export is only known from the import.
    if (!isBrokerKnown && (present !== undefined || view === undefined)) return undefined;
    if (view?.spec.type !== 'ClusterSetIP') {
      await ips.release(key);
      return undefined;
    }
    const held = await ips.hold(key, familiesOf(view), present?.spec.ips);
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    return { ips: held.ips, conditions: importConditions(present, held, now) };
  }

  /**
   * Before the broker has been seen: what is known of other clusters is what stands in this cluster, and stays.
   * This cluster's own endpoints are followed, and its own exports that nobody has seen yet are imported.
   */
  async #syncOwnPart(
    key: string,
    wanted: ImportedObjects | undefined,
    present: ServiceImport | undefined,
  ): Promise<void> {
    const { cluster, member, toMember } = this.#options;
    const ownSlices = member.importedSlices
      .find('service', key)
      .filter(({ metadata }) => metadata.labels?.[Label.sourceCluster] === cluster);
    // What stands here as something else stands so by an older export of another cluster.
    if (wanted !== undefined && present !== undefined && wanted.serviceImport.spec.type !== present.spec.type)
      return;
    const isNew = wanted !== undefined && present === undefined;
    await this.#write(
      isNew ? wanted.serviceImport : undefined,
      present,
      isNew ? { apply: [wanted.serviceImport], remove: [] } : NOTHING,
      toMember.plan(this.#slices, wanted?.slices ?? [], ownSlices),
    );
    if (isNew) this.#options.ips?.confirm(key);
  }

  /** In an order in which every moment is an answer that was or will be right; see the comments. */
  async #write(
    wanted: ServiceImport | undefined,
    present: ServiceImport | undefined,
    imports: Plan<ServiceImport>,
    slices: Plan<EndpointSlice>,
    times: ReadonlyMap<string, number> = new Map(),
  ): Promise<void> {
    const { toMember } = this.#options;
    const applySlices = (): Promise<void> =>
      together(
        slices.apply.map((slice) =>
          this.#applySlice(stamped(slice, times.get(slice.metadata.name)), present === undefined),
        ),
      );
    const removeSlices = (): Promise<void> => toMember.remove(this.#slices, slices.remove);
    const applyImport = async (): Promise<void> => {
      await toMember.apply(this.#imports, imports.apply);
      if (wanted === undefined || sameStatus(wanted, present)) return;
      await toMember.applyStatus(this.#imports, wanted);
      this.#tellOfIps(wanted, present);
    };
    if (imports.remove.length > 0) {
      // First the name goes: without its slices it would be there and have no endpoint.
      await inOrder(() => toMember.remove(this.#imports, imports.remove), removeSlices);
    } else if (wanted !== undefined && present !== undefined && wanted.spec.type !== present.spec.type) {
      // A Service IP must never be among a headless service's endpoints, while pods behind a ClusterSetIP
      // service only say that it is ready.
      if (wanted.spec.type === 'Headless') await inOrder(applySlices, removeSlices, applyImport);
      else await inOrder(applyImport, applySlices, removeSlices);
    } else {
      // Both at once saves a round trip: a new import without slices has no answer yet, slices without an
      // import mean nothing. Endpoints may move from one slice to another, so slices go last.
      await inOrder(() => together([applySlices(), applyImport()]), removeSlices);
    }
  }

  /**
   * Leaves a slice alone that somebody else made under its name: applying would take that over. Our cache knows
   * only what bears our mark. Of a service that is new here nothing is there as a rule, so that it is tried
   * first, with others' fields respected; else, as after a restart, it is looked at first and nothing is tried.
   */
  async #applySlice(slice: EndpointSlice, isNewService: boolean): Promise<void> {
    const { member, toMember } = this.#options;
    const isKnown = member.importedSlices.get(keyOf(slice)) !== undefined;
    if (!isKnown && isNewService) {
      try {
        await toMember.apply(this.#slices, [slice], { if: 'unclaimed' });
        this.#foreign.delete(sliceText(slice));
        return;
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'conflict') throw error;
      }
    }
    if (isKnown || (await this.#isOurs(slice))) await toMember.apply(this.#slices, [slice]);
  }

  /** Whether what stands under the slice's name is ours, whatever somebody did to it; if not, that is told once. */
  async #isOurs(slice: EndpointSlice): Promise<boolean> {
    const { store, log } = this.#options;
    const there = await store.get(Kinds.EndpointSlice, slice.metadata);
    const what = sliceText(slice);
    if (there === undefined || isImported(there) || isOfSameSource(there, slice)) {
      this.#foreign.delete(what);
      return true;
    }
    if (!this.#foreign.has(what)) {
      this.#foreign.add(what);
      const { namespace, name } = slice.metadata;
      log.warn(
        { namespace, name },
        'An EndpointSlice of this name was made by somebody else and is left alone; delete it to import its endpoints',
      );
    }
    return false;
  }

  #tellOfIps(wanted: ServiceImport, present: ServiceImport | undefined): void {
    const [is] = wanted.status?.conditions ?? [];
    const [was] = present?.status?.conditions ?? [];
    if (is?.reason === was?.reason) return;
    const stored = this.#options.member.imports.get(keyOf(wanted)) ?? wanted;
    this.#options.events?.tell(stored, {
      action: 'Import',
      type: is === undefined ? 'Normal' : 'Warning',
      reason: is === undefined ? 'ClustersetIPAllocated' : `ClustersetIP${is.reason}`,
      note: is?.message ?? `It has ${wanted.spec.ips?.join(', ') || 'none, and needs none'}`,
    });
  }

  #tell(
    key: string,
    { view, all, refused }: Seen,
    conflicts: readonly Conflict[],
    hasHome: boolean,
    isForeign: boolean,
  ): void {
    const { log, onSeen } = this.#options;
    if (view === undefined || !isForeign) this.#foreign.delete(key);
    else if (!this.#foreign.has(key)) {
      this.#foreign.add(key);
      const [namespace, service] = key.split('/');
      log.warn(
        { namespace, service },
        'A ServiceImport of this name was made by somebody else and is left alone; delete it to import the service',
      );
    }
    onSeen(
      key,
      all && {
        type: (view ?? all).spec.type,
        clusters: (view ?? all).merged.map(({ cluster }) => cluster).sort(),
        conflicts,
        ...(refused.size > 0 && {
          refused: Object.fromEntries([...refused].map(([cluster, { why }]) => [cluster, why])),
        }),
        ...(view === undefined
          ? { notImported: 'filtered' }
          : isForeign
            ? { notImported: 'foreign-import' }
            : hasHome
              ? {}
              : { notImported: 'no-namespace' }),
      },
    );
  }
}

const sliceText = (slice: EndpointSlice): string => `EndpointSlice ${keyOf(slice)}`;

/** Whether it says of itself what ours says: then it is ours, and somebody took the mark from it. */
const isOfSameSource = (there: EndpointSlice, ours: EndpointSlice): boolean =>
  [Label.serviceName, Label.sourceCluster].every(
    (label) => there.metadata.labels?.[label] === ours.metadata.labels?.[label],
  );

/** An export that does not say has those of its Service IPs; one without any gets what most have. */
function familiesOf({ spec, merged: [oldest] }: View): readonly IpFamily[] {
  if (spec.ipFamilies !== undefined && spec.ipFamilies.length > 0) return spec.ipFamilies;
  const families = (oldest?.ips ?? []).flatMap((ip) => ipFamily(ip) ?? []);
  return families.length > 0 ? families : ['IPv4'];
}

function sameStatus(wanted: ServiceImport, present: ServiceImport | undefined): boolean {
  const text = ({ status }: ServiceImport): string =>
    JSON.stringify([
      status?.endpointSliceObjects,
      (status?.clusters ?? []).map(({ cluster }) => cluster),
      (status?.conditions ?? []).map(({ type, status, reason, message }) => [type, status, reason, message]),
    ]);
  return present !== undefined && text(wanted) === text(present);
}
