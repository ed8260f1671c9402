/**
 * What strangers write, on the broker and in imports, comes to a node as commands, rulesets and configuration.
 * Whatever they write, nothing but names, addresses, networks, keys and numbers arrives there.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Annotation } from '../../src/api/names.ts';
import type { ServiceImport } from '../../src/api/objects.ts';
import type { Cluster } from '../../src/api/tunnel.ts';
import { applyIpSteps } from '../../src/host/ip-steps.ts';
import type { Run } from '../../src/host/run.ts';
import { clusterFacts } from '../../src/routing/cluster-facts.ts';
import { filterRuleset } from '../../src/routing/filter.ts';
import { planRoutes } from '../../src/routing/plan-routes.ts';
import { EMPTY_STATE, routingSteps } from '../../src/routing/routing-state.ts';
import { importFacts, sliceFacts } from '../../src/routing/service-facts.ts';
import { planService } from '../../src/routing/service-plan.ts';
import { entryKey, NO_SERVICES, serviceChange } from '../../src/routing/service-rules.ts';
import { admit } from '../../src/tunnel/admit.ts';
import { NOTHING, planTunnels } from '../../src/tunnel/plan-tunnels.ts';
import { planHost } from '../../src/tunnel/tunnel-host.ts';
import { HOST } from './routing/cluster.ts';
import { clusterRecord, endpointRecord, west } from './tunnel/records.ts';

const wicked = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '$(reboot)',
    '`id`',
    '"; drop table',
    'a\nlink del eth0',
    '}',
    '#',
    "'",
    '-batch',
    '--help',
    '../..',
  ),
  fc.constantFrom('north', 'gw1', 'a.b', '10.3.0.0/16', '10.3.0.1', '192.168.3.11', 'fd00:3::/48'),
);

/** Collects what programs are run with; nothing runs. */
function recorder(): { readonly run: Run; readonly said: string[] } {
  const said: string[] = [];
  const run: Run = (file, args, { input = '' } = {}) => {
    said.push([file, ...args].join(' '), input);
    return Promise.resolve('');
  };
  return { run, said };
}

test('records of gateways and clusters', async () => {
  const record = fc.record({
    clusterId: wicked,
    gateway: wicked,
    privateIP: wicked,
    publicIP: wicked,
    pods: fc.array(wicked, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(record, async ({ clusterId, gateway, privateIP, publicIP, pods }) => {
      const records = [
        clusterRecord('east', '10.2.0.0/16'),
        clusterRecord(clusterId, '', { podCIDRs: pods }),
      ];
      const endpoints = [
        endpointRecord('east', 'gw1', '192.168.2.11'),
        endpointRecord(clusterId, gateway, privateIP, { publicIP }),
      ];
      const { members } = admit(west, records, endpoints);
      const names = members.map(({ cluster }) => cluster);
      const { host } = planTunnels({
        self: west,
        members,
        carrier: { between: 'inner', port: 4801, overhead: { IPv4: 130, IPv6: 130 } },
        underlayMtu: 1500,
        addresses: new Map(),
        mtus: new Map(),
        untold: new Set(),
        chosen: new Map(members.map(({ cluster, gateways }) => [cluster, gateways[0]?.gateway ?? ''])),
        numbers: new Map(names.map((name, i) => [name, i])),
      });
      const { run, said } = recorder();
      await applyIpSteps(run, planHost(NOTHING, host));
      const plan = planRoutes({ node: 'w1', cluster: factsOf(records), host: HOST, verdicts: new Map() });
      await applyIpSteps(run, routingSteps(EMPTY_STATE, plan.state ?? EMPTY_STATE));
      for (const text of said) assert.match(text, /^[A-Za-z0-9 .:/@_-]*(\n[A-Za-z0-9 .:/@_-]*)*$/);
      for (const line of said.flatMap((text) => text.split('\n'))) {
        assert.match(line, /^$|^(ip|bridge|link|address|addr|neighbour|neigh|nexthop|route|rule|fdb) /);
      }
      if (plan.filter !== undefined)
        assert.match(filterRuleset(plan.filter).text, /^[a-z0-9 "(){}<>,.:;/!=+*@_&|\n-]*$/i);
    }),
  );
});

function factsOf(clusters: readonly Cluster[]) {
  const node = (name: string, host: number) => ({
    apiVersion: 'v1',
    kind: 'Node' as const,
    metadata: { name },
    spec: { podCIDRs: [`10.1.${host}.0/24`] },
    status: { addresses: [{ type: 'InternalIP', address: `192.168.1.${host}` }] },
  });
  return clusterFacts({
    cluster: 'west',
    nodes: [node('w1', 21), node('gw1', 11)],
    gateways: [
      {
        apiVersion: 'pharos.io/v1alpha1',
        kind: 'Gateway',
        metadata: { name: 'gw1', namespace: 'pharos-system' },
        status: { haStatus: 'active' },
      },
    ],
    clusters,
    isAlive: () => true,
  });
}

test('imports and slices', () => {
  const service = fc.record({
    name: wicked,
    namespace: wicked,
    ips: fc.array(fc.oneof(wicked, fc.constantFrom('243.0.0.1', 'fd00:243::1')), { maxLength: 2 }),
    port: fc.record({ name: wicked, protocol: wicked, port: fc.oneof(fc.integer(), wicked) }),
    exports: fc.array(fc.record({ cluster: wicked, ips: fc.array(wicked), weight: fc.jsonValue() })),
    addresses: fc.array(wicked, { minLength: 1, maxLength: 2 }),
  });
  fc.assert(
    fc.property(service, ({ name, namespace, ips, port, exports, addresses }) => {
      const given = importFacts({
        apiVersion: 'multicluster.x-k8s.io/v1beta1',
        kind: 'ServiceImport',
        metadata: { name, namespace, annotations: { [Annotation.exports]: JSON.stringify(exports) } },
        spec: { type: 'ClusterSetIP', ips, ports: [port, { name: 'http', protocol: 'TCP', port: 80 }] },
      } as unknown as ServiceImport);
      const slice = sliceFacts({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'a', namespace, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: [{ addresses, conditions: { ready: true } }],
        ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      });
      if (given === undefined) return;
      const entries = planService(given, slice === undefined ? [] : [slice], {
        cluster: 'west',
        node: 'w1',
        reach: () => 'open',
      });
      const change = serviceChange(NO_SERVICES, {
        vips: new Set(entries.map(({ vip }) => vip)),
        own: new Set(entries.flatMap(({ own }) => own)),
        entries: new Map(entries.map((entry) => [entryKey(entry), entry])),
      });
      assert.match(change?.text ?? '', /^[a-z0-9 {},.:_\n]*$/);
    }),
  );
});
