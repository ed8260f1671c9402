/** Facts of clusters and hosts to plan for: a fixed one, and any. */
import * as fc from 'fast-check';
import { type Cidr, type IpAddress, networkOf, parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { parseDevice } from '../../../src/host/device.ts';
import type { ClusterFacts, GatewayFacts, HostFacts, ProbeVerdict } from '../../../src/routing/facts.ts';
import type { PlanInput } from '../../../src/routing/plan-routes.ts';

export const gateway = (
  node: string,
  active: boolean,
  connections: GatewayFacts['connections'] = new Map([['east', { state: 'connected', mtu: 1380 }]]),
): GatewayFacts => ({ node, active, alive: true, leaseEpoch: active ? 1 : 0, connections });

export const WEST: ClusterFacts = {
  nodes: [
    { name: 'gw1', ips: [parseIp('192.168.1.11')], podCidrs: [parseCidr('10.1.11.0/24')] },
    { name: 'gw2', ips: [parseIp('192.168.1.12')], podCidrs: [parseCidr('10.1.12.0/24')] },
    { name: 'w1', ips: [parseIp('192.168.1.21')], podCidrs: [parseCidr('10.1.21.0/24')] },
  ],
  gateways: [gateway('gw1', true), gateway('gw2', false)],
  own: { podCidrs: [parseCidr('10.1.0.0/16')], serviceCidrs: [parseCidr('10.151.0.0/16')] },
  members: [
    { cluster: 'east', podCidrs: [parseCidr('10.2.0.0/16')], serviceCidrs: [parseCidr('10.152.0.0/16')] },
  ],
  refused: [],
};

export const HOST: HostFacts = {
  uplinkMtu: 1500,
  betweenNodes: [parseDevice('eth0')],
  podSide: [parseIp('10.1.21.1')],
  hasIpv6: true,
};

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;
const CLUSTERS = ['east', 'north', 'south'] as const;

const nodeIp = (family: 4 | 6, host: number): IpAddress =>
  parseIp(family === 4 ? `192.168.1.${host}` : `fd00:1::${host}`);
const memberCidrs = (i: number): fc.Arbitrary<Cidr[]> =>
  fc.subarray([parseCidr(`10.${10 + i}.0.0/16`), parseCidr(`fd10:${10 + i}::/48`)]);

/** Any input for node `n1`, and of clusters that have much in common, so that two make a transition. */
export const anyInput: fc.Arbitrary<PlanInput> = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    nodes: fc.subarray([...NAMES]),
    gateways: fc.subarray([...NAMES]),
    active: fc.constantFrom(...NAMES),
    members: fc.subarray([...CLUSTERS]),
    networks: fc.tuple(...[0, 1, 2, 3, 4, 5].map(memberCidrs)),
    states: fc.array(fc.constantFrom('connected', 'degraded', 'connecting', 'error'), {
      minLength: 15,
      maxLength: 15,
    }),
    verdicts: fc.array(fc.constantFrom<ProbeVerdict>('answers', 'silent', 'unknown'), {
      minLength: 5,
      maxLength: 5,
    }),
    uplinkMtu: fc.constantFrom(1300, 1500, 9000),
    hasIpv6: fc.boolean(),
  })
  .map(({ family, nodes, gateways, active, members, networks, states, verdicts, uplinkMtu, hasIpv6 }) => ({
    node: 'n1',
    cluster: {
      nodes: NAMES.filter((name) => name === 'n1' || nodes.includes(name)).map((name) => ({
        name,
        ips: [nodeIp(family, NAMES.indexOf(name) + 1)],
        podCidrs: [networkOf(parseIp(`10.1.${NAMES.indexOf(name)}.0`), 24)],
      })),
      gateways: gateways.map((node) => ({
        node,
        active: node === active,
        alive: true,
        leaseEpoch: 1,
        connections: new Map(
          CLUSTERS.map((cluster, i) => [
            cluster,
            { state: states[NAMES.indexOf(node) * 3 + i] ?? 'error', mtu: 1400 },
          ]),
        ),
      })),
      own: { podCidrs: [parseCidr('10.1.0.0/16')], serviceCidrs: [] },
      members: members.map((cluster) => {
        const i = CLUSTERS.indexOf(cluster);
        return { cluster, podCidrs: networks[i * 2] ?? [], serviceCidrs: networks[i * 2 + 1] ?? [] };
      }),
      refused: [],
    },
    host: { ...HOST, uplinkMtu, hasIpv6: hasIpv6 || family === 6 },
    verdicts: new Map(NAMES.map((name, i) => [name, verdicts[i] ?? 'unknown'])),
  }));
