import type { CustomResourceDefinition, PolicyRule } from '../api/administration.ts';
import { DRAINED_NAME } from '../api/drained.ts';
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Annotation, Label, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Manifest } from './manifest.ts';
import { OURS, manifest } from './manifest.ts';
import { MEMBER_ROLE, identityName } from './names.ts';
import { ownershipPolicy } from './policy.ts';
import { RECORD_KINDS, groupOf } from './record-kinds.ts';

/** What a member may do in the broker namespace; the admission policy narrows writing to its own objects. */
const memberRules = (): PolicyRule[] => [
  ...RECORD_KINDS.map(({ kind }) => ({
    apiGroups: [groupOf(kind)],
    resources: [kind.plural],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  })),
  // Administrators write it.
  {
    apiGroups: [''],
    resources: ['configmaps'],
    resourceNames: [DRAINED_NAME],
    verbs: ['get', 'list', 'watch'],
  },
];

/**
 * All that makes an API server a broker, in the order of application: the policy stands before the first
 * right is given.
 *
 * @param namespace the broker namespace; must be a DNS label
 * @param definitions the CustomResourceDefinitions of records
 */
export function brokerManifests(
  namespace: string,
  definitions: readonly CustomResourceDefinition[],
): Manifest[] {
  return [
    ...definitions.map((definition) => ({ kind: Kinds.CustomResourceDefinition, object: definition })),
    manifest(Kinds.Namespace, { metadata: { name: namespace, labels: { ...OURS } } }),
    ...ownershipPolicy(namespace).map(({ kind, object }) => ({
      kind,
      object: { ...object, metadata: { ...object.metadata, labels: { ...OURS } } },
    })),
    manifest(Kinds.Role, {
      metadata: { name: MEMBER_ROLE, namespace, labels: { ...OURS } },
      rules: memberRules(),
    }),
  ];
}

export interface Member {
  readonly cluster: ClusterId;
  /** The uid of the `kube-system` namespace: what tells one cluster from another that claims its id. */
  readonly clusterUid: string;
}

/**
 * One member's identity on the broker, the ServiceAccount first: whoever creates it has claimed the id.
 *
 * @param namespace the broker namespace
 */
export function memberIdentity({ cluster, clusterUid }: Member, namespace: string): Manifest[] {
  const name = identityName(cluster);
  const labels = { ...OURS, [Label.sourceCluster]: cluster };
  const metadata = { name, namespace, labels };
  const subjects = [{ kind: 'ServiceAccount' as const, name, namespace }];
  const role = (roleName: string) =>
    ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: roleName }) as const;
  return [
    manifest(Kinds.ServiceAccount, {
      metadata: { ...metadata, annotations: { [Annotation.clusterUid]: clusterUid } },
      automountServiceAccountToken: false,
    }),
    manifest(Kinds.Role, {
      metadata,
      // The token is renewed with the token itself, so nobody else needs to be asked.
      rules: [
        { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [name], verbs: ['create'] },
      ],
    }),
    manifest(Kinds.RoleBinding, { metadata, roleRef: role(name), subjects }),
    manifest(Kinds.RoleBinding, {
      metadata: { ...metadata, name: `${name}.records` },
      roleRef: role(MEMBER_ROLE),
      subjects,
    }),
  ];
}

/**
 * What joining makes in the member cluster itself, but for the Secret with its credentials.
 *
 * @param definitions the CustomResourceDefinitions that it lacks
 * @param ownNamespace whether Pharos's namespace is Pharos's own, rather than one that was there before
 */
export function memberManifests(
  definitions: readonly CustomResourceDefinition[],
  ownNamespace: boolean,
): Manifest[] {
  return [
    ...definitions.map((definition) => ({ kind: Kinds.CustomResourceDefinition, object: definition })),
    ...(ownNamespace
      ? [manifest(Kinds.Namespace, { metadata: { name: SYSTEM_NAMESPACE, labels: { ...OURS } } })]
      : []),
  ];
}
