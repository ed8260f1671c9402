/** A cluster as its DNS servers see it, read once from its API server. */
import { DRAINED_REF } from '../../api/drained.ts';
import type { ClusterId } from '../../api/identity.ts';
import { Kinds, type Kind } from '../../api/kinds.ts';
import { Label } from '../../api/names.ts';
import type { KubeObject } from '../../api/objects.ts';
import { type Gateway, GATEWAY_LIFE_MS } from '../../api/tunnel.ts';
import type { Values } from '../../config/flag.ts';
import { agentSpec } from '../../config/specs/agent.ts';
import { dnsSpec } from '../../config/specs/dns.ts';
import { NO_FILTERS } from '../../discovery/import-filters.ts';
import type { Background } from '../../explain/background.ts';
import type { WayStation } from '../../explain/caches.ts';
import { serviceAskedFor, type TypedQuestion } from '../../explain/question.ts';
import type { StandingSince, World } from '../../explain/world.ts';
import { listOrNone } from '../../membership/members.ts';
import { type Corefile, readCorefiles } from '../../membership/read-corefiles.ts';
import { type ObjectStore, type Selector, StoreError } from '../../store/store.ts';
import { SLICES_OF_ZONE } from '../../zone/source.ts';
import { Zone } from '../../zone/zone.ts';
import { drainsIn } from '../feed-zone.ts';
import { reachabilityOf } from '../follow-gateways.ts';
import { readBrokerObjects, readServiceObjects } from './read-background.ts';
import { runningFlags } from './running-flags.ts';

export interface ClusterSource {
  readonly member: ObjectStore;
  readonly cluster: ClusterId;
  /** Or why it cannot be read. */
  readonly broker: { readonly store: ObjectStore; readonly namespace: string } | string;
  /** Zones to answer for where the DNS server's flags cannot be read. */
  readonly zone: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What must not be read, or is not there, is left out, and told. */
class Gaps {
  readonly told: string[] = [];

  /** @throws StoreError `unavailable`: where the API server is away, nothing can be said */
  async read<T, F>(what: string, read: () => Promise<T>, otherwise: F): Promise<T | F> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof StoreError && error.code === 'unavailable') throw error;
      this.#tell(what, error);
      return otherwise;
    }
  }

  async try<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.#tell(what, error);
      return undefined;
    }
  }

  #tell(what: string, error: unknown): void {
    this.told.push(`${what}: ${(error as Error).message}`);
  }
}

/** The settings of DNS servers that answers depend on. */
type DnsSettings = Pick<
  Values<typeof dnsSpec>,
  'zone' | 'ttl' | 'policy' | 'strictNames' | 'advertise' | 'clustersetCidr'
>;

/**
 * Asks the API server of `source` for all that decides the question, and answers with a world to explain it in.
 *
 * @param parse makes the question, once the zones are known
 * @throws StoreError where what answers follow from cannot be read
 */
export async function readCluster(
  source: ClusterSource,
  parse: (zone: Zone) => TypedQuestion,
): Promise<{ readonly question: TypedQuestion; readonly world: World }> {
  const { member, cluster, now } = source;
  const gaps = new Gaps();
  const dns = await gaps.read(
    'The flags of pharos dns; its defaults are taken',
    () => runningFlags(member, 'pharos-dns', dnsSpec),
    undefined,
  );
  const zone = zoneFor(dns, source);
  const question = parse(zone);
  const service = serviceAskedFor(question, zone.origins);
  const list = <T extends KubeObject>(kind: Kind<T>, selector: Selector = {}): Promise<T[]> =>
    listOrNone(member, kind, selector);
  const gateways = await gaps.read(
    'Which clusters can be reached; all count as reachable',
    () => list(Kinds.Gateway),
    [],
  );
  const drained = await gaps.read(
    'Which clusters are drained; none counts as drained',
    () => member.get(Kinds.ConfigMap, DRAINED_REF),
    undefined,
  );
  zone.setReachability(reachabilityOf(gateways, (gateway) => isAlive(gateway, now)));
  zone.setDrained(drainsIn(drained));
  zone.replaceImports(await list(Kinds.ServiceImport));
  // One service's slices are enough, unless it is an address that is asked for.
  const ofService = service && {
    namespace: service.namespace,
    labels: { [Label.serviceName]: service.service },
  };
  zone.replaceSlices(await list(Kinds.EndpointSlice, { ...SLICES_OF_ZONE, ...ofService }));
  const background =
    service &&
    (await gaps.read('What is behind the zone', () => readBackground(source, service, gaps), undefined));
  const way = await gaps.read('The Corefiles of cluster DNS', () => readWay(member), undefined);
  return {
    question,
    world: {
      now,
      cluster,
      zone,
      standingSince: sinceIn(gateways),
      ...(background && { background }),
      way,
      unknown: gaps.told,
    },
  };
}

