/**
 * What a clusterset should hold, computed anew from what its members export, with the agent's pure
 * functions and nothing else of it: no cache, no event, no history.
 */
import { parseClusterId } from '../../src/api/identity.ts';
import { type Kind, Kinds } from '../../src/api/kinds.ts';
import { BROKER_NAMESPACE, Label } from '../../src/api/names.ts';
import type { EndpointSlice, KubeObject, ServiceExport, ServiceImport } from '../../src/api/objects.ts';
import { aggregate } from '../../src/discovery/aggregate.ts';
import { exportConditions, sameConditions } from '../../src/discovery/conditions.ts';
import { type EndpointsMode, type Exported, exportService } from '../../src/discovery/export.ts';
import { importedObjects } from '../../src/discovery/import.ts';
import { isImported, recordKey, serviceKey } from '../../src/discovery/labels.ts';
import { plan } from '../../src/discovery/plan.ts';
import { type ExportRecord, parseRecord } from '../../src/discovery/record.ts';
import { readRecordSlice } from '../../src/discovery/record-slice.ts';
import type { ObjectStore } from '../../src/store/store.ts';

type ReadStore = Pick<ObjectStore, 'list'>;

export interface OracleMember {
  readonly id: string;
  readonly store: ReadStore;
}

/** The stores as their administrators see them. */
export interface OracleClusterset {
  readonly members: readonly OracleMember[];
  readonly broker: ReadStore;
  readonly endpoints?: EndpointsMode;
}

/** What one member exports. */
interface Own extends OracleMember {
  readonly exports: readonly { readonly serviceExport: ServiceExport; readonly exported: Exported }[];
  readonly namespaces: ReadonlySet<string>;
}

/**
 * Each object that stands in a store and should not, does not and should, or is another than it should be:
 * `west lacks EndpointSlice shop/web.east.ipv4`. Empty = the exact end state. Records of clusters that are
 * not among the members are taken as they are.
 */
export async function differences({
  members,
  broker,
  endpoints = 'service',
}: OracleClusterset): Promise<string[]> {
  const inBroker = { namespace: BROKER_NAMESPACE, labelExists: [Label.sourceCluster] };
  const [owns, standingRecords, standingSlices] = await Promise.all([
    Promise.all(members.map((member) => readOwn(member, endpoints))),
    broker.list(Kinds.ServiceImport, inBroker),
    broker.list(Kinds.EndpointSlice, inBroker),
  ]);
  const ids = new Set(members.map(({ id }) => id));
  const isMembers = ({ metadata }: KubeObject): boolean =>
    ids.has(metadata.labels?.[Label.sourceCluster] ?? '');
  // Where the broker is a member too, imports into its namespace are no records.
  const isRecord = (object: KubeObject): boolean => !isImported(object);
  const made = owns.flatMap(({ exports }) =>
    exports.flatMap(({ exported }) => (exported.is === 'valid' ? [exported.records] : [])),
  );
  const ofOthers = <T extends KubeObject>(standing: readonly T[]): T[] =>
    standing.filter((object) => isRecord(object) && !isMembers(object));
  const records = [...made.map(({ serviceImport }) => serviceImport), ...ofOthers(standingRecords)];
  const slices = [...made.flatMap((each) => each.slices), ...ofOthers(standingSlices)];
  const recordsOf = Map.groupBy(records, recordKey); // service → its records
  const slicesOf = Map.groupBy(slices, recordKey); // service → their slices

  return [
    ...compared('broker', Kinds.ServiceImport, records, standingRecords.filter(isRecord)),
    ...compared('broker', Kinds.EndpointSlice, slices, standingSlices.filter(isRecord)),
    ...(await Promise.all(owns.map((own) => differencesOf(own, recordsOf, slicesOf)))).flat(),
  ];
}

