import { isDeepStrictEqual } from 'node:util';
import { makeChoice, type Choice } from './choice.ts';
import { addressesByFamily, FAMILIES, perFamily, type ByFamily } from './family.ts';
import type { ExportModel, ImportModel, Policy } from './import-model.ts';
import type { NamedPort } from './ports.ts';
import type { EndpointModel, SliceModel } from './slice-model.ts';

/** Whether a cluster counts in answers, or why it does not. */
export type Standing =
  | { readonly is: 'counted' }
  | { readonly is: 'not-ready' }
  | { readonly is: 'drained' }
  | { readonly is: 'unreachable'; readonly why: string };

/** One exporting cluster's part of a service. */
export interface Member {
  readonly id: string;
  readonly own: boolean;
  readonly weight: number;
  readonly standing: Standing;
}

export interface ClusterSetIpMember extends Member {
  /** The exporting cluster's own Service IPs that have a ready endpoint behind them. */
  readonly addresses: ByFamily<readonly string[]>;
  /** Whether it would have an address of the family if its endpoints were ready. */
  readonly holds: ByFamily<boolean>;
}

export interface HeadlessMember extends Member {
  /** The endpoints that count as ready. */
  readonly endpoints: readonly EndpointModel[];
  /** label → the endpoints it names: hostnames and dashed addresses, then pods' names that are free. */
  readonly byLabel: ReadonlyMap<string, readonly EndpointModel[]>;
}

interface ServiceBase {
  readonly namespace: string;
  readonly name: string;
}

export interface ClusterSetIpService extends ServiceBase {
  readonly type: 'ClusterSetIP';
  readonly ports: readonly NamedPort[];
  /** Virtual mode where there are any. */
  readonly clustersetIps: ByFamily<readonly string[]>;
  readonly members: readonly ClusterSetIpMember[];
  /** Direct mode: the clusters to choose from for an address of each family. */
  readonly choice: ByFamily<Choice<ClusterSetIpMember>>;
  readonly clientAffinity: boolean;
}

export interface HeadlessService extends ServiceBase {
  readonly type: 'Headless';
  readonly members: readonly HeadlessMember[];
  /** The addresses of all counted clusters: the own cluster's, then the others' that it does not have too. */
  readonly groups: ByFamily<readonly [own: readonly string[], others: readonly string[]]>;
}

/** What a service means now: made whole when something of it changes, never changed after. */
export type ServiceView = ClusterSetIpService | HeadlessService;

/** What a service's meaning depends on beside its own objects. */
export interface ServiceContext {
  readonly ownCluster: string | undefined;
  readonly defaultPolicy: Policy;
  /** Why a cluster cannot be reached; undefined = it can. */
  unreachable(cluster: string): string | undefined;
}

/**
 * The meaning of an import with its slices.
 *
 * @param slices of this service, in an order that does not depend on when they arrived
 */
export function compileService(
  model: ImportModel,
  slices: readonly SliceModel[],
  context: ServiceContext,
): ServiceView {
  const clusters = [...exporters(model, slices)].sort();
  const parts = clusters.map((id) => ({ id, slices: slices.filter(({ cluster }) => cluster === id) }));
  const members = parts.map((part) => {
    const exported = model.exports?.get(part.id);
    const ready = readyEndpoints(model, part.slices);
    const own = part.id === context.ownCluster;
    return { ...part, exported, ready, own, weight: exported?.weight ?? 1 };
  });
  const standing = (part: (typeof members)[number]): Standing => {
    if (part.ready.length === 0) return { is: 'not-ready' };
    if (part.weight === 0) return { is: 'drained' };
    const why = part.own ? undefined : context.unreachable(part.id);
    return why === undefined ? { is: 'counted' } : { is: 'unreachable', why };
  };
  const { namespace, name } = model;
  if (model.type === 'Headless') {
    return headless(
      { namespace, name },
      members.map((part) => ({
        id: part.id,
        own: part.own,
        weight: part.weight,
        standing: standing(part),
        endpoints: part.ready,
        byLabel: indexByLabel(part.ready),
      })),
    );
  }
  return clusterSetIp(
    model,
    context,
    members.map((part) => ({
      id: part.id,
      own: part.own,
      weight: part.weight,
      standing: standing(part),
      ...serviceAddresses(part.exported, part.slices, part.ready),
    })),
  );
}

/** The clusters in the import's own list; where it has none (another implementation's), whoever shows up. */
function exporters(model: ImportModel, slices: readonly SliceModel[]): ReadonlySet<string> {
  if (model.exports !== undefined) return new Set(model.exports.keys());
  return new Set([...model.listedClusters, ...slices.map(({ cluster }) => cluster)]);
}

