import { keyOf } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { EndpointSlice, KubeObject, ServiceExport, ServiceImport } from '../api/objects.ts';
import { aggregate } from '../discovery/aggregate.ts';
import { conflictText } from '../discovery/conflict.ts';
import { type ExportRecord, parseRecord } from '../discovery/record.ts';
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
import { heardOf } from './silence.ts';
import type { ClusterSight, Sights } from './sights.ts';

/**
 * The services as they were made last, each with what it was made from. Objects are never changed: of the same
 * ones the same is made, and most are the same as a moment ago.
 */
export class KnownServices {
  #surroundings = '';
  #known = new Map<string, { readonly from: readonly unknown[]; readonly model: ServiceModel | undefined }>();

  /**
   * What these keys have now; of all others nothing is remembered.
   *
   * @param surroundings all that services are made from beside objects
   */
  take(
    keys: Iterable<string>,
    surroundings: string,
    fromOf: (key: string) => readonly unknown[],
    make: (key: string) => ServiceModel | undefined,
  ): ServiceModel[] {
    const before = surroundings === this.#surroundings ? this.#known : new Map<never, never>();
    this.#surroundings = surroundings;
    this.#known = new Map();
    const models: ServiceModel[] = [];
    for (const key of keys) {
      const from = fromOf(key);
      const known = before.get(key);
      const isSame =
        known?.from.length === from.length && from.every((object, at) => object === known.from[at]);
      const model = isSame ? known.model : make(key);
      this.#known.set(key, { from, model });
      if (model !== undefined) models.push(model);
    }
    return models;
  }
}

/** Every service that is imported or exported anywhere in sight, by key. Pure but for what `known` remembers. */
export function servicesOf(
  sights: Sights,
  connections: readonly ConnectionModel[],
  known: KnownServices,
): ServiceModel[] {
  const seen = new Seen(sights, connections);
  return known.take(
    [...seen.keys()].sort(),
    seen.surroundings,
    (key) => seen.partsOf(key),
    (key) => seen.service(key),
  );
}

/** How many endpoints a service's page lists. */
const MOST_ENDPOINTS = 500;

/** All of one service; undefined where nothing in sight speaks of it. Pure. */
export function serviceDetail(
  sights: Sights,
  connections: readonly ConnectionModel[],
  key: string,
): ServiceDetail | undefined {
  const seen = new Seen(sights, connections, key);
  const service = seen.service(key);
  if (service === undefined) return undefined;
  const { metadata } = seen.imports(key)[0]?.object ?? {};
  const policy = seen.imports(key)[0]?.model.policy;
  return {
    ...service,
    endpoints: seen.endpoints(service).slice(0, MOST_ENDPOINTS),
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
    ...(policy !== undefined && { policy }),
  };
}

/** A service as one cluster imports it. */
interface Imported {
  readonly sight: ClusterSight;
  readonly object: ServiceImport;
  readonly model: ImportModel;
  readonly slices: readonly SliceModel[];
}

/** What sights hold, by service. */
class Seen {
  readonly #sights: Sights;
  readonly #connections: readonly ConnectionModel[];
  readonly #drained: ReadonlyMap<string, string>;
  readonly #silent: ReadonlyMap<string, string>; // id → since when
  readonly #imports = new Map<string, Imported[]>(); // key → imports, by cluster
  readonly #exports = new Map<string, Map<string, ServiceExport>>(); // key → cluster → export
  /** key → what exporters wrote to the broker */
  readonly #records = new Map<string, ExportRecord[]>();
  readonly #own = new Map<string, EndpointSlice[]>(); // cluster + key → slices of the exported Service itself

  /** @param only of this service; absent = of all */
  constructor(sights: Sights, connections: readonly ConnectionModel[], only?: string) {
    this.#sights = sights;
    const [namespace, name] = only?.split('/') ?? [];
    const isWanted = (object: KubeObject, of: string | undefined): boolean =>
      only === undefined || (object.metadata.namespace === namespace && of === name);
    this.#connections = connections;
    const drained = drainedIn(sights.clusters, sights.broker?.drained);
    this.#drained = new Map([...drained].map(([id, drain]) => [id, drainText(drain)]));
    for (const sight of sights.clusters) this.#take(sight, isWanted);
    this.#silent = new Map(
      [...heardOf(sights)].flatMap(([id, { lease, isSilent }]) =>
        isSilent ? [[id, lease.spec.renewTime ?? ''] as const] : [],
      ),
    );
    for (const object of sights.broker?.records ?? []) {
      const record = parsedRecord(object);
      if (!('rejected' in record)) push(this.#records, `${record.namespace}/${record.service}`, record);
    }
  }

