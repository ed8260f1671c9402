import type { ClusterId } from '../api/identity.ts';

/** The Role on the broker that all members share: read every record, write records. */
export const MEMBER_ROLE = 'pharos-member';

/** The Secret in a member's own namespace that holds what it needs to reach the broker. */
export const CREDENTIALS_SECRET = 'pharos-broker';

const IDENTITY_PREFIX = 'cluster-';

/** The ServiceAccount that a member uses on the broker, and the name of its own Role and RoleBindings there. */
export const identityName = (cluster: ClusterId): string => `${IDENTITY_PREFIX}${cluster}`;

/** What the user names of all members on the broker begin with; the cluster id follows. */
export const memberUserPrefix = (brokerNamespace: string): string =>
  `system:serviceaccount:${brokerNamespace}:${IDENTITY_PREFIX}`;

/** The admission policy's name: cluster-wide, so that two brokers on one API server do not meet. */
export const ownershipPolicyName = (brokerNamespace: string): string =>
  `records.${brokerNamespace}.pharos.io`;
