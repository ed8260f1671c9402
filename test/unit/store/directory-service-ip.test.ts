import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { ipFamily } from '../../../src/api/ip.ts';
import type { Service } from '../../../src/api/objects.ts';
import { ServiceIps } from '../../../src/store/directory-service-ip.ts';

const service = (spec: Service['spec'] = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec,
});

const complete = (ips: ServiceIps, services: Record<string, Service>): Map<string, Service> =>
  ips.complete(new Map(Object.entries(services)));

const specOf = (spec: Service['spec']): Service['spec'] =>
  complete(new ServiceIps('west'), { 'shop/web': service(spec) }).get('shop/web')!.spec;

describe('a Service', () => {
  const rows: Record<string, { spec: Service['spec']; wants: Partial<Service['spec']> | RegExp }> = {
    'without an address gets one of IPv4': { spec: {}, wants: /^\["10\.\d+\.\d+\.\d+"\]$/ },
    'of both families gets one of each': {
      spec: { ipFamilies: ['IPv6', 'IPv4'] },
      wants: /^\["fd[0-9a-f:]+","10\.\d+\.\d+\.\d+"\]$/,
    },
    'keeps the address that it has': {
      spec: { clusterIP: '10.1.2.3' },
      wants: { clusterIP: '10.1.2.3', clusterIPs: ['10.1.2.3'], ipFamilies: ['IPv4'] },
    },
    'keeps the address that it has and gets the other family': {
      spec: { clusterIP: 'fd00:0::1', ipFamilies: ['IPv6', 'IPv4'] },
      wants: /^\["fd00::1","10\.\d+\.\d+\.\d+"\]$/,
    },
    'that is headless stays so': {
      spec: { clusterIP: 'None' },
      wants: { clusterIP: 'None', clusterIPs: ['None'], ipFamilies: ['IPv4'] },
    },
    'of type ExternalName gets none': { spec: { type: 'ExternalName' }, wants: { type: 'ExternalName' } },
  };
  for (const [sentence, { spec, wants }] of Object.entries(rows)) {
    it(sentence, () => {
      const completed = specOf(spec);
      if (wants instanceof RegExp) assert.match(JSON.stringify(completed.clusterIPs), wants);
      else assert.deepEqual(completed, wants);
    });
  }
});

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}\/[a-z]{1,6}$/), { minLength: 1, maxLength: 60 });
const allOf = (keys: readonly string[]): Record<string, Service> =>
  Object.fromEntries(keys.map((key) => [key, service({ ipFamilies: ['IPv4', 'IPv6'] })]));
const addresses = (services: Map<string, Service>): string[] =>
  [...services.values()].flatMap(({ spec }) => spec.clusterIPs ?? []);

describe('Service IPs', () => {
  it('are addresses, and no two Services share one', () => {
    fc.assert(
      fc.property(names, fc.stringMatching(/^[a-z0-9]{1,8}$/), (keys, cluster) => {
        const given = addresses(complete(new ServiceIps(cluster), allOf(keys)));
        assert.equal(new Set(given).size, 2 * keys.length);
        for (const address of given) assert.ok(ipFamily(address), address);
      }),
    );
  });

  it('stay when other Services come and go', () => {
    fc.assert(
      fc.property(names, names, (some, others) => {
        const ips = new ServiceIps('west');
        const before = complete(ips, allOf(some));
        const after = complete(ips, allOf([...others, ...some].sort()));
        for (const key of some) assert.deepEqual(after.get(key), before.get(key));
      }),
    );
  });

  it('are the same after a restart', () => {
    const services = allOf(['shop/web', 'shop/db', 'dev/web']);
    assert.deepEqual(complete(new ServiceIps('west'), services), complete(new ServiceIps('west'), services));
  });

  it('differ between clusters', () => {
    const web = { 'shop/web': service() };
    const [west, east] = ['west', 'east'].map(
      (cluster) => addresses(complete(new ServiceIps(cluster), web))[0],
    );
    assert.notEqual(west, east);
  });

  it('give way to an address that is written in a Service', () => {
    const ips = new ServiceIps('west');
    const [allocated = ''] = addresses(complete(ips, { 'shop/web': service() }));
    const after = complete(ips, { 'shop/db': service({ clusterIP: allocated }), 'shop/web': service() });
    assert.equal(after.get('shop/db')?.spec.clusterIP, allocated);
    assert.notEqual(after.get('shop/web')?.spec.clusterIP, allocated);
  });

  it('of 60,000 Services are all different', () => {
    const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`ns/s${i}`, service()]));
    assert.equal(new Set(addresses(complete(new ServiceIps('west'), many))).size, 60_000);
  });
});
