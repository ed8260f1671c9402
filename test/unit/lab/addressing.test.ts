import assert from 'node:assert/strict';
import { BlockList, isIPv6 } from 'node:net';
import { suite, test } from 'node:test';
import { fabric, maxClusters, planAddresses } from '../../lab/addressing.ts';

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

function contains(network: string, address: string): boolean {
  const [base = '', length] = network.split('/');
  const list = new BlockList();
  list.addSubnet(base, Number(length), familyOf(base));
  return familyOf(base) === familyOf(address) && list.check(address, familyOf(address));
}

const baseOf = (network: string): string => network.split('/')[0] ?? '';

suite('addresses of the lab', () => {
  test('are of both families where the cluster is dual-stack', () => {
    const { podCidrs, serviceCidrs, nodes } = planAddresses(2, 1, true);
    assert.deepEqual(podCidrs, ['10.102.0.0/16', 'fd10:102::/32']);
    assert.deepEqual(serviceCidrs, ['10.152.0.0/16', 'fd10:152::/112']);
    assert.deepEqual(nodes[0], {
      ips: ['10.210.2.10', 'fd10:210::2:10'],
      podCidrs: ['10.102.0.0/24', 'fd10:102:0::/64'],
    });
  });

  test('never overlap, whatever the clusters', () => {
    const clusters = Array.from({ length: maxClusters }, (_, i) => planAddresses(i + 1, 2, true));
    const networks = clusters.flatMap(({ podCidrs, serviceCidrs }) => [...podCidrs, ...serviceCidrs]);
    for (const network of networks) {
      const holders = networks.filter((other) => contains(other, baseOf(network)));
      assert.deepEqual(holders, [network]);
    }
    const nodeIps = clusters.flatMap(({ nodes }) => nodes.flatMap(({ ips }) => ips));
    assert.equal(new Set([...nodeIps, ...fabric.router]).size, nodeIps.length + fabric.router.length);
  });

  test('lie in the networks that are told to others', () => {
    const { podCidrs, serviceCidrs, nodes, dnsIp, apiIp } = planAddresses(7, 3, true);
    assert.ok(contains(serviceCidrs[0] ?? '', dnsIp) && contains(serviceCidrs[0] ?? '', apiIp));
    for (const node of nodes) {
      node.podCidrs.forEach((network, i) => assert.ok(contains(podCidrs[i] ?? '', baseOf(network))));
      node.ips.forEach((ip, i) => assert.ok(contains(`${fabric.router[i]}/${fabric.prefixLengths[i]}`, ip)));
    }
  });

  test('end: no fiftieth cluster', () => {
    assert.throws(() => planAddresses(maxClusters + 1, 1, false), /room for 49 clusters/);
  });
});
