import type { leaveSpec } from '../config/specs/leave.ts';
import { placeOf } from '../membership/dns-change.ts';
import { leave, type LeavePlan, planLeave } from '../membership/leave.ts';
import type { Removal } from '../membership/remove-member.ts';
import { systemClock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';

export const runLeave: Run<typeof leaveSpec> = async (values, context) => {
  const { clusterId, brokerKubeconfig, brokerNamespace, dryRun } = values;
  const { stdout, stderr } = context;
  using member = await openCluster(values.kubeconfig, context);
  using broker = brokerKubeconfig === undefined ? undefined : await openCluster(brokerKubeconfig, context);
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const cleanup = { clock: systemClock, timeoutMs: values.timeout * 1000, onProgress: say };
  const deps = { member: member.store, broker: broker?.store, ...(values.cleanup && { cleanup }) };
  const plan = await planLeave(deps, { cluster: clusterId, brokerNamespace });
  if (dryRun) {
    stdout.write(formatPlan(plan, deps));
    return 'done';
  }
  const { onBroker, inMember, kept } = await leave(deps, plan);
  const who = plan.cluster === undefined ? '' : ` ("${plan.cluster}")`;
  const removed = [
    `${inMember} objects`,
    ...(broker === undefined ? [] : [`${onBroker} on the broker ${broker.store.location}`]),
  ];
  stderr.write(
    inMember + onBroker === 0
      ? `${member.store.location}${who} is no member: there was nothing to take back\n`
      : `${member.store.location}${who} is no member any more: ${removed.join(' and ')} removed\n`,
  );
  for (const line of kept) stderr.write(`kept: ${line}\n`);
  if (broker === undefined && plan.cluster !== undefined) {
    stderr.write(
      `the broker still has its identity and records; there run: pharos broker remove-cluster ${plan.cluster}\n`,
    );
  }
  return 'done';
};

/** One line per object that would go, and per one that would stay. */
function formatPlan(
  {
    onBroker,
    clusterDns,
    hostPods,
    gateways,
    inMember: { components, rights, objects, exports, kept },
  }: LeavePlan,
  { member, broker }: { readonly member: ObjectStore; readonly broker: ObjectStore | undefined },
): string {
  const line = ({ kind, ref }: Removal): string =>
    `remove ${kind.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
  return [
    ...(broker === undefined ? [] : [`# On the broker, ${broker.location}`, ...onBroker.map(line)]),
    `# In the member, ${member.location}`,
    ...clusterDns.map((change) => `take the stub domains out of ${placeOf(change)}`),
    ...hostPods.map(({ metadata: { name } }) => `clean the nodes of DaemonSet pharos-system/${name}`),
    ...components.map(line),
    ...gateways.map((name) => `take the label that makes a gateway off Node ${name}, if join set it`),
    ...rights.map(line),
    ...exports.map(
      ({ metadata: { namespace = '', name } }) =>
        `clear the conditions of ServiceExport ${namespace}/${name}`,
    ),
    ...objects.map(line),
    ...kept.map((reason) => `keep ${reason}`),
    '',
  ].join('\n');
}
