import type { CustomResourceDefinition, ServiceAccount } from '../api/administration.ts';
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Annotation, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KubeAddress } from '../store/kube-address.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';
import type { TokenIssuer } from '../store/token-issuer.ts';
import { clusterUidOf } from './cluster-id.ts';
import type { BrokerCredentials, MemberToken } from './credentials.ts';
import { credentialsSecret, storedCredentials } from './credentials.ts';
import type { Definitions } from './definitions.ts';
import { definitionsToApply, untilServed } from './definitions.ts';
import { isOurs } from './manifest.ts';
import { applyAll } from './deploy.ts';
import type { Manifest } from './manifest.ts';
import { memberIdentity, memberManifests } from './manifests.ts';
import { MEMBER_ROLE, identityName, ownershipPolicyName } from './names.ts';
import { Refusal } from './refusal.ts';
import { renewalDelayMs } from './renewal.ts';

/** What is asked for as a token's life. The broker may grant less. */
const TOKEN_LIFETIME_SECONDS = 30 * 24 * 3600;

export interface JoinRequest {
  readonly cluster: ClusterId;
  readonly brokerNamespace: string;
  /** How the member, not the operator's shell, reaches the broker. */
  readonly address: KubeAddress;
}

export interface JoinDeps {
  /** The broker, with an administrator's rights. */
  readonly broker: ObjectStore & TokenIssuer;
  /** The cluster that joins, with an administrator's rights. */
  readonly member: ObjectStore;
  readonly definitions: Definitions;
  readonly clock: Clock;
}

/** What was found on both sides before anything is changed. */
interface Found {
  readonly clusterUid: string;
  /** The identity of that id on the broker, whoever's it is. */
  readonly claim: ServiceAccount | undefined;
  /** What the member holds from an earlier join. */
  readonly credentials: BrokerCredentials | undefined;
}

/** What joining changes: all of it is applied, and applying it again changes nothing. */
export interface JoinPlan {
  readonly request: JoinRequest;
  readonly brokerManifests: readonly Manifest[];
  readonly memberManifests: readonly Manifest[];
  readonly found: Found;
}

/**
 * Looks at both sides and says what {@link join} would apply. Changes nothing.
 *
 * @throws Refusal with the reason why this cluster can't join under this id
 */
export async function planJoin(deps: JoinDeps, request: JoinRequest): Promise<JoinPlan> {
  const { broker, member, definitions } = deps;
  const { cluster, brokerNamespace } = request;
  await expectBroker(broker, brokerNamespace);
  const [clusterUid, home, claim, credentials] = await Promise.all([
    clusterUidOf(member),
    member.get(Kinds.Namespace, { name: SYSTEM_NAMESPACE }),
    broker.get(Kinds.ServiceAccount, { namespace: brokerNamespace, name: identityName(cluster) }),
    storedCredentials(member),
  ]);
  if (home?.metadata.deletionTimestamp !== undefined) {
    throw new Refusal(
      'still-leaving',
      `Namespace ${SYSTEM_NAMESPACE} at ${member.location} is still being deleted; join when it is gone`,
    );
  }
  if (claim !== undefined) expectOwnClaim(claim, cluster, clusterUid, broker.location);
  if (credentials !== undefined) expectSameMembership(credentials, claim, request, member.location);
  const missing: CustomResourceDefinition[] = await definitionsToApply(member, Object.values(definitions));
  return {
    request,
    brokerManifests: memberIdentity({ cluster, clusterUid }, brokerNamespace),
    memberManifests: memberManifests(missing, home === undefined || isOurs(home)),
    found: { clusterUid, claim, credentials },
  };
}

export interface Joined {
  readonly credentials: BrokerCredentials;
  /** Whether the member was given a new token, rather than keeping the one it had. */
  readonly token: 'issued' | 'kept';
}

/**
 * Makes a cluster a member: an identity on the broker, and in the member what discovery needs. Repeatable:
 * the same cluster joining again changes nothing while its token is fresh.
 *
 * @throws Refusal `id-taken` where another cluster took the id in the meantime
 */
