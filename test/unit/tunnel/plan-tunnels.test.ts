import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { ipStepText, type IpStep } from '../../../src/host/ip-steps.ts';
import { admit, type Self } from '../../../src/tunnel/admit.ts';
import {
  adopt,
  type Carrier,
  NOTHING,
  numberClusters,
  planTunnels,
  type TunnelInput,
} from '../../../src/tunnel/plan-tunnels.ts';
import { planHost, type TunnelHost, type TunnelLink, tunnelHostOf } from '../../../src/tunnel/tunnel-host.ts';
import { clusterRecord, endpointRecord, west } from './records.ts';

const plain: Carrier = { between: 'outer', port: 4790, overhead: { IPv4: 50, IPv6: 70 } };
const dual: Self = { ...west, podCIDRs: [...west.podCIDRs, parseCidr('fd00:1::/48')] };
const { members } = admit(
  dual,
  [
    clusterRecord('east', '10.2.0.0/16', {
      podCIDRs: ['10.2.0.0/16', 'fd00:2::/48'],
      serviceCIDRs: ['10.102.0.0/16'],
    }),
  ],
  [
    endpointRecord('east', 'gw1', '192.168.2.11', { publicIP: '203.0.113.11' }),
    endpointRecord('east', 'gw2', '192.168.2.12'),
  ],
);
const input: TunnelInput = {
  self: dual,
  members,
  carrier: plain,
  underlayMtu: 1500,
  addresses: new Map(),
  mtus: new Map(),
  untold: new Set(),
  chosen: new Map(),
  numbers: new Map([['east', 0]]),
};
const sent = (gateway: string): TunnelInput => ({ ...input, chosen: new Map([['east', gateway]]) });
const lines = (from: TunnelHost, to: TunnelHost): string[] => planHost(from, to).map(ipStepText);

test('golden: a scenario in the words of ip(8), every step a transition', () => {
  const silent = planTunnels(input).host;
  const byGw1 = planTunnels(sent('gw1')).host;
  const byGw2 = planTunnels(sent('gw2')).host;
  assert.deepEqual(lines(NOTHING, silent), [
    'link add ph-tedfe009bc9 address 02:50:1a:71:db:cc mtu 1450 type vxlan id 9286110 dstport 4790 local 192.168.1.11 remote 192.168.2.11 nolearning',
    'link set ph-tedfe009bc9 up',
    'address replace 241.17.11.10/32 dev ph-tedfe009bc9',
    'neighbour replace 241.68.185.39 lladdr 02:50:ee:66:43:ff dev ph-tedfe009bc9 nud permanent',
    'neighbour replace fe80::44b9:277f:6bb2:93d0 lladdr 02:50:ee:66:43:ff dev ph-tedfe009bc9 nud permanent',
    'link add ph-t3609c265db address 02:50:f9:ee:24:d3 mtu 1450 type vxlan id 7147503 dstport 4790 local 192.168.1.11 remote 192.168.2.12 nolearning',
    'link set ph-t3609c265db up',
    'address replace 241.17.11.10/32 dev ph-t3609c265db',
    'neighbour replace 241.180.15.209 lladdr 02:50:33:fb:67:f4 dev ph-t3609c265db nud permanent',
    'neighbour replace fe80::b40f:d122:86b0:b95a lladdr 02:50:33:fb:67:f4 dev ph-t3609c265db nud permanent',
    'route replace 241.68.185.39/32 dev ph-tedfe009bc9 table 1490 protocol 77',
    'route replace 241.180.15.209/32 dev ph-t3609c265db table 1490 protocol 77',
    'rule add priority 1490 lookup 1490 protocol 77',
    'rule add priority 1490 lookup 1490 protocol 77',
  ]);
  assert.deepEqual(lines(silent, byGw1), [
    'nexthop replace id 2000 via 241.68.185.39 dev ph-tedfe009bc9 onlink protocol 77',
    'nexthop replace id 2500 via fe80::44b9:277f:6bb2:93d0 dev ph-tedfe009bc9 onlink protocol 77',
    'route replace 10.2.0.0/16 nhid 2000 table 1490 protocol 77',
    'route replace 10.102.0.0/16 nhid 2000 table 1490 protocol 77',
    'route replace fd00:2::/48 nhid 2500 table 1490 protocol 77',
  ]);
  assert.deepEqual(lines(byGw1, byGw2), [
    'nexthop replace id 2000 via 241.180.15.209 dev ph-t3609c265db onlink protocol 77',
    'nexthop replace id 2500 via fe80::b40f:d122:86b0:b95a dev ph-t3609c265db onlink protocol 77',
  ]);
  assert.deepEqual(lines(byGw2, silent), [
    'route del 10.2.0.0/16 table 1490 protocol 77',
    'route del 10.102.0.0/16 table 1490 protocol 77',
    'route del fd00:2::/48 table 1490 protocol 77',
    'nexthop del id 2000',
    'nexthop del id 2500',
  ]);
  assert.deepEqual(lines(byGw1, NOTHING), [
    'rule del priority 1490 lookup 1490 protocol 77',
    'rule del priority 1490 lookup 1490 protocol 77',
    'route del 241.68.185.39/32 table 1490 protocol 77',
    'route del 241.180.15.209/32 table 1490 protocol 77',
    'route del 10.2.0.0/16 table 1490 protocol 77',
    'route del 10.102.0.0/16 table 1490 protocol 77',
    'route del fd00:2::/48 table 1490 protocol 77',
    'nexthop del id 2000',
    'nexthop del id 2500',
    'link del ph-tedfe009bc9',
    'link del ph-t3609c265db',
  ]);
});

