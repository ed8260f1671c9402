import { Kinds } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { Manifest } from './manifest.ts';
import { manifest } from './manifest.ts';
import { memberUserPrefix, ownershipPolicyName } from './names.ts';
import { RECORD_KINDS, groupOf } from './record-kinds.ts';
import type { NameRule } from './record-kinds.ts';

const WRITES = ['CREATE', 'UPDATE', 'DELETE'] as const;

/** CEL: the value of a label of `object` or `oldObject`, '' where it has none. */
const labelOf = (subject: 'object' | 'oldObject', label: string): string =>
  `${subject}.metadata.?labels[?'${label}'].orValue('')`;

const NAME_RULES: Readonly<Record<NameRule, string>> = {
  record:
    'variables.parts.size() == 3 && variables.parts[0] == variables.service && ' +
    'variables.parts[1] == variables.home && variables.parts[2] == variables.member',
  'record-part':
    'variables.parts.size() == 4 && variables.parts[0] == variables.service && ' +
    'variables.parts[1] == variables.home && variables.parts[2] == variables.member',
  cluster: 'variables.parts.size() == 1 && variables.parts[0] == variables.member',
  gateway: 'variables.parts.size() >= 2 && variables.parts[0] == variables.member',
};

/** CEL: whether the object's name is one that this member, and only this member, may use for that resource. */
const nameIsOwn = RECORD_KINDS.reduceRight(
  (otherwise, { kind, name }) =>
    `request.resource.resource == '${kind.plural}' ? (${NAME_RULES[name]}) : (${otherwise})`,
  'false',
);

/**
 * The policy that makes `source-cluster` unforgeable: whoever acts with a member's identity creates, changes
 * and deletes only objects that carry its own cluster id as label and in their name, before and after. It
 * binds members alone: the broker's administrators, who are other users, may mend anything.
 *
 * Kubernetes asks it for every object of a `deletecollection`, too.
 *
 * @param namespace the broker namespace; a DNS label, since it is written into the expressions
 */
export function ownershipPolicy(namespace: string): Manifest[] {
  const name = ownershipPolicyName(namespace);
  const prefix = memberUserPrefix(namespace);
  return [
    manifest(Kinds.ValidatingAdmissionPolicy, {
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          resourceRules: RECORD_KINDS.map(({ kind }) => ({
            apiGroups: [groupOf(kind)],
            apiVersions: ['*'],
            operations: [...WRITES],
            resources: [kind.plural, `${kind.plural}/*`],
          })),
        },
        matchConditions: [
          { name: 'by-a-member', expression: `request.userInfo.username.startsWith('${prefix}')` },
        ],
        variables: [
          {
            name: 'member',
            expression: `request.userInfo.username.substring(${prefix.length})`,
          },
          { name: 'parts', expression: `object == null ? [] : object.metadata.name.split('.')` },
          {
            name: 'service',
            expression: `object == null ? '' : ${labelOf('object', Label.serviceName)}`,
          },
          {
            name: 'home',
            expression: `object == null ? '' : ${labelOf('object', Label.sourceNamespace)}`,
          },
        ],
        validations: [
          {
            expression: `oldObject == null || ${labelOf('oldObject', Label.sourceCluster)} == variables.member`,
            messageExpression: `'cluster "' + variables.member + '" may change only objects labelled ${Label.sourceCluster}=' + variables.member`,
            reason: 'Forbidden',
          },
          {
            expression: `object == null || ${labelOf('object', Label.sourceCluster)} == variables.member`,
            messageExpression: `'cluster "' + variables.member + '" may write only objects labelled ${Label.sourceCluster}=' + variables.member`,
            reason: 'Forbidden',
          },
          {
            expression: `object == null || (${nameIsOwn})`,
            messageExpression: `'"' + object.metadata.name + '" is not a name for an object of cluster "' + variables.member + '": records are named service.namespace.cluster, as their labels say, their slices service.namespace.cluster.suffix, the Lease and the Cluster by the cluster, Endpoints cluster.gateway'`,
            reason: 'Forbidden',
          },
          {
            // A key or a network that is published for another cluster would draw that cluster's traffic.
            expression: `object == null || request.resource.group != '${groupOf(Kinds.Cluster)}' || object.spec.clusterId == variables.member`,
            messageExpression: `'cluster "' + variables.member + '" may speak only for itself: spec.clusterId must be ' + variables.member`,
            reason: 'Forbidden',
          },
          {
            // A finalizer would keep the records of a member that was removed.
            expression: 'object == null || object.metadata.?finalizers.orValue([]).size() == 0',
            message: 'members may not set finalizers',
            reason: 'Forbidden',
          },
        ],
      },
    }),
    manifest(Kinds.ValidatingAdmissionPolicyBinding, {
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    }),
  ];
}
