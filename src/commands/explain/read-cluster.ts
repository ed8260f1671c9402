/** A cluster as its DNS servers see it, read once from its API server. */
import { DRAINED_REF } from '../../api/drained.ts';
import type { ClusterId } from '../../api/identity.ts';
import { Kinds, type Kind } from '../../api/kinds.ts';
import { Label } from '../../api/names.ts';
import type { KubeObject } from '../../api/objects.ts';
import { type Gateway, seemsAlive } from '../../api/tunnel.ts';
import type { Values } from '../../config/flag.ts';
import { agentSpec } from '../../config/specs/agent.ts';
import { dnsSpec } from '../../config/specs/dns.ts';
import { NO_FILTERS } from '../../discovery/import-filters.ts';
import { IMPORT_RULES_REF, type ImportRules, parseImportRules } from '../../discovery/import-rules.ts';
import { ownAddresses } from '../../discovery/own-networks.ts';
import type { Background } from '../../explain/background.ts';
import type { WayStation } from '../../explain/caches.ts';
import { serviceAskedFor, type TypedQuestion } from '../../explain/question.ts';
import type { StandingSince, World } from '../../explain/world.ts';
import { listOrNone } from '../../membership/members.ts';
import { type Corefile, readCorefiles } from '../../membership/read-corefiles.ts';
import { type ObjectStore, type Selector, StoreError } from '../../store/store.ts';
import { SLICES_OF_ZONE } from '../../zone/source.ts';
import { Zone } from '../../zone/zone.ts';
import { clustersetCidrsOf } from '../clusterset-cidrs.ts';
import { drainsIn } from '../feed-zone.ts';
import { reachabilityOf } from '../follow-gateways.ts';
import { once } from '../once.ts';
import { readBrokerObjects, readServiceObjects } from './read-background.ts';
import { readWorkloads, runningFlags } from './running-flags.ts';

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

/** What must not be read, or is not there, is left out, and told in the order in which it was asked for. */
class Gaps {
  readonly #told = new Map<string, string | undefined>(); // what → why not

  get told(): string[] {
    return [...this.#told].flatMap(([what, why]) => (why === undefined ? [] : [`${what}: ${why}`]));
  }

  /** @throws StoreError `unavailable`: where the API server is away, nothing can be said */
  async read<T, F>(what: string, read: () => Promise<T>, otherwise: F): Promise<T | F> {
    this.#told.set(what, undefined);
    try {
      return await read();
    } catch (error) {
      if (error instanceof StoreError && error.code === 'unavailable') throw error;
      this.#told.set(what, (error as Error).message);
      return otherwise;
    }
  }

  /** Of what may be away. */
  async try<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    this.#told.set(what, undefined);
    try {
      return await read();
    } catch (error) {
      this.#told.set(what, (error as Error).message);
      return undefined;
    }
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
  const list = <T extends KubeObject>(kind: Kind<T>, selector: Selector = {}): Promise<T[]> =>
    listOrNone(member, kind, selector);
  const workloads = once(() => readWorkloads(member));
  /** All that can only be asked once it is known which zones there are. */
  const asked = async () => {
    const dns = await gaps.read(
      'The flags of pharos dns; its defaults are taken',
      async () => runningFlags(member, await workloads(), dnsSpec),
      undefined,
    );
    const zone = zoneFor(dns, source);
    const question = parse(zone);
    const service = serviceAskedFor(question, zone.origins);
    const [slices, background] = await Promise.all([
      // One service's slices are enough, unless it is an address that is asked for.
      list(Kinds.EndpointSlice, {
        ...SLICES_OF_ZONE,
        ...(service && {
          namespace: service.namespace,
          labels: { [Label.serviceName]: service.service },
        }),
      }),
      service &&
        gaps.read(
          'What is behind the zone',
          () => readBackground(source, service, workloads, gaps),
          undefined,
        ),
    ]);
    return { zone, question, slices, background };
  };
  const [{ zone, question, slices, background }, gateways, drained, imports, way] = await Promise.all([
    asked(),
    gaps.read('Which clusters can be reached; all count as reachable', () => list(Kinds.Gateway), []),
    gaps.read(
      'Which clusters are drained; none counts as drained',
      () => member.get(Kinds.ConfigMap, DRAINED_REF),
      undefined,
    ),
    list(Kinds.ServiceImport),
    gaps.read('The Corefiles of cluster DNS', () => readWay(member), undefined),
  ]);
  zone.setReachability(reachabilityOf(gateways, (gateway) => seemsAlive(gateway, now)));
  zone.setDrained(drainsIn(drained));
  zone.replaceImports(imports);
  zone.replaceSlices(slices);
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
  workloads: () => ReturnType<typeof readWorkloads>,
  gaps: Gaps,
): Promise<Background> {
  const onBroker = <T>(read: (store: ObjectStore, namespace: string) => Promise<T>): Promise<T> => {
    if (typeof broker === 'string') return Promise.reject(new Error(broker));
    return read(broker.store, broker.namespace);
  };
  const [agent, told, here, records, ownCluster] = await Promise.all([
    gaps.read(
      'The flags of pharos agent; its defaults are taken',
      async () => runningFlags(member, await workloads(), agentSpec),
      undefined,
    ),
    gaps.read(
      'What pharos agent says that it lets in; its flags count',
      () => member.get(Kinds.ConfigMap, IMPORT_RULES_REF),
      undefined,
    ),
    readServiceObjects(member, cluster, service),
    gaps.try('The broker', () =>
      onBroker((store, namespace) => readBrokerObjects(store, namespace, service, now)),
    ),
    // Why not is told once, above.
    onBroker((store, namespace) => listOrNone(store, Kinds.Cluster, { namespace, name: cluster })).catch(
      () => [],
    ),
  ]);
  const rules = told === undefined ? agent && rulesOf(agent) : parseImportRules(told);
  return {
    here,
    elsewhere: [],
    broker: records,
    endpoints: agent?.endpoints ?? 'service',
    filters: rules ?? NO_FILTERS,
    own: ownAddresses(rules ?? {}, ownCluster[0]),
    expireAfterMs: rules?.expireAfterMs,
  };
}

/** Where the agent has not said it itself. */
const rulesOf = (agent: Values<typeof agentSpec>): ImportRules => ({
  from: agent.importFrom,
  namespaces: agent.importNamespaces,
  denied: agent.denyNamespaces,
  ...(agent.ownCidr.length > 0 && { ownCidrs: agent.ownCidr }),
  ...clustersetCidrsOf(agent),
  ...(agent.expireAfter !== undefined && { expireAfterMs: agent.expireAfter * 1000 }),
});

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