export async function join(
  { broker, member, clock }: Omit<JoinDeps, 'definitions'>,
  plan: JoinPlan,
): Promise<Joined> {
  const { request } = plan;
  const account = await claim(broker, plan);
  await applyAll(broker, plan.brokerManifests);
  await applyAll(member, plan.memberManifests);
  await untilServed(
    member,
    [Kinds.ServiceExport, Kinds.ServiceImport, Kinds.Cluster, Kinds.TunnelEndpoint, Kinds.Gateway],
    clock,
  );

  const identityUid = account.metadata.uid ?? '';
  const { credentials: before } = plan.found;
  const fresh =
    before !== undefined && before.identityUid === identityUid && renewalDelayMs(clock.now(), before, 0) > 0;
  const token: MemberToken = fresh ? before : await newToken(broker, account, clock);
  const credentials: BrokerCredentials = {
    cluster: request.cluster,
    namespace: request.brokerNamespace,
    address: request.address,
    token: token.token,
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    identityUid: token.identityUid,
  };
  await member.apply(Kinds.Secret, credentialsSecret(credentials));
  return { credentials, token: fresh ? 'kept' : 'issued' };
}

/** A token for a member's account, with its life told by our own clock, so that skew does not matter. */
export async function newToken(
  issuer: TokenIssuer,
  account: Pick<ServiceAccount, 'metadata'>,
  clock: Pick<Clock, 'now'>,
): Promise<MemberToken> {
  const issuedAt = clock.now();
  const { token, lifetimeSeconds } = await issuer.issueToken(account.metadata, TOKEN_LIFETIME_SECONDS);
  return {
    token,
    issuedAt,
    expiresAt: issuedAt + lifetimeSeconds * 1000,
    identityUid: account.metadata.uid ?? '',
  };
}

/** Creates the ServiceAccount, or finds that it is ours already: of two that come at once only one creates it. */
async function claim(broker: ObjectStore, plan: JoinPlan): Promise<ServiceAccount> {
  const [wanted] = plan.brokerManifests;
  const account = wanted?.object as ServiceAccount;
  if (plan.found.claim !== undefined) return plan.found.claim;
  try {
    return await broker.apply(Kinds.ServiceAccount, account, { if: 'absent' });
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'conflict') throw error;
    const present = await broker.get(Kinds.ServiceAccount, account.metadata);
    if (present === undefined) throw error;
    expectOwnClaim(present, plan.request.cluster, plan.found.clusterUid, broker.location);
    return present;
  }
}

/** @throws Refusal `not-a-broker` */
export async function expectBroker(broker: ObjectStore, namespace: string): Promise<void> {
  const [role, policy] = await Promise.all([
    broker.get(Kinds.Role, { namespace, name: MEMBER_ROLE }),
    broker.get(Kinds.ValidatingAdmissionPolicyBinding, { name: ownershipPolicyName(namespace) }),
  ]);
  if (role !== undefined && policy !== undefined) return;
  throw new Refusal(
    'not-a-broker',
    `${broker.location} is no broker in namespace ${namespace}; run "pharos broker deploy" against it first, ` +
      'or name the namespace with --broker-namespace',
  );
}

/** @throws Refusal `id-taken` */
function expectOwnClaim(
  present: ServiceAccount,
  cluster: ClusterId,
  clusterUid: string,
  broker: string,
): void {
  const { annotations, creationTimestamp = 'some time ago' } = present.metadata;
  const owner = annotations?.[Annotation.clusterUid];
  if (owner === clusterUid) return;
  throw new Refusal(
    'id-taken',
    `The cluster id "${cluster}" is taken: another cluster (kube-system uid ${owner ?? 'unknown'}, not ` +
      `${clusterUid}) joined ${broker} under it at ${creationTimestamp}; choose another --cluster-id, or, if that ` +
      `cluster is gone for good, run "pharos broker remove-cluster ${cluster}" first`,
  );
}

/**
 * The broker may have got another address; another broker, or another id, is another membership.
 *
 * @throws Refusal `already-joined`
 */
function expectSameMembership(
  { cluster, namespace, address, identityUid }: BrokerCredentials,
  claim: ServiceAccount | undefined,
  request: JoinRequest,
  member: string,
): void {
  const sameBroker = address.server === request.address.server || identityUid === claim?.metadata.uid;
  if (sameBroker && cluster === request.cluster && namespace === request.brokerNamespace) return;
  throw new Refusal(
    'already-joined',
    `${member} is a member already: "${cluster}" of ${address.server}, namespace ${namespace}; run ` +
      `"pharos leave" there before it joins ${request.address.server}, namespace ${request.brokerNamespace}, ` +
      `as "${request.cluster}"`,
  );
}
