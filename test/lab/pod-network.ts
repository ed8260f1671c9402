import type { ClusterAddresses, NodeAddresses } from './addressing.ts';
import type { Fabric } from './fabric.ts';
import type { Netns } from './netns.ts';

/**
 * How pods of different nodes reach each other.
 * - `fabric`: the router in the middle knows all pods and Services, so clusters reach each other as through
 *   tunnels, with the source address kept.
 * - `host-routes`: each node has routes to the others' pods, as kindnet and Flannel's host-gw do.
 * - `overlay`: a VXLAN among the nodes, as Flannel's.
 *
 * With the latter two nobody but the cluster's own nodes knows its pods and Services, and what leaves the
 * cluster, or comes into it, is masqueraded, as Flannel and others do.
 */
export type PodNetwork = 'fabric' | 'host-routes' | 'overlay';

export const podMtu: Readonly<Record<PodNetwork, number>> = {
  fabric: 1500,
  'host-routes': 1500,
  overlay: 1450,
};

interface Nodes {
  readonly fabric: Fabric;
  /** As in `addresses.nodes`. */
  readonly netnses: readonly Netns[];
  readonly addresses: ClusterAddresses;
}

export async function joinPods(kind: PodNetwork, { fabric, netnses, addresses }: Nodes): Promise<void> {
  const [first] = addresses.nodes;
  if (kind === 'fabric') {
    for (const { podCidrs, ips } of addresses.nodes) await fabric.routeVia(podCidrs, ips);
    // The first node's kube-proxy translates what comes for a Service from outside the cluster.
    if (first !== undefined) await fabric.routeVia(addresses.serviceCidrs, first.ips);
    return;
  }
  await Promise.all(
    addresses.nodes.map(async (node, index) => {
      const netns = netnses[index];
      if (netns === undefined) throw new Error(`Node ${index + 1} has no network`);
      const others = addresses.nodes.filter((other) => other !== node);
      await netns.ip(kind === 'overlay' ? overlay(node, others) : others.flatMap(hostRoutes));
      if (kind === 'overlay') {
        const entries = others.map((other) => `fdb append ${mac(other)} dev ${device} dst ${other.ips[0]}`);
        await netns.run(['bridge', '-batch', '-'], `${entries.join('\n')}\n`);
      }
      await netns.run(['nft', '-f', '-'], masquerade(addresses));
    }),
  );
}

const hostRoutes = ({ podCidrs, ips }: NodeAddresses): string[] =>
  podCidrs.map((cidr, family) => `route add ${cidr} via ${ips[family]}`);

const device = 'flannel.1';

/** Each node is, for the others, at the first address of its pods' network. */
const overlayAddresses = ({ podCidrs }: NodeAddresses): string[] =>
  podCidrs.map((cidr) => cidr.split('/')[0] ?? '');

const mac = ({ ips: [ip = ''] }: NodeAddresses): string =>
  ['ee', 'ee', ...ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');

function overlay(node: NodeAddresses, others: readonly NodeAddresses[]): string[] {
  return [
    `link add ${device} address ${mac(node)} mtu ${podMtu.overlay} type vxlan id 1 dstport 8472 local ${node.ips[0]} nolearning`,
    ...overlayAddresses(node).map(
      (ip) => `addr add ${ip}/${ip.includes(':') ? '128 nodad' : '32'} dev ${device}`,
    ),
    `link set ${device} up`,
    ...others.flatMap((other) =>
      overlayAddresses(other).flatMap((ip, family) => [
        `neigh replace ${ip} lladdr ${mac(other)} dev ${device} nud permanent`,
        `route add ${other.podCidrs[family]} via ${ip} dev ${device} onlink`,
      ]),
    ),
  ];
}

/** Both of Flannel's rules: of pods' packets that leave the cluster, and of strangers' to pods. */
function masquerade({ podCidrs }: ClusterAddresses): string {
  const rules = podCidrs.flatMap((cidr) => {
    const [ip, multicast] = cidr.includes(':') ? ['ip6', 'ff00::/8'] : ['ip', '224.0.0.0/4'];
    return [
      `${ip} saddr ${cidr} ${ip} daddr ${cidr} return`,
      `${ip} saddr ${cidr} ${ip} daddr != ${multicast} masquerade`,
      `fib saddr type != local ${ip} saddr != ${cidr} ${ip} daddr ${cidr} masquerade`,
    ];
  });
  return `table inet lab_cni {
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    ${rules.join('\n    ')}
  }
}`;
}