test('the address that turned out to work is dialled: only that tunnel is made anew, its nexthop with it', () => {
  const addresses = new Map([['east/gw1', parseIp('203.0.113.11')]]);
  const text = lines(planTunnels(sent('gw1')).host, planTunnels({ ...sent('gw1'), addresses }).host);
  assert.match(text[0] ?? '', /^link del ph-t/);
  assert.match(text[1] ?? '', /remote 203\.0\.113\.11/);
  assert.equal(text.filter((line) => line.startsWith('link add')).length, 1);
  assert.equal(text.filter((line) => line.startsWith('nexthop replace')).length, 2);
  assert.equal(text.filter((line) => line.startsWith('route replace 10.')).length, 2);
});

test('an encrypting driver carries between cable addresses, and what it does not take falls into a hole', () => {
  const carrier: Carrier = { between: 'inner', port: 4801, overhead: { IPv4: 130, IPv6: 150 } };
  const { host } = planTunnels({ ...sent('gw1'), carrier });
  assert.deepEqual(
    host.links.map(({ settings: { local, remote } }) => [local.slice(0, 4), remote?.slice(0, 4)]),
    [
      ['242.', '242.'],
      ['242.', '242.'],
    ],
  );
  assert.deepEqual(
    host.routes.filter(({ to }) => to === 'hole').map(({ destination, table }) => `${destination} ${table}`),
    ['241.0.0.0/8 1492', '242.0.0.0/8 1492'],
  );
  assert.deepEqual(
    host.links.map(({ mtu }) => mtu),
    [1370, 1370],
  );
});

test('a process that starts anew finds out from the node whom it was sending to', () => {
  const adopted = adopt(planTunnels({ ...sent('gw2'), numbers: new Map([['east', 7]]) }).host, members);
  assert.deepEqual([...adopted.chosen], [['east', 'gw2']]);
  assert.deepEqual([...adopted.numbers], [['east', 7]]);
});

test('where less gets through than there is room for the routes say so, and the device takes as much as before', () => {
  const narrow: TunnelInput = { ...sent('gw1'), mtus: new Map([['east/gw1', 1182]]) };
  const plan = planTunnels(narrow);
  assert.deepEqual(
    plan.cables.map(({ room, mtu }) => [room, mtu]),
    [
      [1450, 1182],
      [1450, 1450],
    ],
  );
  assert.deepEqual(lines(planTunnels(sent('gw1')).host, plan.host), [
    'route replace 10.2.0.0/16 nhid 2000 mtu lock 1182 table 1490 protocol 77',
    'route replace 10.102.0.0/16 nhid 2000 mtu lock 1182 table 1490 protocol 77',
    // IPv6 is not carried by less than 1280.
    'route replace fd00:2::/48 nhid 2500 mtu lock 1280 table 1490 protocol 77',
  ]);
  assert.deepEqual([...adopt(plan.host, members).mtus], [['east/gw1', 1182]]);
});

test('clusters keep their numbers while others come and go', () => {
  const first = numberClusters(['b', 'c'], new Map());
  assert.deepEqual(
    [...first],
    [
      ['b', 0],
      ['c', 1],
    ],
  );
  assert.deepEqual(
    [...numberClusters(['a', 'c'], first)],
    [
      ['c', 1],
      ['a', 0],
    ],
  );
});

