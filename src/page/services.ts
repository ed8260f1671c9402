import { keyOf } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { EndpointSlice, ServiceExport, ServiceImport } from '../api/objects.ts';
import { aggregate } from '../discovery/aggregate.ts';
import { conflictText } from '../discovery/conflict.ts';
import { parseRecord } from '../discovery/record.ts';
import { type ImportModel, parseImport } from '../zone/import-model.ts';
import { compileService, type Standing } from '../zone/service.ts';
import { parseSlice, type SliceModel } from '../zone/slice-model.ts';
import { whyUnreachable } from './connections.ts';
import { drainedIn } from './members.ts';
import type {
  ConnectionModel,
  EndpointModel,
  ExporterModel,
  Health,
  ServiceDetail,
  ServiceModel,
} from './model.ts';
import { drainText } from '../api/drained.ts';
import { ServiceIndex } from './service-index.ts';
import { heardOf } from './silence.ts';
import type { ClusterSight, Sights } from './sights.ts';

/** How many endpoints a service's page lists. */
const MOST_ENDPOINTS = 500;

/** A service as one cluster imports it. */
interface Imported {
  readonly sight: ClusterSight;
  readonly object: ServiceImport;
  readonly model: ImportModel;
  readonly slices: readonly SliceModel[];
}

/** What one cluster has, by service. */
class ClusterIndex {
  readonly imports = new ServiceIndex<ServiceImport>(keyOf);
  readonly exports = new ServiceIndex<ServiceExport>(keyOf);
  /** Imported ones. */
  readonly slices = new ServiceIndex<EndpointSlice>((slice) =>
    Label.ownServiceName in (slice.metadata.labels ?? {}) ? undefined : keyBy(slice, Label.serviceName),
  );
  /** Of the cluster's own Services. */
  readonly own = new ServiceIndex<EndpointSlice>((slice) => keyBy(slice, Label.ownServiceName));

  update({ imports, exports, slices }: Omit<ClusterSight, 'id'>, changed: Set<string>): void {
    this.imports.update(imports, changed);
    this.exports.update(exports, changed);
    this.slices.update(slices, changed);
    this.own.update(slices, changed);
  }
}

function keyBy({ metadata: { namespace = '', labels } }: EndpointSlice, label: string): string | undefined {
  const service = labels?.[label];
  return service === undefined ? undefined : `${namespace}/${service}`;
}

const NOTHING = { imports: [], exports: [], slices: [], gateways: [], records: [], drained: undefined };

/**
 * Every service that is imported or exported anywhere in sight. What was made of the sights before is kept, and only
 * that made anew of which something has changed; which does not change what is made.
 */
