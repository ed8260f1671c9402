import type { CustomResourceDefinition } from '../api/administration.ts';
import type { Kind } from '../api/kinds.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { KubeObject, ServiceExport, ServiceImport } from '../api/objects.ts';
import type { ObjectStore } from '../store/store.ts';
import { CREDENTIALS_REF } from './credentials.ts';
import { OURS, isOurs } from './manifest.ts';
import { listOrNone } from './members.ts';
import { groupOf } from './record-kinds.ts';
import type { Removal } from './remove-member.ts';

/** What joining, and the agent since then, made in a member cluster. */
export interface MemberLeftovers {
  /** What runs, and what was made for it; it goes first. */
  readonly components: readonly Removal[];
  /** What lets Pharos's processes write; it goes next. */
  readonly rights: readonly Removal[];
  /** ServiceExports, which are the users' own and stay, with conditions that the agent set. */
  readonly exports: readonly ServiceExport[];
  /** Everything else, in the order in which it goes. */
  readonly objects: readonly Removal[];
  /** What Pharos made and yet stays, each with the reason. */
  readonly kept: readonly string[];
}

const RIGHTS: readonly Kind[] = [
  Kinds.ClusterRoleBinding,
  Kinds.ClusterRole,
  Kinds.RoleBinding,
  Kinds.Role,
  Kinds.ServiceAccount,
];

const TUNNELS: readonly Kind[] = [Kinds.Gateway, Kinds.TunnelEndpoint, Kinds.Cluster];

const COMPONENTS: readonly Kind[] = [
  Kinds.Deployment,
  Kinds.DaemonSet,
  Kinds.Service,
  Kinds.PodDisruptionBudget,
  Kinds.NetworkPolicy,
];

/** The conditions of the MCS API, all of which the agent sets. */
const CONDITIONS = new Set(['Valid', 'Ready', 'Conflict']);

/** What somebody would miss that goes with a namespace. */
const CONTENT: readonly Kind[] = [
  Kinds.Secret,
  Kinds.ConfigMap,
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims', namespaced: true },
  Kinds.Deployment,
  { apiVersion: 'apps/v1', kind: 'StatefulSet', plural: 'statefulsets', namespaced: true },
  Kinds.DaemonSet,
];

/** By these the replicas of Pharos's processes elect their leader. */
const OWN_LEASES = 'pharos-';

/** Kubernetes puts it into every namespace. */
const ROOT_CERTIFICATES = 'kube-root-ca.crt';

const removalOf =
  (kind: Kind) =>
  ({ metadata: { name, namespace } }: KubeObject): Removal => ({
    kind,
    ref: namespace === undefined ? { name } : { name, namespace },
  });