test("what is somebody else's is not seen, so it is never touched", () => {
  const link = { index: 1, mtu: 1450, up: true, kind: 'vxlan' };
  const host = tunnelHostOf({
    links: [
      { ...link, name: 'ph-t0000000001', alias: 'theirs' },
      { ...link, name: 'flannel.1', alias: 'pharos:tunnel:east:gw1' },
      { ...link, name: 'ph-vx', alias: 'pharos:intra' },
    ],
    addresses: [],
    neighbours: [],
    nexthops: [
      { id: 2000, device: 'eth0', protocol: 3, onlink: false },
      { id: 1000, device: 'ph-vx', protocol: 77, onlink: true },
    ],
    routes: [
      {
        family: 'IPv4',
        destination: parseCidr('10.9.0.0/16'),
        table: 1490,
        type: 'unicast',
        device: 'eth0',
        protocol: 3,
        metric: 0,
      },
      {
        family: 'IPv4',
        destination: parseCidr('10.9.0.0/16'),
        table: 254,
        type: 'unicast',
        device: 'eth0',
        protocol: 77,
        metric: 0,
      },
    ],
    rules: [{ family: 'IPv4', priority: 1490, table: 1490, protocol: 0, unconditional: true }],
  });
  assert.deepEqual(host, NOTHING);
});

/** What a kernel does with the steps: a link takes with it what leads through it, a nexthop its routes. */
function apply(host: TunnelHost, steps: readonly IpStep[]): TunnelHost {
  const links = new Map(host.links.map((link) => [link.device, link]));
  const nexthops = new Map(host.nexthops.map((nexthop) => [nexthop.id, nexthop]));
  const routes = new Map(host.routes.map((route) => [`${route.table} ${route.destination}`, route]));
  const rules = new Map(host.rules.map((rule) => [JSON.stringify(rule), rule]));
  const dropNexthop = (id: number): void => {
    nexthops.delete(id);
    for (const [key, { to }] of routes)
      if (to !== 'hole' && 'nexthop' in to && to.nexthop === id) routes.delete(key);
  };
  const edit = (device: TunnelLink['device'], change: (link: TunnelLink) => Partial<TunnelLink>): void => {
    const link = links.get(device);
    assert.ok(link, `no link ${device}`);
    links.set(device, { ...link, ...change(link) });
  };
  for (const step of steps) {
    switch (step.op) {
      case 'add-link': {
        assert.ok(!links.has(step.device), `File exists: ${step.device}`);
        assert.equal(step.settings.kind, 'vxlan');
        if (step.settings.kind !== 'vxlan') break;
        const { device, alias, mtu, settings } = step;
        links.set(device, { device, alias, mtu, mac: step.mac!, settings, addresses: [], neighbours: [] });
        break;
      }
      case 'set-link':
        edit(step.device, () => ({ mtu: step.mtu! }));
        break;
      case 'up':
        assert.ok(links.has(step.device));
        break;
      case 'remove-link':
        assert.ok(links.delete(step.device), `Cannot find device ${step.device}`);
        for (const { id, device } of [...nexthops.values()]) if (device === step.device) dropNexthop(id);
        for (const [key, { to }] of routes) {
          if (to !== 'hole' && 'device' in to && to.device === step.device) routes.delete(key);
        }
        break;
      case 'replace-address':
        edit(step.device, ({ addresses }) => ({ addresses: [...addresses, step.ip] }));
        break;
      case 'remove-address':
        edit(step.device, ({ addresses }) => ({ addresses: addresses.filter((ip) => ip !== step.ip) }));
        break;
      case 'replace-neighbour':
        edit(step.device, ({ neighbours }) => ({
          neighbours: [...neighbours.filter(({ ip }) => ip !== step.ip), { ip: step.ip, mac: step.mac }],
        }));
        break;
      case 'remove-neighbour':
        edit(step.device, ({ neighbours }) => ({
          neighbours: neighbours.filter(({ ip }) => ip !== step.ip),
        }));
        break;
      case 'replace-nexthop': {
        assert.ok(links.has(step.device));
        const { op: _, ...nexthop } = step;
        nexthops.set(step.id, nexthop);
        break;
      }
      case 'remove-nexthop':
        assert.ok(nexthops.has(step.id), `RTNETLINK: no nexthop ${step.id}`);
        dropNexthop(step.id);
        break;
      case 'replace-route': {
        const { op: _, ...route } = step;
        if ('nexthop' in route.to) assert.ok(nexthops.has(route.to.nexthop));
        routes.set(`${route.table} ${route.destination}`, route);
        break;
      }
      case 'replace-hole':
        routes.set(`${step.table} ${step.destination}`, {
          destination: step.destination,
          table: step.table,
          to: 'hole',
        });
        break;
      case 'remove-route':
        assert.ok(routes.delete(`${step.table} ${step.destination}`), `No such route ${step.destination}`);
        break;
      case 'add-rule': {
        const { family, priority, table } = step;
        assert.ok(!rules.has(JSON.stringify({ family, priority, table })), 'File exists');
        rules.set(JSON.stringify({ family, priority, table }), { family, priority, table });
        break;
      }
      case 'remove-rule': {
        const { family, priority, table } = step;
        assert.ok(rules.delete(JSON.stringify({ family, priority, table })));
        break;
      }
      case 'append-forwarding':
      case 'remove-forwarding':
        assert.fail(step.op);
        break;
      default:
        step satisfies never;
    }
  }
  return {
    links: [...links.values()],
    nexthops: [...nexthops.values()],
    routes: [...routes.values()],
    rules: [...rules.values()],
  };
}

