/** What a member has of the clusterset's services, and why not more: for people who ask. Pure. */
import type { Drain } from '../api/drained.ts';
import { keyOf } from '../api/kinds.ts';
import { Annotation, type ExportSummary, Label } from '../api/names.ts';
import type {
  Condition,
  EndpointSlice,
  Namespace,
  ServiceExport,
  ServiceImport,
  ServiceImportType,
  ServicePort,
} from '../api/objects.ts';
import { aggregate } from '../discovery/aggregate.ts';
import { keyByLabel } from '../discovery/caches.ts';
import { byText, type Conflict } from '../discovery/conflict.ts';
import { filtered } from '../discovery/import-filters.ts';
import type { ImportRules } from '../discovery/import-rules.ts';
import { isImported, NO_SERVICE, ownerOf, recordKey } from '../discovery/labels.ts';
import { NO_ADDRESSES, type OwnAddresses } from '../discovery/own-addresses.ts';
import { type ExportRecord, parseRecord } from '../discovery/record.ts';
import type { MemberStatus } from '../membership/members.ts';

/** One cluster's part of a service. */
export interface ExporterStatus {
  readonly cluster: string;
  /** Whether it is part of the import. */
  readonly isImported: boolean;
  /** Why it is not, as far as that can be told. */
  readonly why?: string;
  /** The exporting cluster's Service IPs. */
  readonly ips: readonly string[];
  readonly weight: number;
  /** Of its endpoints, those that stand in this cluster. */
  readonly endpoints: { readonly ready: number; readonly total: number };
  /** By its last heartbeat; absent where the broker could not be asked. */
  readonly state?: MemberStatus['state'];
  /** RFC 3339: when it last confirmed all that it exports. */
  readonly lastSeen?: string;
  readonly drained?: Drain;
}

export interface ServiceStatus {
  readonly namespace: string;
  readonly name: string;
  /** As imported, else as it would be; absent where nothing says. */
  readonly type?: ServiceImportType;
  /** Clusterset IPs; none in direct mode. */
  readonly ips: readonly string[];
  readonly ports: readonly ServicePort[];
  /** By name. */
  readonly exporters: readonly ExporterStatus[];
  readonly conflicts: readonly Conflict[];
  /** Why there is no import of ours, where there is none. */
  readonly notImported?: string;
  /** What conditions of the import, and of this cluster's own export, say that is wrong. */
  readonly problems: readonly string[];
}

/** What the member holds, and the broker where it could be asked. */
export interface ServiceFacts {
  /** The member's own id. */
  readonly cluster: string;
  readonly namespaces: readonly Namespace[];
  readonly imports: readonly ServiceImport[];
  /** Those with Pharos's mark. */
  readonly slices: readonly EndpointSlice[];
  readonly exports: readonly ServiceExport[];
  /** Absent where the agent has not told. */
  readonly rules?: ImportRules;
  readonly broker?: {
    readonly records: readonly ServiceImport[];
    readonly members: readonly MemberStatus[];
  };
  /** Addresses that no other cluster can have. */
  readonly own: OwnAddresses;
}

/**
 * Every service that is imported, or exported to this cluster, or exported by it, by name.
 *
 * @param now milliseconds since 1970
 */
export function serviceStatuses(facts: ServiceFacts, now: number): ServiceStatus[] {
  const imports = byKey(facts.imports);
  const exports = byKey(facts.exports);
  const records = Map.groupBy(facts.broker?.records ?? [], recordKey);
  records.delete(NO_SERVICE);
  const slices = Map.groupBy(facts.slices.filter(isImported), (slice) =>
    keyByLabel(slice, Label.serviceName),
  );
  const homes = new Set(
    facts.namespaces.flatMap(({ metadata }) =>
      metadata.deletionTimestamp === undefined ? metadata.name : [],
    ),
  );
  const ours = facts.imports.filter(isImported).map(keyOf);
  const keys = new Set([...ours, ...records.keys(), ...exports.keys()]);
  return [...keys].sort(byText).flatMap((key) => {
    const status = statusOf({
      key,
      facts,
      present: imports.get(key),
      serviceExport: exports.get(key),
      slices: slices.get(key) ?? [],
      read: readRecords(facts, records.get(key) ?? [], now),
      hasHome: homes.has(key.slice(0, key.indexOf('/'))),
    });
    return status ?? [];
  });
}

const byKey = <T extends Namespace | ServiceImport | ServiceExport>(objects: readonly T[]) =>
  new Map(objects.map((object) => [keyOf(object), object]));

interface Read {
  readonly record?: ExportRecord;
  /** Why it is not let in. */
  readonly why?: string;
}