/** Finds all of it by its marks, with no memory of what was made. Changes nothing. */
export async function findLeftovers(member: ObjectStore): Promise<MemberLeftovers> {
  const [
    components,
    rights,
    slices,
    imports,
    exports,
    leases,
    maps,
    secret,
    namespace,
    definitions,
    brokers,
    tunnels,
  ] = await Promise.all([
    Promise.all(COMPONENTS.map((kind) => findMarked(member, kind))),
    Promise.all(RIGHTS.map((kind) => findMarked(member, kind))),
    member.list(Kinds.EndpointSlice, { labels: { [Label.managedBy]: MANAGED_BY } }),
    listOrNone(member, Kinds.ServiceImport, {}),
    listOrNone(member, Kinds.ServiceExport, {}),
    member.list(Kinds.Lease, { namespace: SYSTEM_NAMESPACE }),
    member.list(Kinds.ConfigMap, { namespace: SYSTEM_NAMESPACE, labels: OURS }),
    member.get(Kinds.Secret, CREDENTIALS_REF),
    findNamespace(member),
    member.list(Kinds.CustomResourceDefinition, { labels: OURS }),
    listOrNone(member, Kinds.ValidatingAdmissionPolicyBinding, { labels: OURS }),
    Promise.all(TUNNELS.map((kind) => findOurs(member, kind))),
  ]);
  const kept: string[] = [];
  const unused = definitions.filter((definition) => {
    const reason = reasonToKeep(definition, { imports, exports, isBroker: brokers.length > 0 });
    if (reason !== undefined) kept.push(`${definition.kind} ${definition.metadata.name}: ${reason}`);
    return reason === undefined;
  });
  if (namespace?.foreign !== undefined) {
    kept.push(`Namespace ${SYSTEM_NAMESPACE}: ${namespace.foreign} is in it, which Pharos did not make`);
  }
  return {
    components: components.flat(),
    rights: rights.flat(),
    exports: exports.filter(({ status }) => status?.conditions?.some(({ type }) => CONDITIONS.has(type))),
    objects: [
      ...slices.map(removalOf(Kinds.EndpointSlice)),
      ...imports.filter(isOurs).map(removalOf(Kinds.ServiceImport)),
      ...tunnels.flat(),
      ...leases.filter(({ metadata: { name } }) => name.startsWith(OWN_LEASES)).map(removalOf(Kinds.Lease)),
      ...maps.map(removalOf(Kinds.ConfigMap)),
      ...(secret === undefined ? [] : [removalOf(Kinds.Secret)(secret)]),
      ...(namespace !== undefined && namespace.foreign === undefined
        ? [{ kind: Kinds.Namespace, ref: { name: SYSTEM_NAMESPACE } }]
        : []),
      ...unused.map(removalOf(Kinds.CustomResourceDefinition)),
    ],
    kept,
  };
}

/** What gateways keep here: connections, and copies of what other clusters tell of theirs. */
async function findOurs(member: ObjectStore, kind: Kind): Promise<Removal[]> {
  const where = { namespace: SYSTEM_NAMESPACE, labels: OURS };
  return (await listOrNone(member, kind, where)).map(removalOf(kind));
}

async function findMarked(member: ObjectStore, kind: Kind): Promise<Removal[]> {
  const where = kind.namespaced ? { namespace: SYSTEM_NAMESPACE } : {};
  return (await member.list(kind, { ...where, labels: OURS })).map(removalOf(kind));
}

/** Pharos's namespace, if Pharos made it, with the first thing in it that somebody else put there. */
async function findNamespace(member: ObjectStore): Promise<{ foreign: string | undefined } | undefined> {
  const namespace = await member.get(Kinds.Namespace, { name: SYSTEM_NAMESPACE });
  if (namespace === undefined || !isOurs(namespace)) return undefined;
  for (const kind of CONTENT) {
    const objects = await member.list(kind, { namespace: SYSTEM_NAMESPACE });
    const foreign = objects.find((object) => !isOurs(object) && object.metadata.name !== ROOT_CERTIFICATES);
    if (foreign !== undefined) return { foreign: `${kind.kind} ${foreign.metadata.name}` };
  }
  return { foreign: undefined };
}

interface Users {
  readonly imports: readonly ServiceImport[];
  readonly exports: readonly ServiceExport[];
  readonly isBroker: boolean;
}

/** Deleting a definition deletes its objects: the reason not to, where some are not Pharos's or of the past. */
function reasonToKeep(
  { spec }: CustomResourceDefinition,
  { imports, exports, isBroker }: Users,
): string | undefined {
  const { plural } = spec.names;
  const isExports = plural === Kinds.ServiceExport.plural;
  if (isBroker && !isExports && plural !== Kinds.Gateway.plural) return 'this cluster is a broker, too';
  if (spec.group === groupOf(Kinds.Gateway)) return undefined;
  const objects: readonly KubeObject[] = isExports ? exports : imports;
  const users = objects.filter((object) => !isOurs(object)).length;
  return users === 0 ? undefined : `${users} of its objects are not Pharos's`;
}
