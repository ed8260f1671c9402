/** What the two stores say of a service: what this cluster exports, what others do, what all make of it together. */
import type { ClusterId } from '../api/identity.ts';
import { Label } from '../api/names.ts';
import type { EndpointSlice, KubeObject, ServiceImport } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { BrokerCaches, MemberCaches } from './caches.ts';
import type { AgentCounters } from './counters.ts';
import { type EndpointsMode, type Exported, exportService } from './export.ts';
import type { ImportFilters } from './import-filters.ts';
import { NO_ADDRESSES, type OwnAddresses } from './own-addresses.ts';
import { type Reading, refuse } from './reading.ts';
import { type ExportRecord, parseRecord } from './record.ts';
import { recordName } from './record-name.ts';
import { readRecordSlice, type RecordSlice } from './record-slice.ts';
import { type Seen, seenBy } from './seen.ts';

export interface ClustersetOptions {
  readonly cluster: ClusterId;
  readonly brokerNamespace: string;
  readonly endpoints: EndpointsMode;
  readonly member: MemberCaches;
  readonly broker: BrokerCaches;
  readonly filters: ImportFilters;
  /** This cluster's own networks; `unknown` before it could be asked for them. */
  readonly ownAddresses: () => OwnAddresses | 'unknown';
  /** Whether a cluster is silent for so long that what it exports no longer counts. */
  readonly isExpired: (cluster: string, isImported: boolean) => boolean;
  readonly counters: AgentCounters;
  readonly log: Log;
}

/** A flood of different problems is told again rather than remembered without bound. */
const MAX_REMEMBERED = 10_000;

export class Clusterset {
  readonly #options: ClustersetOptions;
  readonly #told = new Set<string>(); // object and problem, as logged
  /** Service → what its export came to, and from which objects. */
  readonly #exported = new Map<string, { readonly from: readonly unknown[]; readonly exported: Exported }>();

  constructor(options: ClustersetOptions) {
    this.#options = options;
  }

  /** Whether the lists that this cluster's exports follow from are complete. */
  get isOwnKnown(): boolean {
    const { services, exports, slices } = this.#options.member;
    return services.isSynced && exports.isSynced && slices.isSynced;
  }

  /** Whether the broker's lists have been complete once; what they said last holds while it is out of sight. */
  get isBrokerKnown(): boolean {
    const { broker, ownAddresses } = this.#options;
    return broker.records.isSynced && broker.recordSlices.isSynced && ownAddresses() !== 'unknown';
  }

  /** Whether the broker cannot be followed at the moment. */
  get isBrokerOutOfSight(): boolean {
    const { records, recordSlices } = this.#options.broker;
    return records.interruption !== undefined || recordSlices.interruption !== undefined;
  }

  /** What this cluster exports under the key. Meaningful when {@link isOwnKnown}. */
  exported(key: string): Exported {
    const { cluster, brokerNamespace, endpoints, member } = this.#options;
    const serviceExport = member.exports.get(key);
    if (serviceExport === undefined) {
      this.#exported.delete(key);
      return { is: 'not-exported' };
    }
    const service = member.services.get(key);
    const slices = member.slices.find('service', key);
    // Objects are never changed: the same ones say the same. Three loops ask, each several times.
    const from: readonly unknown[] = [serviceExport, service, ...slices];
    const known = this.#exported.get(key);
    if (known?.from.length === from.length && from.every((object, at) => object === known.from[at])) {
      return known.exported;
    }
    const exported = exportService({ cluster, brokerNamespace, endpoints, serviceExport, service, slices });
    this.#exported.set(key, { from, exported });
    return exported;
  }

  /** This cluster's records of the service, as the broker has them. */
  published(key: string): {
    readonly imports: readonly ServiceImport[];
    readonly slices: readonly EndpointSlice[];
  } {
    const { records, recordSlices } = this.#options.broker;
    return {
      imports: records.find('service', key).filter((record) => this.#isOwn(record)),
      slices: recordSlices.find('service', key).filter((slice) => this.#isOwn(slice)),
    };
  }

  /**
   * All exports of the service: the other clusters' by the broker's records once those are known, this
   * cluster's by what it exports, so that its own services do not wait for the broker.
   */
  exports(key: string): ExportRecord[] {
    const own = this.exported(key);
    const others = this.isBrokerKnown ? this.#options.broker.records.find('service', key) : [];
    return [
      ...(own.is === 'valid' ? [own.records.serviceImport] : []),
      ...others.filter((record) => !this.#isOwn(record)),
    ].flatMap((object) => {
      const record = parseRecord(object, this.#ownIn(object));
      if (!('rejected' in record)) return [record];
      return this.#take<ExportRecord>(object, refuse(record.refusal ?? 'malformed', record.rejected));
    });
  }

  /** The slices that belong to {@link exports}. */
  slices(key: string): RecordSlice[] {
    const own = this.exported(key);
    const others = this.isBrokerKnown ? this.#options.broker.recordSlices.find('service', key) : [];
    return [
      ...(own.is === 'valid' ? own.records.slices : []),
      ...others.filter((slice) => !this.#isOwn(slice)),
    ].flatMap((slice) => this.#take(slice, readRecordSlice(slice, this.#ownIn(slice))));
  }

  /**
   * What this cluster sees of the service: what is exported to it and let in.
   *
   * @param present the import as it stands
   */
  view(exports: readonly ExportRecord[], present: ServiceImport | undefined): Seen {
    const { cluster, filters, isExpired } = this.#options;
    const imported = new Set(present?.status?.clusters?.map((each) => each.cluster));
    const seen = seenBy(
      { cluster, filters, isExpired: (other) => isExpired(other, imported.has(other)) },
      exports,
    );
    for (const record of exports) {
      const problem = seen.refused.get(record.cluster);
      if (problem === undefined) continue;
      const metadata = { name: recordName(record) };
      this.#take({ apiVersion: '', kind: 'ServiceImport', metadata }, { refused: [problem] });
    }
    return seen;
  }

  /** The addresses that are ours in what others say; of what we say ourselves none is refused. */
  #ownIn(object: KubeObject): OwnAddresses {
    const own = this.#options.ownAddresses();
    return this.#isOwn(object) || own === 'unknown' ? NO_ADDRESSES : own;
  }

  #isOwn({ metadata }: KubeObject): boolean {
    return metadata.labels?.[Label.sourceCluster] === this.#options.cluster;
  }

  /** The value, if there is one; what was refused is counted and logged once per object and problem. */
  #take<T>({ kind, metadata }: KubeObject, { value, refused }: Reading<T>): T[] {
    for (const { refusal, why } of refused) {
      const what = `${kind} ${metadata.name}: ${why}`;
      if (this.#told.has(what)) continue;
      if (this.#told.size >= MAX_REMEMBERED) this.#told.clear();
      this.#told.add(what);
      this.#options.counters.refuse(refusal);
      const fields = { kind, name: metadata.name, why };
      if (value === undefined) this.#options.log.warn(fields, 'An object on the broker cannot be used');
      else this.#options.log.warn(fields, 'Something in an object on the broker cannot be used');
    }
    return value === undefined ? [] : [value];
  }
}
