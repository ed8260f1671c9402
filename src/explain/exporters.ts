/** How far each cluster's export of a service has come on its way into an import: by `aggregate()` and its like. */
import { parseClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Annotation, Label } from '../api/names.ts';
import type { ServiceExport, ServiceImport } from '../api/objects.ts';
import type { View } from '../discovery/aggregate.ts';
import { byText, type Conflict } from '../discovery/conflict.ts';
import { exportService } from '../discovery/export.ts';
import { NO_ADDRESSES } from '../discovery/own-addresses.ts';
import { type ExportRecord, parseRecord } from '../discovery/record.ts';
import { readRecordSlice } from '../discovery/record-slice.ts';
import { seenBy } from '../discovery/seen.ts';
import type { Background, ServiceObjects } from './background.ts';
import type { CandidateReason } from './cause.ts';
import type { ObjectReference } from './explanation.ts';

/** Where one cluster's part of a service stands before the zone. */
export interface Exporter {
  readonly cluster: string;
  /** Why it is in no import; undefined where it should be in this cluster's. */
  readonly hindrance:
    | {
        readonly reason: Exclude<
          CandidateReason,
          'counted' | 'not-ready' | 'drained' | 'unreachable' | 'other-family' | 'not-imported'
        >;
        readonly text: string;
      }
    | undefined;
  /** RFC 3339: when its ServiceExport was made. */
  readonly exported: string | undefined;
  /** Of its endpoints' addresses those that the asking cluster takes for its own, in words; undefined where there are none. */
  readonly astray: string | undefined;
  readonly objects: readonly ObjectReference[];
}

export interface Exporters {
  /** Sorted by cluster. */
  readonly all: readonly Exporter[];
  /** What this cluster should have imported. */
  readonly view: View | undefined;
  readonly conflicts: readonly Conflict[];
}

type Hindrance = NonNullable<Exporter['hindrance']>;

export function exportersOf(background: Background, now: number): Exporters {
  const { here, elsewhere, broker, endpoints, filters, own: ownAddresses, expireAfterMs } = background;
  const cluster = here.cluster;
  const hindrances = new Map<string, Hindrance>();
  const records = new Map<string, ExportRecord>();
  const raw = new Map<string, ServiceImport>(); // cluster → its record as it stands
  const take = (id: string, object: ServiceImport): void => {
    raw.set(id, object);
    const record = parseRecord(object, id === cluster ? NO_ADDRESSES : ownAddresses);
    if (!('rejected' in record)) records.set(id, record);
    else if (record.refusal === 'own-address') {
      hindrances.set(id, {
        reason: record.refusal,
        text: `${cluster} does not let it in: ${record.rejected}`,
      });
    } else
      hindrances.set(id, { reason: 'bad-record', text: `its record cannot be used: ${record.rejected}` });
  };
  // This cluster's own part does not wait for the broker.
  const own = exportService({
    cluster: parseClusterId(cluster),
    brokerNamespace: broker?.namespace ?? '',
    endpoints,
    serviceExport: here.serviceExport,
    service: here.service,
    slices: here.slices,
  });
  if (own.is === 'valid') take(cluster, own.records.serviceImport);
  for (const record of broker?.records ?? []) {
    const id = record.metadata.labels?.[Label.sourceCluster] ?? '';
    if (id !== cluster) take(id, record);
  }
  for (const objects of [here, ...elsewhere]) {
    if (raw.has(objects.cluster)) continue;
    const hindrance = beforeTheBroker(objects);
    if (hindrance !== undefined) hindrances.set(objects.cluster, hindrance);
  }
  const silentMs = (id: string): number => now - Date.parse(broker?.heartbeats.get(id)?.renewed ?? '');
  const seen = seenBy(
    { cluster, filters, isExpired: (id) => expireAfterMs !== undefined && silentMs(id) > expireAfterMs },
    [...records.values()],
  );
  const merged = new Set(seen.view?.merged.map((record) => record.cluster));
  for (const [id, { toClusters, type }] of records) {
    const problem = seen.refused.get(id);
    if (toClusters !== undefined && !toClusters.includes(cluster)) {
      const text = `its export is for ${toClusters.join(', ') || 'nobody'} (annotation ${Annotation.toClusters})`;
      hindrances.set(id, { reason: 'not-for-this-cluster', text });
    } else if (problem !== undefined) {
      hindrances.set(id, {
        reason: problem.refusal === 'expired' ? 'expired' : 'filtered',
        text: `${cluster} does not let it in: ${problem.why}`,
      });
    } else if (!merged.has(id)) {
      const [oldest] = seen.view?.merged ?? [];
      const text = `its export is ${type}, while the oldest one, of ${oldest?.cluster}, is ${oldest?.type}`;
      hindrances.set(id, { reason: 'type-conflict', text });
    }
  }
  const objectsIn = new Map([here, ...elsewhere].map((objects) => [objects.cluster, objects]));
  const all = [...new Set([...raw.keys(), ...hindrances.keys()])].sort(byText).map((id): Exporter => {
    const record = raw.get(id);
    const serviceExport = objectsIn.get(id)?.serviceExport;
    return {
      cluster: id,
      hindrance: hindrances.get(id),
      astray: id === cluster ? undefined : astrayIn(background, id),
      exported:
        record?.metadata.annotations?.[Annotation.exportCreated] ?? serviceExport?.metadata.creationTimestamp,
      objects: [
        ...referencesIn(objectsIn.get(id)),
        ...(record === undefined || (id === cluster && !isOnBroker(background, id))
          ? []
          : [recordReference(record, broker?.namespace)]),
      ],
    };
  });
  return { all, view: seen.view, conflicts: seen.all?.conflicts ?? [] };
}