/** In an order that says nothing. */
const sorted = ({ links, nexthops, routes, rules }: TunnelHost): unknown => {
  const sort = (items: readonly unknown[]): string[] =>
    items.map((item) => JSON.stringify(item, keys(item))).sort();
  return [
    sort(
      links.map((link) => ({
        ...link,
        addresses: [...link.addresses].sort(),
        neighbours: [...link.neighbours].sort((a, b) => (a.ip < b.ip ? -1 : 1)),
      })),
    ),
    sort(nexthops),
    sort(routes),
    sort(rules),
  ];
};
function keys(value: unknown): string[] {
  const found = new Set<string>();
  JSON.stringify(value, (key, inner: unknown) => (found.add(key), inner));
  return [...found].sort();
}

const anyHost = fc
  .record({
    clusters: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }),
    gateways: fc.integer({ min: 0, max: 2 }),
    up: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    other: fc.boolean(),
    mtu: fc.constantFrom(1500, 1400),
    measured: fc.constantFrom(undefined, 1180, 1300),
    inner: fc.boolean(),
  })
  .map(({ clusters, gateways, up, other, mtu, measured, inner }) => {
    const order = ['a', 'b', 'c', 'd'];
    const admitted = admit(
      dual,
      clusters.map((id) =>
        clusterRecord(id, `10.${20 + order.indexOf(id)}.0.0/16`, {
          serviceCIDRs: [`fd00:${order.indexOf(id)}a::/48`],
        }),
      ),
      clusters.flatMap((id) =>
        Array.from({ length: gateways }, (_, i) =>
          endpointRecord(
            id,
            `gw${i}`,
            other ? `172.16.${order.indexOf(id)}.${i + 1}` : `172.17.${order.indexOf(id)}.${i + 1}`,
          ),
        ),
      ),
    );
    return planTunnels({
      ...input,
      members: admitted.members,
      underlayMtu: mtu,
      mtus: new Map(measured === undefined ? [] : clusters.map((id) => [`${id}/gw0`, measured])),
      carrier: inner ? { ...plain, between: 'inner', port: 4801 } : plain,
      chosen: new Map(clusters.flatMap((id, i) => (up[i] === true ? [[id, `gw${i % 2}`] as const] : []))),
      numbers: numberClusters(clusters, new Map()),
    }).host;
  });

test('apply(plan(a→b), a) = b, plan(b→b) is empty, and a plan that broke off is taken up again', () => {
  fc.assert(
    fc.property(anyHost, anyHost, fc.nat(), (a, b, seed) => {
      const steps = planHost(a, b);
      assert.deepEqual(sorted(apply(a, steps)), sorted(b));
      assert.deepEqual(planHost(b, b), []);
      const broken = apply(a, steps.slice(0, seed % (steps.length + 1)));
      assert.deepEqual(sorted(apply(broken, planHost(broken, b))), sorted(b));
    }),
    { numRuns: 300 },
  );
});

test('moving to another gateway is replacing: no route and no nexthop is away in between', () => {
  const steps = planHost(planTunnels(sent('gw1')).host, planTunnels(sent('gw2')).host);
  assert.deepEqual(new Set(steps.map(({ op }) => op)), new Set(['replace-nexthop']));
});