async function differencesOf(
  { id, store, exports, namespaces }: Own,
  recordsOf: ReadonlyMap<string, readonly ServiceImport[]>,
  slicesOf: ReadonlyMap<string, readonly EndpointSlice[]>,
): Promise<string[]> {
  const views = [...recordsOf].map(([key, objects]) => {
    const parsed = objects
      .map((object) => parseRecord(object))
      .filter((record): record is ExportRecord => !('rejected' in record));
    const visible = parsed.filter(({ toClusters }) => toClusters?.includes(id) ?? true);
    return { key, all: aggregate(parsed), seen: aggregate(visible) };
  });
  const imported = views.flatMap(({ key, seen }) => {
    const [namespace = '', service = ''] = key.split('/');
    if (seen === undefined || !namespaces.has(namespace)) return [];
    const recordSlices = (slicesOf.get(key) ?? []).flatMap((slice) => readRecordSlice(slice).value ?? []);
    return [importedObjects(namespace, service, seen, recordSlices)];
  });
  const [imports, slices] = await Promise.all([
    store.list(Kinds.ServiceImport),
    store.list(Kinds.EndpointSlice, { labelExists: [Label.sourceCluster] }),
  ]);
  const conflictsOf = new Map(views.map(({ key, all }) => [key, all?.conflicts ?? []]));
  return [
    ...compared(
      id,
      Kinds.ServiceImport,
      imported.map(({ serviceImport }) => serviceImport),
      imports.filter(isImported),
    ),
    ...compared(
      id,
      Kinds.EndpointSlice,
      imported.flatMap((each) => each.slices),
      slices.filter(isImported),
    ),
    ...exports.flatMap(({ serviceExport, exported }) => {
      if (exported.is === 'not-exported') return [];
      const { namespace = '', name } = serviceExport.metadata;
      const conflicts = conflictsOf.get(serviceKey(namespace, name)) ?? [];
      const findings = { exported, publication: { is: 'published' }, conflicts } as const;
      const wanted = exportConditions(serviceExport, findings, 'now');
      return sameConditions(serviceExport.status?.conditions, wanted)
        ? []
        : [`${id} has other conditions on ServiceExport ${namespace}/${name}`];
    }),
  ];
}

async function readOwn({ id, store }: OracleMember, endpoints: EndpointsMode): Promise<Own> {
  const [serviceExports, services, slices, namespaces] = await Promise.all([
    store.list(Kinds.ServiceExport),
    store.list(Kinds.Service),
    store.list(Kinds.EndpointSlice, { labelExists: [Label.ownServiceName] }),
    store.list(Kinds.Namespace),
  ]);
  const byKey = new Map(
    services.map((each) => [serviceKey(each.metadata.namespace ?? '', each.metadata.name), each]),
  );
  const slicesOf = Map.groupBy(slices, ({ metadata: { namespace = '', labels } }) =>
    serviceKey(namespace, labels?.[Label.ownServiceName] ?? ''),
  );
  return {
    id,
    store,
    namespaces: new Set(
      namespaces
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata }) => metadata.name),
    ),
    exports: serviceExports.map((serviceExport) => {
      const { namespace = '', name } = serviceExport.metadata;
      const key = serviceKey(namespace, name);
      const exported = exportService({
        cluster: parseClusterId(id),
        brokerNamespace: BROKER_NAMESPACE,
        endpoints,
        serviceExport,
        service: byKey.get(key),
        slices: slicesOf.get(key) ?? [],
      });
      return { serviceExport, exported };
    }),
  };
}

function compared<T extends KubeObject>(
  where: string,
  kind: Kind<T>,
  wanted: readonly T[],
  found: readonly T[],
): string[] {
  const label = ({ metadata }: T): string => `${kind.kind} ${metadata.namespace ?? ''}/${metadata.name}`;
  const homeOf = ({ metadata }: T): string => metadata.namespace ?? '';
  const [wantedIn, foundIn] = [Map.groupBy(wanted, homeOf), Map.groupBy(found, homeOf)];
  return [...new Set([...wantedIn.keys(), ...foundIn.keys()])].flatMap((home) => {
    const standing = foundIn.get(home) ?? [];
    const names = new Set(standing.map(({ metadata }) => metadata.name));
    const { apply, remove } = plan(wantedIn.get(home) ?? [], standing);
    return [
      ...apply.map(
        (object) => `${where} ${names.has(object.metadata.name) ? 'has another' : 'lacks'} ${label(object)}`,
      ),
      ...remove.map((object) => `${where} should not have ${label(object)}`),
    ];
  });
}