/** Told as the agent tells it that leaves them out. */
function astrayIn({ broker, own }: Background, cluster: string): string | undefined {
  const told = (broker?.slices ?? [])
    .filter(({ metadata }) => metadata.labels?.[Label.sourceCluster] === cluster)
    .flatMap((slice) => readRecordSlice(slice, own).refused)
    .flatMap(({ refusal, why }) => (refusal === 'own-address' ? [why] : []));
  return told.length === 0 ? undefined : [...new Set(told)].join('; ');
}

const isOnBroker = ({ broker }: Background, cluster: string): boolean =>
  broker?.records.some(({ metadata }) => metadata.labels?.[Label.sourceCluster] === cluster) ?? false;

/** Why a cluster has nothing on the broker; undefined where it has nothing to do with the service. */
function beforeTheBroker({ service, serviceExport, slices, cluster }: ServiceObjects): Hindrance | undefined {
  if (serviceExport === undefined) {
    if (service === undefined) return undefined;
    return { reason: 'not-exported', text: 'it has the Service, and no ServiceExport of it' };
  }
  const exported = exportService({
    cluster: parseClusterId(cluster),
    brokerNamespace: '',
    endpoints: 'service',
    serviceExport,
    service,
    slices,
  });
  switch (exported.is) {
    case 'invalid':
      return {
        reason: 'export-invalid',
        text: `its export is not valid: ${exported.reason}: ${exported.message}`,
      };
    case 'not-exported':
      return { reason: 'not-exported', text: 'its ServiceExport is being deleted' };
    case 'valid':
      return {
        reason: 'not-published',
        text: `its export is not on the broker: ${readinessOf(serviceExport)}`,
      };
    default:
      return exported satisfies never;
  }
}

/** What the agent there says of it. */
function readinessOf({ status }: ServiceExport): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return 'no agent has looked at it; does "pharos agent" run there?';
  return ready.status === 'True' ? 'though it was once' : `${ready.reason}: ${ready.message}`;
}

function referencesIn(objects: ServiceObjects | undefined): ObjectReference[] {
  if (objects === undefined) return [];
  const { cluster, service, serviceExport } = objects;
  return [service, serviceExport].flatMap((object) =>
    object === undefined
      ? []
      : [
          {
            in: cluster,
            kind: object.kind,
            ...(object.metadata.namespace !== undefined && { namespace: object.metadata.namespace }),
            name: object.metadata.name,
            ...(object.metadata.creationTimestamp !== undefined && {
              created: object.metadata.creationTimestamp,
            }),
          },
        ],
  );
}

const recordReference = ({ metadata }: ServiceImport, namespace: string | undefined): ObjectReference => ({
  in: 'broker',
  kind: Kinds.ServiceImport.kind,
  ...(namespace !== undefined && { namespace }),
  name: metadata.name,
});