export class Services {
  readonly #clusters = new Map<string, ClusterIndex>(); // id → what it has
  /** What exporters wrote to the broker. */
  readonly #records = new ServiceIndex<ServiceImport>((object) => {
    const record = parsedRecord(object);
    return 'rejected' in record ? undefined : `${record.namespace}/${record.service}`;
  });
  #sights: Pick<Sights, 'clusters'> = { clusters: [] };
  #connections: readonly ConnectionModel[] = [];
  #drained: ReadonlyMap<string, string> = new Map(); // id → by whom, in words
  #silent: ReadonlyMap<string, string> = new Map(); // id → since when
  #surroundings = '';
  readonly #models = new Map<string, ServiceModel>();
  #sorted: readonly ServiceModel[] = [];

  /** @returns by key */
  update(sights: Sights, connections: readonly ConnectionModel[]): readonly ServiceModel[] {
    const changed = new Set<string>();
    for (const sight of sights.clusters) {
      const index = this.#clusters.get(sight.id) ?? new ClusterIndex();
      this.#clusters.set(sight.id, index);
      index.update(sight, changed);
    }
    for (const [id, index] of this.#clusters) {
      if (sights.clusters.some((sight) => sight.id === id)) continue;
      index.update(NOTHING, changed);
      this.#clusters.delete(id);
    }
    this.#records.update(sights.broker?.records ?? [], changed);
    this.#sights = sights;
    this.#connections = connections;
    const drained = drainedIn(sights.clusters, sights.broker?.drained);
    this.#drained = new Map([...drained].map(([id, drain]) => [id, drainText(drain)]));
    this.#silent = new Map(
      [...heardOf(sights)].flatMap(([id, { lease, isSilent }]) =>
        isSilent ? [[id, lease.spec.renewTime ?? ''] as const] : [],
      ),
    );
    const surroundings = this.#describeSurroundings();
    const isAllNew = surroundings !== this.#surroundings;
    this.#surroundings = surroundings;
    for (const key of isAllNew ? [...this.#keys(), ...changed] : changed) {
      const model = this.#service(key);
      if (model === undefined) this.#models.delete(key);
      else this.#models.set(key, model);
    }
    if (isAllNew || changed.size > 0) {
      this.#sorted = [...this.#models.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    }
    return this.#sorted;
  }

  /** All of one service, as it was at the last update; undefined where nothing in sight speaks of it. */
  detail(key: string): ServiceDetail | undefined {
    const service = this.#models.get(key);
    if (service === undefined) return undefined;
    const [first] = this.#imports(key);
    const { metadata } = first?.object ?? {};
    const policy = first?.model.policy;
    return {
      ...service,
      endpoints: this.#endpoints(service).slice(0, MOST_ENDPOINTS),
      labels: metadata?.labels ?? {},
      annotations: metadata?.annotations ?? {},
      ...(policy !== undefined && { policy }),
    };
  }

  #keys(): Set<string> {
    const keys = new Set<string>();
    for (const { imports, exports } of this.#clusters.values()) {
      for (const key of imports.keys()) keys.add(key);
      for (const key of exports.keys()) keys.add(key);
    }
    return keys;
  }

  /** All that services are made from beside objects, as text. */
  #describeSurroundings(): string {
    const targets = new Set(this.#connections.map(({ to }) => to));
    return JSON.stringify([
      [...this.#drained],
      [...this.#silent],
      this.#sights.clusters.map((sight) => [
        sight.id,
        sight.isConnected,
        sight.gateways.length > 0,
        [...targets].map((to) => [to, whyUnreachable(this.#connections, sight, to)]),
      ]),
    ]);
  }

  /** By cluster. */
  #imports(key: string): Imported[] {
    return this.#sights.clusters.flatMap((sight): Imported[] => {
      const index = this.#clusters.get(sight.id);
      const [object] = index?.imports.get(key) ?? [];
      if (index === undefined || object === undefined) return [];
      const model = parsedImport(object);
      if ('rejected' in model) return [];
      const slices = index.slices.get(key).flatMap((slice) => {
        const each = parsedSlice(slice);
        return 'rejected' in each ? [] : [each];
      });
      return [{ sight, object, model, slices }];
    });
  }

  /** cluster → export */
  #exports(key: string): Map<string, ServiceExport> {
    return new Map(
      this.#sights.clusters.flatMap(({ id }): [string, ServiceExport][] => {
        const [object] = this.#clusters.get(id)?.exports.get(key) ?? [];
        return object === undefined ? [] : [[id, object]];
      }),
    );
  }

  /** Slices of the exported Service itself, where they can be seen. */
  #own(key: string, id: string): readonly EndpointSlice[] | undefined {
    const index = this.#clusters.get(id);
    const slices = index?.own.get(key) ?? [];
    return slices.length === 0 || index?.exports.get(key).length === 0 ? undefined : slices;
  }

  #service(key: string): ServiceModel | undefined {
    const imports = this.#imports(key);
    const exports = this.#exports(key);
    const [first] = imports;
    if (first === undefined && exports.size === 0) return undefined;
    const ids = new Set(imports.flatMap(({ model, slices }) => exportersIn(model, slices)));
    const since = earliest([
      ...[...exports.values()].map(({ metadata }) => metadata.creationTimestamp),
      ...imports.map(({ object }) => object.metadata.creationTimestamp),
    ]);
    return {
      key,
      type: first?.model.type ?? 'ClusterSetIP',
      ports: (first?.object.spec.ports ?? []).map(
        ({ name, port, protocol = 'TCP' }) => `${name ? `${name} ` : ''}${port}/${protocol.toLowerCase()}`,
      ),
      ips: first === undefined ? [] : [...first.model.ips.IPv4, ...first.model.ips.IPv6],
      exporters: [...ids].sort().flatMap((id) => this.#exporter(key, id, imports, exports.get(id)) ?? []),
      conflicts: [...new Set([...told([...exports.values()]), ...this.#found(key)])],
      problems: [...exports].flatMap(([id, each]) => problemsOf(id, each)),
      ...(since !== undefined && { since }),
    };
  }

  #endpoints({ key, exporters }: ServiceModel): EndpointModel[] {
    const imports = this.#imports(key);
    return exporters.flatMap(({ cluster }) => {
      const own = this.#own(key, cluster);
      if (own !== undefined) return own.flatMap((slice) => ownEndpoints(cluster, slice));
      const from = viewOf(cluster, imports);
      return (from?.slices ?? []).flatMap((slice) =>
        slice.cluster === cluster
          ? slice.endpoints.map(({ address, ready, label, pod }) => ({
              cluster,
              address,
              ready: ready || slice.publishNotReady,
              label,
              ...(pod !== undefined && { pod }),
            }))
          : [],
      );
    });
  }

  /** What each agent finds, by the same function. */
  #found(key: string): string[] {
    const records = this.#records.get(key).flatMap((object) => {
      const record = parsedRecord(object);
      return 'rejected' in record ? [] : [record];
    });
    return aggregate(records)?.conflicts.map(conflictText) ?? [];
  }

  #exporter(
    key: string,
    id: string,
    imports: readonly Imported[],
    serviceExport: ServiceExport | undefined,
  ): ExporterModel | undefined {
    const view = viewOf(id, imports);
    if (view === undefined) return undefined;
    const { sight, model, slices } = view;
    const service = compileService(model, slices, {
      ownCluster: sight.id,
      defaultPolicy: 'local',
      unreachable: (cluster) => whyUnreachable(this.#connections, sight, cluster),
      drained: (cluster) => this.#drained.get(cluster),
    });
    const standing = service.members.find((member) => member.id === id)?.standing ?? { is: 'not-ready' };
    const exported = model.exports?.get(id);
    const ips = exported === undefined ? [] : [...exported.addresses.IPv4, ...exported.addresses.IPv6];
    const published = slices
      .filter(({ cluster }) => cluster === id)
      .flatMap(({ endpoints, publishNotReady }) =>
        endpoints.map(({ address, ready }) => ({ address, ready: ready || publishNotReady })),
      );
    const own = this.#own(key, id)?.flatMap((slice) => ownEndpoints(id, slice));
    const counted = own ?? published;
    const isCut = this.#sights.clusters.find((each) => each.id === id)?.isConnected === false;
    const since = serviceExport?.metadata.creationTimestamp;
    const silentSince = this.#silent.get(id);
    return {
      cluster: id,
      ...(isCut ? { health: 'unreachable', reason: `cluster ${id} is disconnected` } : healthOf(standing)),
      ready: counted.filter(({ ready }) => ready).length,
      total: counted.length,
      counts:
        own === undefined && ips.length > 0 && published.every(({ address }) => ips.includes(address))
          ? 'service-ips'
          : 'endpoints',
      ips,
      weight: exported?.weight ?? 1,
      ...(since !== undefined && { since }),
      ...(silentSince !== undefined && { silentSince }),
    };
  }
}

