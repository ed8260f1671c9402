/**
 * Which records of other clusters are taken. They are a stranger's: each is judged by itself, and one that
 * is refused harms no other.
 */
import { type Cidr, contains, familyOf, type IpAddress, overlaps, parseCidr, parseIp } from '../api/cidr.ts';
import type { ClusterId } from '../api/identity.ts';
import { Label } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { CableDriverName, Cluster, RefusedRecord, TunnelEndpoint } from '../api/tunnel.ts';
import { isTooWide, NOT_ROUTABLE, WIDEST } from '../api/routable.ts';
import { validateCluster, validateTunnelEndpoint } from '../api/validate.ts';
import { hasKeys, parsePublicKey, type PublicKey } from './keys.ts';
import { type GatewayRef, innerAddress, keyOfGateway } from './gateway-ref.ts';
import { INNER_NETWORKS } from './marks.ts';

/** What a gateway knows of itself, and of the cluster that it stands in. */
export interface Self extends GatewayRef {
  readonly cluster: ClusterId;
  readonly driver: CableDriverName;
  readonly privateIP: IpAddress;
  readonly podCIDRs: readonly Cidr[];
  readonly serviceCIDRs: readonly Cidr[];
  readonly clustersetCIDRs: readonly Cidr[];
}

/** A gateway of another cluster whose record was taken. */
export interface PeerGateway extends GatewayRef {
  readonly driver: CableDriverName;
  /** Where it may be reached, in the order in which to try: its own network's address first. */
  readonly addresses: readonly IpAddress[];
  readonly port: number;
  readonly publicKeys: readonly PublicKey[];
  readonly isBehindNat: boolean;
  readonly mtu: number | undefined;
  readonly epoch: number;
  readonly preferred: boolean;
}

/** Another cluster whose record was taken. */
export interface Member {
  readonly cluster: string;
  /** Of its pods and Services: what is routed to it. */
  readonly cidrs: readonly Cidr[];
  readonly gateways: readonly PeerGateway[];
}

export type RefusalReason =
  | 'malformed'
  | 'foreign'
  | 'own-id'
  | 'too-large'
  | 'reserved'
  | 'overlap'
  | 'bad-address'
  | 'bad-key'
  | 'key-in-use'
  | 'driver-differs'
  | 'no-cluster'
  | 'too-many'
  | 'clash';

export interface Refusal extends RefusedRecord {
  readonly reason: RefusalReason;
}

export interface Admitted {
  readonly members: readonly Member[];
  /** The records that were taken, as validated: what may be copied into the member. */
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly TunnelEndpoint[];
  readonly refused: readonly Refusal[];
}

const MAX_GATEWAYS = 16;

/** What no record may claim: what is nobody's, and what is inside of tunnels alone. */
const RESERVED = [...NOT_ROUTABLE, ...INNER_NETWORKS];

/**
 * @param clusters and endpoints as they are on the broker, or copied from there, in any order
 */
export function admit(self: Self, clusters: readonly unknown[], endpoints: readonly unknown[]): Admitted {
  const refused: Refusal[] = [];
  const refuse = (record: unknown, problem: Problem): void =>
    void refused.push({ record: nameOf(record), ...problem });

  const takenClusters: { readonly record: Cluster; readonly cidrs: readonly Cidr[] }[] = [];
  for (const candidate of [...clusters].sort(byAge)) {
    const validation = validateCluster(candidate);
    if (!validation.ok) {
      refuse(candidate, malformed(validation.problems));
      continue;
    }
    const record = validation.object;
    if (isOwn(record, self.cluster)) continue;
    const cidrs = [...record.spec.podCIDRs, ...record.spec.serviceCIDRs].map(parseCidr);
    const problem =
      clusterProblem(record, self) ??
      secondProblem(record, takenClusters) ??
      cidrs.map(cidrProblem).find((found) => found !== undefined) ??
      overlapWithOwn(cidrs, self) ??
      overlapWithOthers(cidrs, takenClusters);
    if (problem === undefined) takenClusters.push({ record, cidrs });
    else refuse(record, problem);
  }

  const gatewaysOf = new Map<string, PeerGateway[]>(
    takenClusters.map(({ record }) => [record.spec.clusterId, []]),
  );
  const networks = takenClusters.flatMap(({ cidrs }) => cidrs);
  const takenEndpoints: TunnelEndpoint[] = [];
  const owners = new Map<string, string>([[innerAddress(self), keyOfGateway(self)]]); // key or inner address → gateway
  for (const candidate of [...endpoints].sort(byAge)) {
    const validation = validateTunnelEndpoint(candidate);
    if (!validation.ok) {
      refuse(candidate, malformed(validation.problems));
      continue;
    }
    const record = validation.object;
    if (isOwn(record, self.cluster)) continue;
    const gateways = gatewaysOf.get(record.spec.clusterId);
    const problem =
      endpointProblem(record, self, networks) ??
      (gateways === undefined
        ? {
            reason: 'no-cluster' as const,
            message: `cluster "${record.spec.clusterId}" has no Cluster record that was taken`,
          }
        : undefined) ??
      ownerProblem(record, owners) ??
      (gateways !== undefined && gateways.length >= MAX_GATEWAYS
        ? { reason: 'too-many' as const, message: `a cluster may have ${MAX_GATEWAYS} gateways` }
        : undefined);
    if (problem !== undefined || gateways === undefined) {
      refuse(record, problem ?? malformed([]));
      continue;
    }
    const peer = peerOf(record);
    for (const owned of [innerAddress(peer), ...peer.publicKeys]) owners.set(owned, keyOfGateway(peer));
    gateways.push(peer);
    takenEndpoints.push(record);
  }

  return {
    members: takenClusters.map(({ record, cidrs }) => ({
      cluster: record.spec.clusterId,
      cidrs,
      gateways: gatewaysOf.get(record.spec.clusterId) ?? [],
    })),
    clusters: takenClusters.map(({ record }) => record),
    endpoints: takenEndpoints,
    refused,
  };
}

