/** What the member's API server tells. */
import type { CustomResourceDefinition } from '../../api/administration.ts';
import { Kinds } from '../../api/kinds.ts';
import { AGENT_LEASE, Annotation, SYSTEM_NAMESPACE } from '../../api/names.ts';
import { clusterUidOf } from '../../membership/cluster-id.ts';
import { CREDENTIALS_REF, parseCredentials } from '../../membership/credentials.ts';
import { shippedDefinitions } from '../../membership/definitions.ts';
import { listOrNone } from '../../membership/members.ts';
import { Refusal } from '../../membership/refusal.ts';
import type { ServerQuestions } from '../../store/server-questions.ts';
import type { ObjectStore } from '../../store/store.ts';
import { type Gatherers, NotHere } from '../fact-source.ts';
import type { FactValues } from '../facts.ts';

const SYSTEM = { namespace: SYSTEM_NAMESPACE } as const;
const DNS = { ...SYSTEM, name: 'pharos-dns' } as const;
const PHAROS = { 'app.kubernetes.io/name': 'pharos' } as const;

type MemberFact =
  | 'memberVersion'
  | 'joined'
  | 'clusterUid'
  | 'definitions'
  | 'workloads'
  | 'agentContact'
  | 'namespaces'
  | 'exports'
  | 'imports'
  | 'dnsService'
  | 'dnsSlices'
  | 'gateways'
  | 'peerClusters'
  | 'peerEndpoints';

export const memberGatherers = (
  member: ObjectStore & Partial<ServerQuestions>,
): Pick<Gatherers, MemberFact> => ({
  memberVersion: () => versionOf(member),
  joined: () => readJoined(member),
  clusterUid: () => clusterUidOf(member),
  definitions: () => readDefinitions(member),
  workloads: async () => [
    ...(await member.list(Kinds.Deployment, { ...SYSTEM, labels: PHAROS })),
    ...(await member.list(Kinds.DaemonSet, { ...SYSTEM, labels: PHAROS })),
  ],
  agentContact: async () => {
    const lease = await member.get(Kinds.Lease, { ...SYSTEM, name: AGENT_LEASE });
    const answered = lease?.metadata.annotations?.[Annotation.brokerReached];
    return answered === undefined ? {} : { answered };
  },
  namespaces: async () => (await member.list(Kinds.Namespace)).map(({ metadata: { name } }) => name),
  exports: () => listOrNone(member, Kinds.ServiceExport, {}),
  imports: () => listOrNone(member, Kinds.ServiceImport, {}),
  dnsService: () => member.get(Kinds.Service, DNS),
  dnsSlices: () =>
    member.list(Kinds.EndpointSlice, { ...SYSTEM, labels: { 'kubernetes.io/service-name': DNS.name } }),
  gateways: () => listOrNone(member, Kinds.Gateway, SYSTEM),
  peerClusters: () => listOrNone(member, Kinds.Cluster, SYSTEM),
  peerEndpoints: () => listOrNone(member, Kinds.TunnelEndpoint, SYSTEM),
});

/** @throws NotHere where it is no API server */
export async function versionOf(server: ObjectStore & Partial<ServerQuestions>): Promise<string> {
  if (server.version === undefined) throw new NotHere(`${server.location} is no API server`);
  return server.version();
}

async function readJoined(member: ObjectStore): Promise<FactValues['joined']> {
  const secret = await member.get(Kinds.Secret, CREDENTIALS_REF);
  if (secret === undefined) {
    const { namespace = '', name } = CREDENTIALS_REF;
    return { problem: `${member.location} has no Secret ${namespace}/${name}: it joined no broker` };
  }
  try {
    const { cluster, namespace, address, issuedAt, expiresAt } = parseCredentials(secret);
    return { cluster, brokerNamespace: namespace, server: address.server, issuedAt, expiresAt };
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message };
    throw error;
  }
}

async function readDefinitions(member: ObjectStore): Promise<FactValues['definitions']> {
  const shipped: readonly CustomResourceDefinition[] = Object.values(await shippedDefinitions());
  return Promise.all(
    shipped.map(async ({ metadata: { name }, spec }) => ({
      name,
      needs: spec.versions.find(({ storage }) => storage)?.name ?? '',
      present: await member.get(Kinds.CustomResourceDefinition, { name }),
    })),
  );
}