/** The exporter's own view, or that of whoever sees it. */
function viewOf(id: string, imports: readonly Imported[]): Imported | undefined {
  const names = ({ model, slices }: Imported): boolean => exportersIn(model, slices).includes(id);
  return imports.find((each) => each.sight.id === id && names(each)) ?? imports.find(names);
}

function healthOf(standing: Standing): { readonly health: Health; readonly reason?: string } {
  switch (standing.is) {
    case 'counted':
      return { health: 'answers' };
    case 'not-ready':
      return { health: 'not-ready' };
    case 'drained':
      return standing.why === undefined
        ? { health: 'no-weight' }
        : { health: 'drained', reason: standing.why };
    case 'unreachable':
      return { health: 'unreachable', reason: standing.why };
    default:
      return standing satisfies never;
  }
}

const exportersIn = (model: ImportModel, slices: readonly SliceModel[]): string[] =>
  model.exports === undefined
    ? [...new Set([...model.listedClusters, ...slices.map(({ cluster }) => cluster)])]
    : [...model.exports.keys()];

/** The conflicts that exporters were told of: each the same, and one may not have heard it yet. */
const told = (exports: readonly ServiceExport[]): string[] => [
  ...new Set(
    exports.flatMap(({ status }) =>
      (status?.conditions ?? []).flatMap(({ type, status: is, message }) =>
        type === 'Conflict' && is === 'True' ? message.split('; ') : [],
      ),
    ),
  ),
];

const problemsOf = (id: string, { status }: ServiceExport): string[] =>
  (status?.conditions ?? []).flatMap(({ type, status: is, reason, message }) =>
    is === 'False' && (type === 'Valid' || (type === 'Ready' && reason === 'Failed'))
      ? `The export in ${id} is not in force (${reason}): ${message}`
      : [],
  );

/** An unknown (absent) condition counts as ready (discovery.k8s.io/v1). */
const ownEndpoints = (cluster: string, { endpoints }: EndpointSlice): EndpointModel[] =>
  (endpoints ?? []).flatMap(({ addresses, conditions, hostname, targetRef }) =>
    (addresses ?? []).map((address) => ({
      cluster,
      address,
      ready: conditions?.ready !== false,
      label: hostname ?? '',
      ...(targetRef?.name !== undefined && { pod: targetRef.name }),
    })),
  );

const earliest = (times: readonly (string | undefined)[]): string | undefined =>
  times.reduce(
    (first, time) =>
      Date.parse(time ?? '') < (first === undefined ? Infinity : Date.parse(first)) ? time : first,
    undefined,
  );

/** What one object means never changes, and most objects are the same as a moment ago. */
function remembering<O extends object, T>(parse: (object: O) => T): (object: O) => T {
  const known = new WeakMap<O, T>();
  return (object) => {
    let value = known.get(object);
    if (value === undefined) known.set(object, (value = parse(object)));
    return value;
  };
}

const parsedImport = remembering(parseImport as (object: ServiceImport) => ReturnType<typeof parseImport>);
const parsedRecord = remembering((object: ServiceImport) => parseRecord(object));
const parsedSlice = remembering(parseSlice as (object: EndpointSlice) => ReturnType<typeof parseSlice>);
