import type { DaemonSet } from '../api/administration.ts';
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Annotation } from '../api/names.ts';
import type { ObjectStore } from '../store/store.ts';
import { clusterUidOf } from './cluster-id.ts';
import { planNoStub } from './cluster-dns.ts';
import { applyDnsChanges, type DnsChange } from './dns-change.ts';
import { untilRunning } from './components.ts';
import type { Patience } from './patience.ts';
import { storedCredentials } from './credentials.ts';
import { applyAll } from './deploy.ts';
import { isGatewayNode, unlabelGateways } from './gateway-nodes.ts';
import { cleaning, findHostPods } from './host-cleanup.ts';
import { expectBroker } from './join.ts';
import { findLeftovers } from './member-leftovers.ts';
import type { MemberLeftovers } from './member-leftovers.ts';
import { identityName } from './names.ts';
import { Refusal } from './refusal.ts';
import type { Removal } from './remove-member.ts';
import { planMemberRemoval, removeAll, removeMember } from './remove-member.ts';

export interface LeaveDeps {
  readonly member: ObjectStore;
  /** With an administrator's rights; absent where only the member's own part is to go. */
  readonly broker: ObjectStore | undefined;
  /** How long to wait until gateways' and route agents' nodes are clean; undefined = they are left as they are. */
  readonly cleanup?: Patience;
}

export interface LeaveRequest {
  /** What the user says that this cluster is called; its own Secret knows it, too. */
  readonly cluster: ClusterId | undefined;
  readonly brokerNamespace: string;
}

export interface LeavePlan {
  /** Undefined where nothing says as what this cluster was a member. */
  readonly cluster: ClusterId | undefined;
  readonly brokerNamespace: string;
  readonly onBroker: readonly Removal[];
  readonly inMember: MemberLeftovers;
  /** What takes the clusterset's zones out of cluster DNS. */
  readonly clusterDns: readonly DnsChange[];
  /** DaemonSets whose nodes are to be clean before they go. */
  readonly hostPods: readonly DaemonSet[];
  /** Nodes with the gateways' label. */
  readonly gateways: readonly string[];
}

/**
 * Says what {@link leave} would take back. Changes nothing.
 *
 * @throws Refusal where the identity on the broker is not this cluster's, or it is unclear which one is meant
 */
export async function planLeave(deps: LeaveDeps, request: LeaveRequest): Promise<LeavePlan> {
  const { member, broker } = deps;
  const [inMember, clusterDns, hostPods, nodes] = await Promise.all([
    findLeftovers(member),
    planNoStub(member),
    findHostPods(member),
    member.list(Kinds.Node),
  ]);
  const gateways = nodes.filter(isGatewayNode).map(({ metadata }) => metadata.name);
  const own = { inMember, clusterDns, hostPods, gateways };
  const joined = await storedCredentials(member);
  if (request.cluster !== undefined && joined !== undefined && joined.cluster !== request.cluster) {
    throw new Refusal(
      'id-differs',
      `${member.location} is a member as "${joined.cluster}", not as "${request.cluster}"; leave --cluster-id out`,
    );
  }
  const cluster = joined?.cluster ?? request.cluster;
  const brokerNamespace = joined?.namespace ?? request.brokerNamespace;
  if (broker === undefined || cluster === undefined) {
    return { cluster, brokerNamespace, onBroker: [], ...own };
  }
  await expectBroker(broker, brokerNamespace);
  await expectOwnIdentity(deps.member, broker, brokerNamespace, cluster);
  return {
    cluster,
    brokerNamespace,
    onBroker: await planMemberRemoval(broker, brokerNamespace, cluster),
    ...own,
  };
}

/** How many objects went, and what stays. */
export interface Left {
  readonly onBroker: number;
  readonly inMember: number;
  readonly kept: readonly string[];
}

/**
 * Takes back all that joining and being a member made, and nothing else. Repeatable.
 *
 * @throws Refusal `not-ready` where a node is not clean in time; all else but the stub domains stays until it is
 */
export async function leave(deps: LeaveDeps, plan: LeavePlan): Promise<Left> {
  const { member, broker } = deps;
  const { cluster, brokerNamespace, inMember, clusterDns, hostPods, gateways } = plan;
  // Before what answers goes: else cluster DNS would wait for it.
  await applyDnsChanges(member, clusterDns, { backup: false });
  if (deps.cleanup !== undefined && hostPods.length > 0) {
    const cleaners = hostPods.map(cleaning);
    await applyAll(member, cleaners);
    await untilRunning(member, cleaners, deps.cleanup);
  }
  const onBroker =
    broker === undefined || cluster === undefined ? 0 : await removeMember(broker, brokerNamespace, cluster);
  const components = await removeAll(member, inMember.components);
  await unlabelGateways(member, gateways);
  const rights = await removeAll(member, inMember.rights);
  for (const serviceExport of inMember.exports) {
    const { name, namespace } = serviceExport.metadata;
    await member.applyStatus(Kinds.ServiceExport, {
      apiVersion: Kinds.ServiceExport.apiVersion,
      kind: 'ServiceExport',
      metadata: namespace === undefined ? { name } : { name, namespace },
      status: { conditions: [] },
    });
  }
  const objects = await removeAll(member, inMember.objects);
  return { onBroker, inMember: components + rights + objects, kept: inMember.kept };
}

/** @throws Refusal `id-taken` where another cluster joined under this id. */
async function expectOwnIdentity(
  member: ObjectStore,
  broker: ObjectStore,
  namespace: string,
  cluster: ClusterId,
): Promise<void> {
  const account = await broker.get(Kinds.ServiceAccount, { namespace, name: identityName(cluster) });
  const owner = account?.metadata.annotations?.[Annotation.clusterUid];
  if (account === undefined || owner === (await clusterUidOf(member))) return;
  throw new Refusal(
    'id-taken',
    `"${cluster}" on ${broker.location} is another cluster (kube-system uid ${owner ?? 'unknown'}), not ` +
      `${member.location}; nothing was removed`,
  );
}
