import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { ipStepText } from '../../../src/host/ip-steps.ts';
import type { ProbeVerdict } from '../../../src/routing/facts.ts';
import { filterRuleset } from '../../../src/routing/filter.ts';
import { type PlanInput, planRoutes } from '../../../src/routing/plan-routes.ts';
import { EMPTY_STATE, type RoutingState, routingSteps } from '../../../src/routing/routing-state.ts';
import { HOST, WEST, anyInput, gateway } from './cluster.ts';
import { applied } from './state-model.ts';

const input = (change: Partial<PlanInput> = {}): PlanInput => ({
  node: 'w1',
  cluster: WEST,
  host: HOST,
  verdicts: new Map(),
  ...change,
});
const stateOf = (change?: Partial<PlanInput>): RoutingState => {
  const { state } = planRoutes(input(change));
  assert.ok(state);
  return state;
};

describe('a plan, and the steps to it, in sequence', () => {
  const south = { cluster: 'south', podCidrs: [parseCidr('fd10:3::/48')], serviceCidrs: [] };
  const silent: ReadonlyMap<string, ProbeVerdict> = new Map([
    ['gw1', 'silent'],
    ['gw2', 'answers'],
  ]);
  // Each line is what the kernel is told, from the state before to this one.
  const history: readonly (readonly [string, Partial<PlanInput>, readonly string[]])[] = [
    [
      'a worker begins',
      {},
      [
        'link add ph-vx address 02:50:c0:a8:01:15 mtu 1450 type vxlan id 100 dstport 4800 local 192.168.1.21 nolearning',
        'link set ph-vx up',
        'address replace 240.168.1.21/32 dev ph-vx',
        'neighbour replace 240.168.1.11 lladdr 02:50:c0:a8:01:0b dev ph-vx nud permanent',
        'neighbour replace 240.168.1.12 lladdr 02:50:c0:a8:01:0c dev ph-vx nud permanent',
        'fdb append 02:50:c0:a8:01:0b dev ph-vx dst 192.168.1.11 self permanent',
        'fdb append 02:50:c0:a8:01:0c dev ph-vx dst 192.168.1.12 self permanent',
        'nexthop replace id 1534 via 240.168.1.11 dev ph-vx onlink protocol 77',
        'route replace 10.2.0.0/16 nhid 1534 table 1491 protocol 77',
        'route replace 10.152.0.0/16 nhid 1534 table 1491 protocol 77',
        'route replace 240.0.0.0/8 dev ph-vx table 1491 protocol 77',
        'rule add priority 1491 lookup 1491 protocol 77',
      ],
    ],
    ['nothing happens', {}, []],
    [
      'the active gateway falls silent: one step, whatever the number of networks',
      { verdicts: silent },
      ['nexthop replace id 1534 via 240.168.1.12 dev ph-vx onlink protocol 77'],
    ],
    [
      'a cluster with IPv6 joins',
      { verdicts: silent, cluster: { ...WEST, members: [...WEST.members, south] } },
      [
        'address replace fd70:6861:726f:7300::c0a8:115/128 dev ph-vx nodad',
        'neighbour replace fd70:6861:726f:7300::c0a8:10b lladdr 02:50:c0:a8:01:0b dev ph-vx nud permanent',
        'neighbour replace fd70:6861:726f:7300::c0a8:10c lladdr 02:50:c0:a8:01:0c dev ph-vx nud permanent',
        'nexthop replace id 1021 via fd70:6861:726f:7300::c0a8:10c dev ph-vx onlink protocol 77',
        'route replace fd10:3::/48 nhid 1021 table 1491 protocol 77',
        'route replace fd70:6861:726f:7300::/64 dev ph-vx table 1491 protocol 77',
        'rule add priority 1491 lookup 1491 protocol 77',
      ],
    ],
    [
      'the first one leaves',
      { verdicts: silent, cluster: { ...WEST, members: [south] } },
      [
        'route del 10.2.0.0/16 table 1491 protocol 77',
        'route del 10.152.0.0/16 table 1491 protocol 77',
        'nexthop del id 1534',
      ],
    ],
    [
      'the uplink has less room',
      { verdicts: silent, cluster: { ...WEST, members: [south] }, host: { ...HOST, uplinkMtu: 1400 } },
      ['link set ph-vx mtu 1350'],
    ],
    [
      'the second gateway is no gateway any more, and the first is back',
      {
        cluster: { ...WEST, members: [south], gateways: [gateway('gw1', true)] },
        host: { ...HOST, uplinkMtu: 1400 },
      },
      [
        'nexthop replace id 1021 via fd70:6861:726f:7300::c0a8:10b dev ph-vx onlink protocol 77',
        'fdb del 02:50:c0:a8:01:0c dev ph-vx dst 192.168.1.12 self',
        'neighbour del 240.168.1.12 dev ph-vx',
        'neighbour del fd70:6861:726f:7300::c0a8:10c dev ph-vx',
      ],
    ],
    [
      'there is no gateway at all',
      { cluster: { ...WEST, gateways: [] } },
      [
        'link del ph-vx',
        'rule del priority 1491 lookup 1491 protocol 77',
        'rule del priority 1491 lookup 1491 protocol 77',
      ],
    ],
  ];
  let before: RoutingState = EMPTY_STATE;
  for (const [what, change, lines] of history) {
    it(what, () => {
      const after = stateOf(change);
      assert.deepEqual(routingSteps(before, after).map(ipStepText), lines);
      before = after;
    });
  }
});