  /** All that services are made from beside objects, as text. */
  get surroundings(): string {
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

  /**
   * The objects that a service is made from, or what was parsed of them, which is the same as long as they are, each
   * after the cluster that it is in.
   */
  partsOf(key: string): unknown[] {
    const parts: unknown[] = [];
    for (const { sight, object, slices } of this.imports(key)) parts.push(sight.id, object, ...slices);
    for (const [id, object] of this.#exports.get(key) ?? []) {
      parts.push(id, object, ...(this.#own.get(`${id} ${key}`) ?? []));
    }
    parts.push('broker', ...(this.#records.get(key) ?? []));
    return parts;
  }

  keys(): Set<string> {
    return new Set([...this.#imports.keys(), ...this.#exports.keys()]);
  }

  imports(key: string): readonly Imported[] {
    return this.#imports.get(key) ?? [];
  }

  service(key: string): ServiceModel | undefined {
    const imports = this.imports(key);
    const exports = this.#exports.get(key) ?? new Map<string, ServiceExport>();
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
      exporters: [...ids].sort().flatMap((id) => this.#exporter(key, id, imports) ?? []),
      conflicts: [...new Set([...told([...exports.values()]), ...this.#found(key)])],
      problems: [...exports].flatMap(([id, each]) => problemsOf(id, each)),
      ...(since !== undefined && { since }),
    };
  }

  endpoints({ key, exporters }: ServiceModel): EndpointModel[] {
    return exporters.flatMap(({ cluster }) => {
      const own = this.#own.get(`${cluster} ${key}`);
      if (own !== undefined) return own.flatMap((slice) => ownEndpoints(cluster, slice));
      const from = this.#viewOf(cluster, this.imports(key));
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

  #take(sight: ClusterSight, isWanted: (object: KubeObject, of: string | undefined) => boolean): void {
    const slices = new Map<string, SliceModel[]>(); // key → imported slices
    const own = new Map<string, EndpointSlice[]>(); // key → the Service's own slices
    for (const object of sight.slices) {
      const { labels } = object.metadata;
      const service = labels?.[Label.ownServiceName];
      if (!isWanted(object, service ?? labels?.[Label.serviceName])) continue;
      if (service !== undefined) {
        push(own, `${object.metadata.namespace ?? ''}/${service}`, object);
        continue;
      }
      const model = parsedSlice(object);
      if (!('rejected' in model)) push(slices, `${model.namespace}/${model.service}`, model);
    }
    for (const object of sight.imports) {
      if (!isWanted(object, object.metadata.name)) continue;
      const model = parsedImport(object);
      if ('rejected' in model) continue;
      const key = `${model.namespace}/${model.name}`;
      push(this.#imports, key, { sight, object, model, slices: slices.get(key) ?? [] });
    }
    for (const object of sight.exports) {
      if (!isWanted(object, object.metadata.name)) continue;
      const key = keyOf(object);
      const byCluster = this.#exports.get(key) ?? new Map<string, ServiceExport>();
      this.#exports.set(key, byCluster.set(sight.id, object));
      const slices = own.get(key);
      if (slices !== undefined) this.#own.set(`${sight.id} ${key}`, slices);
    }
  }

  /** What each agent finds, by the same function. */
  #found(key: string): string[] {
    return aggregate(this.#records.get(key) ?? [])?.conflicts.map(conflictText) ?? [];
  }

  /** The exporter's own view, or that of whoever sees it. */
  #viewOf(id: string, imports: readonly Imported[]): Imported | undefined {
    const names = ({ model, slices }: Imported): boolean => exportersIn(model, slices).includes(id);
    return imports.find((each) => each.sight.id === id && names(each)) ?? imports.find(names);
  }

  #exporter(key: string, id: string, imports: readonly Imported[]): ExporterModel | undefined {
    const view = this.#viewOf(id, imports);
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
    const own = this.#own.get(`${id} ${key}`)?.flatMap((slice) => ownEndpoints(id, slice));
    const counted = own ?? published;
    const isCut = this.#sights.clusters.find((each) => each.id === id)?.isConnected === false;
    const since = this.#exports.get(key)?.get(id)?.metadata.creationTimestamp;
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

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

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
