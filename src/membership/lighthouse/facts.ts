/** What a member has of Lighthouse and of Pharos, read before anything is changed. */
import type { ConfigMap } from '../../api/administration.ts';
import { keyOf, Kinds } from '../../api/kinds.ts';
import { Label } from '../../api/names.ts';
import type { ServiceImportType } from '../../api/objects.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import type { DnsText } from '../dns-change.ts';
import { dnsAddresses } from '../components.ts';
import { storedCredentials } from '../credentials.ts';
import { isOurs } from '../manifest.ts';
import { listOrNone } from '../members.ts';
import { COREDNS, COREFILE, CUSTOM } from '../read-corefiles.ts';
import { LIGHTHOUSE, SERVICE_DISCOVERY } from './kinds.ts';

/** One service of the clusterset, as Lighthouse has written it here. */
export interface LighthouseImport {
  readonly namespace: string;
  readonly name: string;
  readonly type: ServiceImportType;
  /** Who exports it, by its status and its slices. */
  readonly clusters: readonly string[];
  /** All addresses that Lighthouse may answer with. */
  readonly addresses: readonly string[];
  /** Names of endpoints of a headless service: `web-0.east`. */
  readonly hosts: readonly string[];
}

export interface LighthouseFacts {
  readonly location: string;
  /** Undefined where Submariner's operator does not keep Lighthouse here. */
  readonly discovery:
    | {
        readonly clusterId: string;
        readonly broker: string;
        readonly globalnet: boolean;
        readonly customDomains: readonly string[];
      }
    | undefined;
  /** Pods that should run; undefined where there is no such Deployment. */
  readonly replicas: { readonly operator: number | undefined; readonly agent: number | undefined };
  /** Addresses of Lighthouse's DNS server, and of Pharos's. */
  readonly servers: { readonly lighthouse: readonly string[]; readonly pharos: readonly string[] };
  /** `namespace/name` */
  readonly exports: readonly string[];
  readonly imports: readonly LighthouseImport[];
  /** EndpointSlices of Lighthouse's: `namespace/name`. */
  readonly slices: readonly string[];
  /** Texts that may send the zone to Lighthouse, or did until Pharos was put in its place. */
  readonly dnsTexts: readonly DnsText[];
  /** As what this cluster is a member of a Pharos clusterset. */
  readonly pharosCluster: string | undefined;
}

const RKE2 = { namespace: 'kube-system', name: 'rke2-coredns-rke2-coredns' };

export async function readLighthouse(member: ObjectStore): Promise<LighthouseFacts> {
  const [discoveries, operator, agent, service, exports, imports, slices, maps, credentials, pharos] =
    await Promise.all([
      listOrNone(member, SERVICE_DISCOVERY, {}),
      member.get(Kinds.Deployment, { namespace: LIGHTHOUSE.namespace, name: LIGHTHOUSE.operator }),
      member.get(Kinds.Deployment, { namespace: LIGHTHOUSE.namespace, name: LIGHTHOUSE.agent }),
      member.get(Kinds.Service, { namespace: LIGHTHOUSE.namespace, name: LIGHTHOUSE.dns }),
      exportsOf(member),
      listOrNone(member, Kinds.ServiceImport, {}),
      member.list(Kinds.EndpointSlice, { labels: { [Label.managedBy]: LIGHTHOUSE.sliceManager } }),
      Promise.all([COREDNS, RKE2, CUSTOM].map((ref) => member.get(Kinds.ConfigMap, ref))),
      storedCredentials(member),
      dnsAddresses(member),
    ]);
  const [discovery] = discoveries;
  const slicesOf = Map.groupBy(
    slices,
    ({ metadata: { namespace = '', labels } }) => `${namespace}/${labels?.[Label.serviceName] ?? ''}`,
  );
  // Lighthouse marks no aggregated import; one without slices of its is somebody else's unless it runs here.
  const aggregated = imports.filter(
    (each) =>
      !isOurs(each) &&
      each.metadata.namespace !== LIGHTHOUSE.namespace &&
      (discovery !== undefined || slicesOf.has(keyOf(each))),
  );
  return {
    location: member.location,
    discovery: discovery && {
      clusterId: discovery.spec.clusterID,
      broker: `${discovery.spec.brokerK8sApiServer ?? 'an unknown server'}, namespace ${discovery.spec.brokerK8sRemoteNamespace ?? LIGHTHOUSE.brokerNamespace}`,
      globalnet: discovery.spec.globalnetEnabled === true,
      customDomains: discovery.spec.customDomains ?? [],
    },
    replicas: {
      operator: operator && (operator.spec.replicas ?? 1),
      agent: agent && (agent.spec.replicas ?? 1),
    },
    servers: { lighthouse: service?.spec.clusterIPs ?? [], pharos },
    exports,
    imports: aggregated.map(({ metadata: { name, namespace = '' }, spec, status }) => {
      const own = slicesOf.get(`${namespace}/${name}`) ?? [];
      const clusterOf = (slice: (typeof own)[number]): string =>
        slice.metadata.labels?.[Label.sourceCluster] ?? '';
      return {
        namespace,
        name,
        type: spec.type,
        clusters: [
          ...new Set([...(status?.clusters ?? []).map(({ cluster }) => cluster), ...own.map(clusterOf)]),
        ].sort(),
        addresses: [
          ...new Set([
            ...(spec.ips ?? []),
            ...own.flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses)),
          ]),
        ],
        hosts: own.flatMap((slice) =>
          slice.endpoints.flatMap(({ hostname }) =>
            hostname === undefined || spec.type !== 'Headless' ? [] : [`${hostname}.${clusterOf(slice)}`],
          ),
        ),
      };
    }),
    slices: slices.map(keyOf),
    dnsTexts: maps.flatMap((map) => (map === undefined ? [] : dnsTextsOf(map))),
    pharosCluster: credentials?.cluster,
  };
}

/** An older MCS API than Pharos's own is served in many a cluster with Submariner. */
async function exportsOf(member: ObjectStore): Promise<string[]> {
  for (const apiVersion of [Kinds.ServiceExport.apiVersion, 'multicluster.x-k8s.io/v1alpha1']) {
    try {
      const found = await member.list({ ...Kinds.ServiceExport, apiVersion });
      return found.map(keyOf);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
    }
  }
  return [];
}

function dnsTextsOf({
  metadata: { name, namespace = '', resourceVersion },
  data = {},
}: ConfigMap): DnsText[] {
  return Object.entries(data).flatMap(([key, text]) =>
    key === COREFILE || key === LIGHTHOUSE.customKey
      ? [{ ref: { namespace, name }, key, text, resourceVersion }]
      : [],
  );
}