describe('a plan', () => {
  it('of a node that is not in the API asks for no change, and says why', () => {
    const plan = planRoutes(input({ node: 'w9' }));
    assert.equal(plan.state, undefined);
    assert.match(plan.problems[0]?.message ?? '', /Node "w9" is not in this cluster's API/);
  });

  it('of a gateway leads to the other one, for when its own tunnel is down, and knows all nodes', () => {
    const { choices, state } = planRoutes(input({ node: 'gw1' }));
    assert.deepEqual([...choices], [['east', { node: 'gw2', reason: 'no-active' }]]);
    assert.deepEqual([...(state?.forwardings.values() ?? [])], ['192.168.1.12', '192.168.1.21']);
  });

  it('names two nodes that the network among nodes cannot tell apart', () => {
    const twin = { name: 'z9', ips: [parseIp('10.168.1.11')], podCidrs: [] };
    const { problems } = planRoutes(input({ cluster: { ...WEST, nodes: [...WEST.nodes, twin] } }));
    assert.match(problems[0]?.message ?? '', /"gw1" and "z9" would have the same address 240\.168\.1\.11/);
  });

  it('clamps TCP to the smallest tunnel, and believes no nonsense', () => {
    const mtu = (mtu: number): number | undefined =>
      planRoutes(
        input({
          cluster: {
            ...WEST,
            gateways: [gateway('gw1', true, new Map([['east', { state: 'connected', mtu }]]))],
          },
        }),
      ).filter?.mtu;
    assert.equal(mtu(1380), 1380);
    assert.equal(mtu(9000), 1450);
    assert.equal(mtu(70), 1450);
    assert.equal(mtu(1182), 1182);
    const { filter } = planRoutes(input({ host: { ...HOST, hasIpv6: true } }));
    assert.ok(filter);
    const clamps = filterRuleset({ ...filter, mtu: 1182 }).text.match(/maxseg size set \d+/g);
    // IPv6 is carried up to 1280 at least, in pieces where need be.
    assert.deepEqual(
      clamps?.map((text) => text.split(' ').at(-1)),
      ['1142', '1142', '1220', '1220'],
    );
    const narrow = planRoutes(input({ host: { ...HOST, uplinkMtu: 1300 } }));
    assert.deepEqual([narrow.state?.link?.mtu, narrow.filter?.mtu], [1280, 1280]);
  });
});

describe('laws of plans', () => {
  it('the steps from one state to another make the other of the one', () => {
    fc.assert(
      fc.property(anyInput, anyInput, (a, b) => {
        const [from, to] = [planRoutes(a).state ?? EMPTY_STATE, planRoutes(b).state ?? EMPTY_STATE];
        const start = applied(EMPTY_STATE, routingSteps(EMPTY_STATE, from));
        assert.deepEqual(start, from);
        assert.deepEqual(applied(start, routingSteps(start, to)), to);
        assert.deepEqual(routingSteps(to, to), []);
      }),
      { numRuns: 500 },
    );
  });

  it('the order of what the API lists does not matter', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const { nodes, gateways, members } = given.cluster;
        const turned = {
          ...given.cluster,
          nodes: nodes.toReversed(),
          gateways: gateways.toReversed(),
          members: members.toReversed(),
        };
        const [one, other] = [planRoutes(given), planRoutes({ ...given, cluster: turned })];
        assert.deepEqual(one.state, other.state);
        assert.deepEqual(new Map(one.choices), new Map(other.choices));
      }),
    );
  });

  it("a step touches the ids, the table and the device that are the route agent's, and no other", () => {
    fc.assert(
      fc.property(anyInput, anyInput, (a, b) => {
        const [from, to] = [planRoutes(a).state ?? EMPTY_STATE, planRoutes(b).state ?? EMPTY_STATE];
        for (const text of [...routingSteps(from, to), ...routingSteps(to, EMPTY_STATE)].map(ipStepText)) {
          assert.match(
            text,
            / ph-vx\b|^nexthop (replace|del) id 1\d{3}\b|^route (replace|del) \S+ .*table 1491 protocol 77$|^rule (add|del) priority 1491 lookup 1491 protocol 77$/,
          );
        }
      }),
    );
  });
});