type Problem = Omit<Refusal, 'record'>;

const malformed = (problems: readonly string[]): Problem => ({
  reason: 'malformed',
  message: problems.join('; '),
});

/** For messages only: whatever a stranger wrote, cut and without what would be more than a word. */
function nameOf(record: unknown): string {
  const { kind, metadata } = (record ?? {}) as Partial<KubeObject>;
  const word = (text: unknown): string =>
    (typeof text === 'string' ? text : '?').replaceAll(/[^A-Za-z0-9.-]/g, '?').slice(0, 100);
  return `${word(kind)} ${word(metadata?.name)}`;
}

/**
 * Who came first keeps what is its own, so that nobody takes a network or a key from another by claiming it
 * later. The broker sets the time of creation; copies in a member are of what was taken before.
 */
function byAge(a: unknown, b: unknown): number {
  const stamp = (record: unknown): string => {
    const { metadata } = (record ?? {}) as Partial<KubeObject>;
    const word = (text: unknown, otherwise: string): string => (typeof text === 'string' ? text : otherwise);
    return `${word(metadata?.creationTimestamp, '9')} ${word(metadata?.name, '')}`;
  };
  const [left, right] = [stamp(a), stamp(b)];
  return left < right ? -1 : Number(left > right);
}

const sourceOf = (record: KubeObject): string | undefined => record.metadata.labels?.[Label.sourceCluster];

const isOwn = (record: Cluster | TunnelEndpoint, own: ClusterId): boolean =>
  sourceOf(record) === own && record.spec.clusterId === own;

/** A record speaks for the cluster that wrote it, which its label tells, since the broker enforces that. */
function claimProblem(record: Cluster | TunnelEndpoint, self: Self): Problem | undefined {
  const { clusterId } = record.spec;
  const source = sourceOf(record);
  if (clusterId === self.cluster) {
    return {
      reason: 'own-id',
      message: `"${clusterId}" is this cluster's own id, cluster "${source ?? '?'}" wrote it`,
    };
  }
  if (source === clusterId) return undefined;
  return { reason: 'foreign', message: `cluster "${source ?? '?'}" speaks for cluster "${clusterId}"` };
}

function clusterProblem(record: Cluster, self: Self): Problem | undefined {
  const { clusterId } = record.spec;
  return record.metadata.name === clusterId
    ? claimProblem(record, self)
    : { reason: 'foreign', message: `a record of this name speaks for cluster "${clusterId}"` };
}

function cidrProblem(cidr: Cidr): Problem | undefined {
  if (isTooWide(cidr)) {
    return {
      reason: 'too-large',
      message: `${cidr} is larger than a cluster's network may be (/${WIDEST[familyOf(cidr)]})`,
    };
  }
  const reserved = RESERVED.find((network) => overlaps(network, cidr));
  return reserved && { reason: 'reserved', message: `${cidr} is in ${reserved}, which no cluster may have` };
}

