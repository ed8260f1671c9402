import type { Secret } from '../api/administration.ts';
import type { ClusterId } from '../api/identity.ts';
import { isDnsLabel, parseClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { KubeAddress } from '../store/kube-address.ts';
import type { ObjectRef, ObjectStore } from '../store/store.ts';
import { SecretText } from '../api/secret-text.ts';
import { CREDENTIALS_SECRET } from './names.ts';
import { Refusal } from './refusal.ts';

/** A member's token and for how long it holds, in milliseconds since 1970 by the member's own clock. */
export interface MemberToken {
  readonly token: SecretText;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The uid of the ServiceAccount that the token is for: when that is made anew, the token is void. */
  readonly identityUid: string;
}

/** All that a member needs to act on the broker; kept in one Secret of its own cluster. */
export interface BrokerCredentials extends MemberToken {
  readonly cluster: ClusterId;
  /** The broker namespace. */
  readonly namespace: string;
  /** How the member, not the operator's shell, reaches the broker. */
  readonly address: KubeAddress;
}

/** Where a member keeps its {@link BrokerCredentials}. */
export const CREDENTIALS_REF: ObjectRef = { namespace: SYSTEM_NAMESPACE, name: CREDENTIALS_SECRET };

const Key = {
  cluster: 'cluster-id',
  namespace: 'namespace',
  server: 'server',
  certificateAuthority: 'ca.crt',
  tlsServerName: 'tls-server-name',
  token: 'token',
  issuedAt: 'issued-at',
  expiresAt: 'expires-at',
  identityUid: 'identity-uid',
} as const;

const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

/** The Secret that keeps `credentials`; {@link parseCredentials} reads it back. */
export function credentialsSecret(credentials: BrokerCredentials): Secret {
  const { cluster, namespace, address, token, issuedAt, expiresAt, identityUid } = credentials;
  const text: Record<string, string> = {
    [Key.cluster]: cluster,
    [Key.namespace]: namespace,
    [Key.server]: address.server,
    [Key.token]: token.reveal(),
    [Key.issuedAt]: new Date(issuedAt).toISOString(),
    [Key.expiresAt]: new Date(expiresAt).toISOString(),
    [Key.identityUid]: identityUid,
  };
  if (address.certificateAuthority !== undefined) {
    text[Key.certificateAuthority] = address.certificateAuthority;
  }
  if (address.tlsServerName !== undefined) text[Key.tlsServerName] = address.tlsServerName;
  return {
    apiVersion: Kinds.Secret.apiVersion,
    kind: 'Secret',
    metadata: { ...CREDENTIALS_REF, labels: { [Label.importManagedBy]: MANAGED_BY } },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(text).map(([key, value]) => [key, encode(value)])),
  };
}

/** @throws Refusal that names every key that is missing or wrong (never its content), and what to do. */
export function parseCredentials(secret: Secret): BrokerCredentials {
  const problems: string[] = [];
  const optional = (key: string): string | undefined => {
    const value = secret.data?.[key];
    return value === undefined || value === '' ? undefined : decode(value);
  };
  const required = (key: string): string => {
    const value = optional(key);
    if (value === undefined) problems.push(`"${key}" is missing`);
    return value ?? '';
  };
  const time = (key: string): number => {
    const value = required(key);
    const ms = Date.parse(value);
    if (value !== '' && Number.isNaN(ms)) problems.push(`"${key}" is not an RFC 3339 time`);
    return ms;
  };
  const label = (key: string): string => {
    const value = required(key);
    if (value !== '' && !isDnsLabel(value)) problems.push(`"${key}" is not a DNS label`);
    return value;
  };
  const cluster = label(Key.cluster);
  const namespace = label(Key.namespace);
  const server = required(Key.server);
  if (server !== '' && !URL.canParse(server)) problems.push(`"${Key.server}" is not a URL`);
  const token = required(Key.token);
  const issuedAt = time(Key.issuedAt);
  const expiresAt = time(Key.expiresAt);
  const identityUid = required(Key.identityUid);
  if (problems.length > 0) {
    const { namespace: home = '', name } = secret.metadata;
    throw new Refusal(
      'unusable-credentials',
      `Cannot use Secret ${home}/${name}: ${problems.join(', ')}; run "pharos join" again to renew it`,
    );
  }
  const certificateAuthority = optional(Key.certificateAuthority);
  const tlsServerName = optional(Key.tlsServerName);
  return {
    cluster: parseClusterId(cluster),
    namespace,
    address: {
      server,
      ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
    },
    token: new SecretText(token),
    issuedAt,
    expiresAt,
    identityUid,
  };
}

/**
 * The Secret with a member's credentials.
 *
 * @throws Refusal where there is none, StoreError where it can't be read
 */
export async function readCredentialsSecret(member: ObjectStore): Promise<Secret> {
  const secret = await member.get(Kinds.Secret, CREDENTIALS_REF);
  if (secret !== undefined) return secret;
  throw new Refusal(
    'not-a-member',
    `${member.location} has no Secret ${SYSTEM_NAMESPACE}/${CREDENTIALS_SECRET} with access to a broker; ` +
      'run "pharos join" first',
  );
}

/** What a cluster holds from joining; undefined where it never did, or where joining again must mend it. */
export async function storedCredentials(member: ObjectStore): Promise<BrokerCredentials | undefined> {
  const secret = await member.get(Kinds.Secret, CREDENTIALS_REF);
  if (secret === undefined) return undefined;
  try {
    return parseCredentials(secret);
  } catch {
    return undefined;
  }
}
