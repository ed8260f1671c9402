/** Which nodes are gateways: those with a label, which `join` sets and `leave` takes off again. */
import { Kinds } from '../api/kinds.ts';
import type { Node } from '../api/objects.ts';
import type { ObjectStore } from '../store/store.ts';

/** As the chart's DaemonSet "pharos-gateway" selects them. */
const GATEWAY_LABEL = 'pharos.io/gateway';

export const isGatewayNode = ({ metadata }: Node): boolean => metadata.labels?.[GATEWAY_LABEL] === 'true';

/** Makes these nodes gateways, which exist. */
export const labelGateways = (member: ObjectStore, names: readonly string[]): Promise<void> =>
  setLabels(member, names, { [GATEWAY_LABEL]: 'true' });

/** Takes the label off where {@link labelGateways} set it; one that somebody else set as well stays. */
export const unlabelGateways = (member: ObjectStore, names: readonly string[]): Promise<void> =>
  setLabels(member, names, {});

async function setLabels(
  member: ObjectStore,
  names: readonly string[],
  labels: Record<string, string>,
): Promise<void> {
  const { apiVersion } = Kinds.Node;
  for (const name of names) {
    await member.apply(Kinds.Node, { apiVersion, kind: 'Node', metadata: { name, labels } });
  }
}