function overlapWithOwn(cidrs: readonly Cidr[], self: Self): Problem | undefined {
  for (const cidr of cidrs) {
    const own = [...self.podCIDRs, ...self.serviceCIDRs, ...self.clustersetCIDRs].find((o) =>
      overlaps(o, cidr),
    );
    if (own !== undefined) {
      return { reason: 'overlap', message: `${cidr} overlaps ${own} of this cluster, "${self.cluster}"` };
    }
    if (contains(cidr, self.privateIP)) {
      return { reason: 'overlap', message: `${cidr} holds ${self.privateIP}, the address of this gateway` };
    }
  }
  return undefined;
}

/** One record a cluster, whatever a store that is no API server may hold: the oldest counts. */
function secondProblem(
  { spec: { clusterId } }: Cluster,
  taken: readonly { readonly record: Cluster }[],
): Problem | undefined {
  return taken.some(({ record }) => record.spec.clusterId === clusterId)
    ? { reason: 'clash', message: `cluster "${clusterId}" has an older record` }
    : undefined;
}

function overlapWithOthers(
  cidrs: readonly Cidr[],
  taken: readonly { readonly record: Cluster; readonly cidrs: readonly Cidr[] }[],
): Problem | undefined {
  for (const cidr of cidrs) {
    for (const other of taken) {
      const theirs = other.cidrs.find((candidate) => overlaps(candidate, cidr));
      if (theirs === undefined) continue;
      const message = `${cidr} overlaps ${theirs} of cluster "${other.record.spec.clusterId}", which was there before`;
      return { reason: 'overlap', message };
    }
  }
  return undefined;
}

function endpointProblem(record: TunnelEndpoint, self: Self, networks: readonly Cidr[]): Problem | undefined {
  const { spec, metadata } = record;
  if (metadata.name !== `${spec.clusterId}.${spec.gateway}`) {
    return {
      reason: 'foreign',
      message: `a record of this name speaks for gateway "${spec.clusterId}.${spec.gateway}"`,
    };
  }
  const claim = claimProblem(record, self);
  if (claim !== undefined) return claim;
  for (const address of [spec.privateIP, spec.publicIP].flatMap((text) =>
    text === undefined ? [] : [parseIp(text)],
  )) {
    const inside = [...RESERVED, ...self.podCIDRs, ...self.serviceCIDRs, ...networks].find((network) =>
      contains(network, address),
    );
    if (inside !== undefined) {
      return { reason: 'bad-address', message: `${address} is in ${inside}: no gateway is reached there` };
    }
  }
  if (spec.driver !== self.driver) {
    return {
      reason: 'driver-differs',
      message: `it uses ${spec.driver}, this gateway ${self.driver}; start both with the same --cable-driver`,
    };
  }
  if (!hasKeys(spec.driver)) return undefined;
  if (spec.publicKeys.length === 0)
    return { reason: 'bad-key', message: `${spec.driver} needs a key, there is none` };
  const bad = spec.publicKeys.find((key) => parsePublicKey(key) === undefined);
  return bad === undefined
    ? undefined
    : { reason: 'bad-key', message: `"${bad}" is no key of 32 bytes in Base64` };
}

/** Two gateways with one key could pose as each other; with one inner address neither could be told. */
function ownerProblem({ spec }: TunnelEndpoint, owners: ReadonlyMap<string, string>): Problem | undefined {
  const ref = { cluster: spec.clusterId, gateway: spec.gateway };
  const mine = keyOfGateway(ref);
  const key = spec.publicKeys.find((candidate) => (owners.get(candidate) ?? mine) !== mine);
  if (key !== undefined) return { reason: 'key-in-use', message: `its key is that of ${owners.get(key)}` };
  const address = innerAddress(ref);
  const other = owners.get(address);
  if (other === undefined || other === mine) return undefined;
  return {
    reason: 'clash',
    message: `its inner address ${address} is that of ${other}; give the node another name`,
  };
}

function peerOf({ spec }: TunnelEndpoint): PeerGateway {
  const addresses = [spec.privateIP, spec.publicIP].flatMap((text) =>
    text === undefined ? [] : [parseIp(text)],
  );
  return {
    cluster: spec.clusterId,
    gateway: spec.gateway,
    driver: spec.driver,
    addresses: [...new Set(addresses)],
    port: spec.port,
    publicKeys: spec.publicKeys.flatMap((key) => parsePublicKey(key) ?? []),
    isBehindNat: spec.nat === true,
    mtu: spec.mtu,
    epoch: spec.leaseEpoch,
    preferred: spec.preferred,
  };
}
