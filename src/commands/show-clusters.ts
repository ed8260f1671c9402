import type { showClustersSpec } from '../config/specs/show-clusters.ts';
import { type MemberStatus, membersOf, readBroker } from '../membership/members.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { formatMembers } from './format-members.ts';
import { openBrokerOf } from './open-broker-of.ts';

/** How often `--watch` looks. */
const LOOK_EVERY_MS = 2000;

export const runShowClusters: Run<typeof showClustersSpec> = async (values, context) => {
  using broker = await openBrokerOf(values, context);
  const look = async (): Promise<MemberStatus[]> =>
    membersOf(await readBroker(broker.store, broker.namespace), systemClock.now());
  let before = await look();
  context.stdout.write(formatMembers(before, values.output, systemClock.now()));
  if (!values.watch) return 'done';
  for (;;) {
    await systemClock.sleep(LOOK_EVERY_MS);
    const now = await look();
    const changed = changedMembers(before, now);
    before = now;
    if (changed.length === 0) continue;
    const text = formatMembers(changed, values.output, systemClock.now());
    const hasHeading = values.output === 'table' || values.output === 'wide';
    context.stdout.write(hasHeading ? text.slice(text.indexOf('\n') + 1) : text);
  }
};

/** Those of which more has changed than when they were seen last. */
export function changedMembers(
  before: readonly MemberStatus[],
  now: readonly MemberStatus[],
): MemberStatus[] {
  const essence = (member: MemberStatus): string => JSON.stringify({ ...member, lastSeen: undefined });
  const known = new Map(before.map((member) => [member.cluster, essence(member)]));
  return now.filter((member) => known.get(member.cluster) !== essence(member));
}