function readyEndpoints(model: ImportModel, slices: readonly SliceModel[]): readonly EndpointModel[] {
  const seen = new Set<string>();
  return slices.flatMap((slice) =>
    slice.endpoints.filter((endpoint) => {
      if (!endpoint.ready && !slice.publishNotReady && !model.publishNotReady) return false;
      // An endpoint may be in two slices for a moment while it moves between them.
      const key = `${endpoint.label} ${endpoint.address} ${endpoint.ports.map(portKey).join()}`;
      return seen.size !== seen.add(key).size;
    }),
  );
}

const portKey = ({ name, protocol, port }: NamedPort): string => `${name}/${protocol}/${port}`;

/**
 * The addresses of one cluster. The export's Service IPs count while an endpoint is ready, of the same
 * family where the cluster has slices of that family. An import without them answers with what is in its
 * slices.
 */
function serviceAddresses(
  exported: ExportModel | undefined,
  slices: readonly SliceModel[],
  ready: readonly EndpointModel[],
): Pick<ClusterSetIpMember, 'addresses' | 'holds'> {
  const known = exported?.addresses;
  const mirrored = perFamily((family) => slices.some((slice) => slice.family === family));
  if (known === undefined || FAMILIES.every((family) => known[family].length === 0)) {
    return { addresses: addressesByFamily(ready.map(({ address }) => address)), holds: mirrored };
  }
  return {
    addresses: perFamily((family) => {
      const ofFamily = mirrored[family] ? ready.filter((endpoint) => endpoint.family === family) : ready;
      return ofFamily.length > 0 ? known[family] : [];
    }),
    holds: perFamily((family) => known[family].length > 0),
  };
}

function clusterSetIp(
  model: ImportModel,
  context: ServiceContext,
  members: readonly ClusterSetIpMember[],
): ClusterSetIpService {
  const policy = model.policy ?? context.defaultPolicy;
  return {
    type: 'ClusterSetIP',
    namespace: model.namespace,
    name: model.name,
    ports: model.ports,
    clustersetIps: model.ips,
    members,
    choice: perFamily((family) =>
      makeChoice(
        members.filter(
          ({ standing, addresses }) => standing.is === 'counted' && addresses[family].length > 0,
        ),
        policy,
      ),
    ),
    clientAffinity: model.clientAffinity,
  };
}

function headless(base: ServiceBase, members: readonly HeadlessMember[]): HeadlessService {
  const counted = members.filter(({ standing }) => standing.is === 'counted');
  const addresses = (own: boolean): ByFamily<readonly string[]> => {
    const found = perFamily(() => new Set<string>());
    for (const member of counted) {
      if (member.own !== own) continue;
      for (const { address, family } of member.endpoints) found[family].add(address);
    }
    return perFamily((family) => [...found[family]]);
  };
  const [own, others] = [addresses(true), addresses(false)];
  return {
    ...base,
    type: 'Headless',
    members,
    groups: perFamily((family) => {
      const ownOnes = new Set(own[family]);
      return [own[family], others[family].filter((address) => !ownOnes.has(address))];
    }),
  };
}

function indexByLabel(endpoints: readonly EndpointModel[]): ReadonlyMap<string, readonly EndpointModel[]> {
  const index = new Map<string, EndpointModel[]>();
  for (const endpoint of endpoints) {
    const same = index.get(endpoint.label);
    if (same === undefined) index.set(endpoint.label, [endpoint]);
    else same.push(endpoint);
  }
  const labels = new Set(index.keys());
  for (const endpoint of endpoints) {
    if (endpoint.pod === undefined || labels.has(endpoint.pod)) continue;
    const same = index.get(endpoint.pod);
    if (same === undefined) index.set(endpoint.pod, [endpoint]);
    else same.push(endpoint);
  }
  return index;
}

/** Whether two views of a service answer everything alike. */
export function sameService(a: ServiceView, b: ServiceView): boolean {
  if (a.type !== 'Headless' || b.type !== 'Headless') return isDeepStrictEqual(a, b);
  // Everything else in a headless view is made of these; endpoints that did not change are the same objects.
  const essence = ({ id, own, weight, standing, endpoints }: HeadlessMember): unknown[] => [
    id,
    own,
    weight,
    standing,
    endpoints,
  ];
  return isDeepStrictEqual(a.members.map(essence), b.members.map(essence));
}