function zoneFor(dns: DnsSettings | undefined, { cluster, zone }: ClusterSource): Zone {
  return new Zone({
    ownCluster: cluster,
    origins: dns?.zone ?? zone,
    ...(dns && {
      ttl: dns.ttl,
      policy: dns.policy,
      strictNames: dns.strictNames,
      advertise: dns.advertise,
      reverseZones: dns.clustersetCidr,
    }),
  });
}

async function readBackground(
  { member, cluster, broker, now }: ClusterSource,
  service: NonNullable<ReturnType<typeof serviceAskedFor>>,
  gaps: Gaps,
): Promise<Background> {
  const agent = await gaps.read(
    'The flags of pharos agent; no filters are taken to be set',
    () => runningFlags(member, 'pharos-agent', agentSpec),
    undefined,
  );
  const here = await readServiceObjects(member, cluster, service);
  const onBroker = await gaps.try('The broker', () => {
    if (typeof broker === 'string') throw new Error(broker);
    return readBrokerObjects(broker.store, broker.namespace, service, now);
  });
  return {
    here,
    elsewhere: [],
    broker: onBroker,
    endpoints: agent?.endpoints ?? 'service',
    filters:
      agent === undefined
        ? NO_FILTERS
        : { from: agent.importFrom, namespaces: agent.importNamespaces, denied: agent.denyNamespaces },
    expireAfterMs: agent?.expireAfter === undefined ? undefined : agent.expireAfter * 1000,
  };
}

/** A server follows heartbeats and needs no clock but its own; who looks once has to go by two clocks. */
const CLOCKS_DIFFER_MS = 30_000;

function isAlive({ status }: Gateway, now: number): boolean {
  const at = Date.parse(status?.heartbeat ?? '');
  return Number.isNaN(at) || now - at <= GATEWAY_LIFE_MS + CLOCKS_DIFFER_MS;
}

/** cluster → since when no gateway reaches it: the last of them to lose it counts. */
function sinceIn(gateways: readonly Gateway[]): World['standingSince'] {
  const since = new Map<string, StandingSince>();
  for (const { cluster, since: at } of gateways.flatMap(({ status }) => status?.connections ?? [])) {
    const known = since.get(cluster);
    if (at !== undefined && (known === undefined || known.at < at))
      since.set(cluster, { is: 'unreachable', at });
  }
  return since;
}

async function readWay(member: ObjectStore): Promise<WayStation[] | undefined> {
  const { nodeLocal, clusterDns } = await readCorefiles(member);
  const station = (at: WayStation['at'], [main, ...others]: readonly Corefile[]): WayStation[] =>
    main === undefined
      ? []
      : [{ at, name: main.where, corefile: [main, ...others].map(({ text }) => text).join('\n') }];
  const stations = [...station('node-local-dns', nodeLocal), ...station('cluster-dns', clusterDns)];
  return stations.length === 0 ? undefined : stations;
}
