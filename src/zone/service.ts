import type { IpFamily } from '../api/objects.ts';
import { makeChoice, type Choice } from './choice.ts';
import { addressesByFamily, FAMILIES, perFamily, type ByFamily } from './family.ts';
import type { ExportModel, ImportModel, Policy } from './import-model.ts';
import type { NamedPort } from './ports.ts';
import { same } from './same.ts';
import type { EndpointModel, SliceModel } from './slice-model.ts';

/** Whether a cluster counts in answers, or why it does not. */
export type Standing =
  | { readonly is: 'counted' }
  | { readonly is: 'not-ready' }
  /** By its weight 0, or with `why` by an administrator, for all its services. */
  | { readonly is: 'drained'; readonly why?: string }
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
  /** The endpoints that a label names: hostnames and dashed addresses, then pods' names that are free. */
  readonly named: (label: string) => readonly EndpointModel[];
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
  /** Who took a cluster out of all answers, in words; undefined = nobody. */
  drained(cluster: string): string | undefined;
}

/**
 * The same for an import that may not be there, and slices by name.
 *
 * @param slices namespace/name → slice, in any order
 */
export function compileFrom(
  model: ImportModel | undefined,
  slices: ReadonlyMap<string, SliceModel>,
  context: ServiceContext,
): ServiceView | undefined {
  const ordered = [...slices].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, slice]) => slice);
  return model && compileService(model, ordered, context);
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
    if (why !== undefined) return { is: 'unreachable', why };
    const drain = context.drained(part.id);
    return drain === undefined ? { is: 'counted' } : { is: 'drained', why: drain };
  };
  const { namespace, name } = model;
  if (model.type === 'Headless') {
    return headless(
      { namespace, name },
      unlessNothingIsLeft(
        members.map((part) => ({
          id: part.id,
          own: part.own,
          weight: part.weight,
          standing: standing(part),
          endpoints: part.ready,
          named: byLabel(part.ready),
        })),
      ),
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

/**
 * The endpoints of a headless service are known to each other by name: where an administrator drained all
 * clusters that have any, theirs count, since an answer without them would end the service.
 */
function unlessNothingIsLeft(members: readonly HeadlessMember[]): readonly HeadlessMember[] {
  if (members.some(({ standing }) => standing.is === 'counted')) return members;
  return members.map((member) =>
    member.standing.is === 'drained' && member.standing.why !== undefined
      ? { ...member, standing: { is: 'counted' } }
      : member,
  );
}

/** The clusters in the import's own list; where it has none (another implementation's), whoever shows up. */
function exporters(model: ImportModel, slices: readonly SliceModel[]): ReadonlySet<string> {
  if (model.exports !== undefined) return new Set(model.exports.keys());
  return new Set([...model.listedClusters, ...slices.map(({ cluster }) => cluster)]);
}

/** In the order of the slices. Nothing is copied where one slice holds them all, as it mostly does. */
function readyEndpoints(model: ImportModel, slices: readonly SliceModel[]): readonly EndpointModel[] {
  const parts = slices.map((slice) =>
    model.publishNotReady || slice.publishNotReady || slice.endpoints.every(({ ready }) => ready)
      ? slice.endpoints
      : slice.endpoints.filter(({ ready }) => ready),
  );
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : parts.flat();
}

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
  const eligible = (family: IpFamily): readonly ClusterSetIpMember[] => {
    const counts = ({ standing, addresses }: ClusterSetIpMember): boolean =>
      standing.is === 'counted' && addresses[family].length > 0;
    // Mostly all are: an array less for each service.
    return members.every(counts) ? members : members.filter(counts);
  };
  return {
    type: 'ClusterSetIP',
    namespace: model.namespace,
    name: model.name,
    ports: model.ports,
    clustersetIps: model.ips,
    members,
    choice: perFamily((family) => makeChoice(eligible(family), policy)),
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

/** The index is made when the first label is looked up: most services are never asked for one. */
function byLabel(endpoints: readonly EndpointModel[]): HeadlessMember['named'] {
  let index: ReadonlyMap<string, readonly EndpointModel[]> | undefined;
  return (label) => (index ??= indexByLabel(endpoints)).get(label) ?? [];
}

function indexByLabel(endpoints: readonly EndpointModel[]): ReadonlyMap<string, readonly EndpointModel[]> {
  const index = new Map<string, EndpointModel[]>();
  const add = (label: string, endpoint: EndpointModel): void => {
    const named = index.get(label);
    if (named === undefined) index.set(label, [endpoint]);
    else named.push(endpoint);
  };
  for (const endpoint of endpoints) add(endpoint.label, endpoint);
  const taken = new Set(index.keys());
  for (const endpoint of endpoints) {
    if (endpoint.pod !== undefined && !taken.has(endpoint.pod)) add(endpoint.pod, endpoint);
  }
  return index;
}

/**
 * Whether two views of a service answer everything alike. Compared is only what the rest is made of;
 * parts that did not change are mostly the same objects.
 */
export function sameService(a: ServiceView, b: ServiceView): boolean {
  if (a.members.length !== b.members.length) return false;
  if (a.type === 'Headless')
    return b.type === 'Headless' && pairwise(a.members, b.members, sameHeadlessMember);
  return (
    b.type === 'ClusterSetIP' &&
    a.clientAffinity === b.clientAffinity &&
    a.choice.IPv4.policy === b.choice.IPv4.policy &&
    same(a.ports, b.ports) &&
    same(a.clustersetIps, b.clustersetIps) &&
    pairwise(a.members, b.members, sameClusterSetIpMember)
  );
}

const pairwise = <T>(a: readonly T[], b: readonly T[], alike: (a: T, b: T) => boolean): boolean =>
  a.every((item, index) => {
    const other = b[index];
    return other !== undefined && alike(item, other);
  });

const sameMember = (a: Member, b: Member): boolean =>
  a.id === b.id && a.own === b.own && a.weight === b.weight && same(a.standing, b.standing);

const sameHeadlessMember = (a: HeadlessMember, b: HeadlessMember): boolean =>
  sameMember(a, b) && same(a.endpoints, b.endpoints);

const sameClusterSetIpMember = (a: ClusterSetIpMember, b: ClusterSetIpMember): boolean =>
  sameMember(a, b) && same(a.addresses, b.addresses) && same(a.holds, b.holds);