/** cluster → its record, of those that are meant for this cluster */
function readRecords(
  { cluster, own, rules, broker }: ServiceFacts,
  objects: readonly ServiceImport[],
  now: number,
): ReadonlyMap<string, Read> {
  const lastSeen = new Map(broker?.members.map((member) => [member.cluster, member.lastSeen]));
  const expireAfterMs = rules?.expireAfterMs ?? Infinity;
  const whyNot = (record: ExportRecord): string | undefined => {
    if (record.cluster === cluster) return undefined;
    const problem = rules && filtered(rules, record);
    if (problem !== undefined) return problem.why;
    const silentMs = now - Date.parse(lastSeen.get(record.cluster) ?? '');
    return silentMs > expireAfterMs ? 'it is silent for longer than --expire-after' : undefined;
  };
  const read = new Map<string, Read>();
  for (const object of objects) {
    const owner = ownerOf(object)?.cluster ?? '';
    const record = parseRecord(object, owner === cluster ? NO_ADDRESSES : own);
    if ('rejected' in record) {
      read.set(owner, { why: `its record cannot be used: ${record.rejected}` });
    } else if (record.toClusters?.includes(cluster) !== false) {
      const why = whyNot(record);
      read.set(record.cluster, { record, ...(why !== undefined && { why }) });
    }
  }
  return read;
}

interface Service {
  readonly key: string;
  readonly facts: ServiceFacts;
  readonly present: ServiceImport | undefined;
  readonly serviceExport: ServiceExport | undefined;
  readonly slices: readonly EndpointSlice[];
  readonly read: ReadonlyMap<string, Read>;
  readonly hasHome: boolean;
}

function statusOf(service: Service): ServiceStatus | undefined {
  const { key, facts, present, serviceExport, slices, read } = service;
  const [namespace = '', name = ''] = key.split('/');
  const own = present !== undefined && isImported(present) ? present : undefined;
  const merged = mergedIn(own);
  const ids = [...new Set([...merged.keys(), ...read.keys()])].sort(byText);
  if (ids.length === 0 && serviceExport === undefined && own === undefined) return undefined;
  const all = [...read.values()].flatMap(({ record }) => record ?? []);
  const letIn = [...read.values()].flatMap(({ record, why }) => (why === undefined ? (record ?? []) : []));
  const view = aggregate(letIn) ?? aggregate(all);
  const spec = own?.spec ?? view?.spec;
  const members = new Map(facts.broker?.members.map((member) => [member.cluster, member]));
  return {
    namespace,
    name,
    ...(spec && { type: spec.type }),
    ips: own?.spec.ips ?? [],
    ports: spec?.ports ?? [],
    exporters: ids.map((cluster): ExporterStatus => {
      const summary = merged.get(cluster);
      const { record, why } = read.get(cluster) ?? {};
      const reason = summary === undefined ? (why ?? (own && absence(record, own.spec.type))) : undefined;
      const { state = 'never-heard', lastSeen, drained } = members.get(cluster) ?? {};
      return {
        cluster,
        isImported: summary !== undefined,
        ...(reason !== undefined && { why: reason }),
        ips: summary?.ips ?? record?.ips ?? [],
        weight: summary?.weight ?? record?.weight ?? 1,
        endpoints: countEndpoints(slices, cluster),
        ...(facts.broker && { state }),
        ...(lastSeen !== undefined && { lastSeen }),
        ...(drained && { drained }),
      };
    }),
    conflicts: aggregate(all)?.conflicts ?? [],
    ...(own === undefined && { notImported: whyNotImported(service, letIn.length) }),
    problems: [
      ...problemsOf(own?.status?.conditions),
      ...problemsOf(serviceExport?.status?.conditions).map((text) => `the export of this cluster: ${text}`),
    ],
  };
}

function whyNotImported({ key, facts, present, read, hasHome }: Service, letIn: number): string {
  if (read.size === 0) return facts.broker === undefined ? 'the broker was not asked' : 'nobody exports it';
  if (letIn === 0) return 'nothing of it is let in';
  if (present !== undefined) {
    return 'a ServiceImport of this name was made by somebody else; delete it to import the service';
  }
  if (!hasHome) return `there is no namespace ${key.slice(0, key.indexOf('/'))} in this cluster`;
  return 'the agent has not imported it yet; does it run?';
}

/** Why a cluster that is let in is not part of an import that is there. */
const absence = (record: ExportRecord | undefined, type: ServiceImportType): string =>
  record === undefined || record.type === type
    ? 'the agent has left it out, or not seen it yet'
    : `it exports the service as ${record.type}`;

/** cluster → what the import says of it */
function mergedIn(own: ServiceImport | undefined): ReadonlyMap<string, ExportSummary> {
  const merged = new Map<string, ExportSummary>();
  for (const { cluster } of own?.status?.clusters ?? []) merged.set(cluster, { cluster, ips: [], weight: 1 });
  try {
    const told = JSON.parse(own?.metadata.annotations?.[Annotation.exports] ?? '[]') as ExportSummary[];
    for (const summary of told) merged.set(summary.cluster, summary);
  } catch {
    // Edited by hand, and about to be put back by the agent.
  }
  return merged;
}

function countEndpoints(slices: readonly EndpointSlice[], cluster: string): ExporterStatus['endpoints'] {
  const endpoints = slices
    .filter(({ metadata }) => metadata.labels?.[Label.sourceCluster] === cluster)
    // The API server writes an empty list as null.
    .flatMap((slice) => slice.endpoints ?? []);
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false).length;
  return { ready, total: endpoints.length };
}

/** Conflicts are told in their own place. */
const problemsOf = (conditions: readonly Condition[] = []): string[] =>
  conditions.flatMap(({ type, status, reason, message }) =>
    type !== 'Conflict' && status !== 'True' ? `${type} is ${status}, ${reason}: ${message}` : [],
  );
