import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { familyOf, type IpAddress, parseCidr, parseIp } from '../../../src/api/cidr.ts';
import type { IpFamily } from '../../../src/api/objects.ts';
import { AddressPool } from '../../../src/discovery/address-pool.ts';
import { Allocations, REST_MS } from '../../../src/discovery/allocations.ts';

const pool = (cidr: string): AddressPool => new AddressPool([parseCidr(cidr)]);
const V4: readonly IpFamily[] = ['IPv4'];
const BOTH: readonly IpFamily[] = ['IPv4', 'IPv6'];
/** Six addresses of one family, three of the other. */
const small = (): Allocations => new Allocations({ IPv4: pool('243.0.0.0/29'), IPv6: pool('fd00::/126') });

describe('a service', () => {
  it('keeps what it has, and has one of each family that it asks for and that there is', () => {
    const allocations = small();
    const { ips, lacking } = allocations.hold('shop/web', BOTH, 0);
    assert.deepEqual(ips.map(familyOf), BOTH);
    assert.deepEqual(lacking, []);
    assert.deepEqual(allocations.hold('shop/web', BOTH, 1e12).ips, ips);
    assert.deepEqual(allocations.hold('shop/web', ['IPv6', 'IPv4'], 0).ips, ips.toReversed());
  });

  it('that is gone and comes back has what it had, also much later where it can', () => {
    const allocations = small();
    const { ips } = allocations.hold('shop/web', BOTH, 0);
    allocations.release('shop/web', 0);
    assert.deepEqual(allocations.hold('shop/web', BOTH, 1).ips, ips);
    allocations.release('shop/web', 2);
    allocations.wake(2 + REST_MS);
    assert.deepEqual(allocations.hold('shop/web', BOTH, 2 + REST_MS).ips, ips);
  });

  it('that finds none gets one when another has been gone long enough, not sooner', () => {
    const allocations = new Allocations({ IPv4: pool('243.0.0.1/32') });
    const { ips } = allocations.hold('shop/web', V4, 0);
    const none = { ips: [], lacking: [{ family: 'IPv4', why: 'exhausted' }] };
    assert.deepEqual(allocations.hold('shop/db', V4, 0), none);
    allocations.release('shop/web', 1000);
    assert.deepEqual(allocations.hold('shop/db', V4, 999 + REST_MS), none);
    assert.deepEqual(allocations.hold('shop/db', V4, 1000 + REST_MS).ips, ips);
    assert.deepEqual(allocations.hold('shop/web', V4, 1000 + REST_MS), none);
  });

  it('of a family without a network is told so', () => {
    const allocations = new Allocations({ IPv4: pool('243.0.0.0/29') });
    const { ips, lacking } = allocations.hold('shop/web', BOTH, 0);
    assert.deepEqual(ips.map(familyOf), V4);
    assert.deepEqual(lacking, [{ family: 'IPv6', why: 'no-cidr' }]);
  });

  it('that changes its families gives back what it does not need', () => {
    const allocations = small();
    const [v4] = allocations.hold('shop/web', BOTH, 0).ips;
    assert.deepEqual(allocations.hold('shop/web', V4, 0).ips, [v4]);
    assert.deepEqual(allocations.count('IPv6'), { held: 0, resting: 1, free: 2 });
  });

  it('cannot take over what another one has, nor what no network holds', () => {
    const allocations = small();
    const [taken] = allocations.hold('shop/web', V4, 0).ips;
    allocations.adopt('shop/db', [taken!, parseIp('10.0.0.1')]);
    assert.deepEqual(allocations.of('shop/db'), []);
    assert.notEqual(allocations.hold('shop/db', V4, 0).ips[0], taken);
  });
});

it('65,000 services fit in the default network, and a full one says so at once', () => {
  const allocations = new Allocations({ IPv4: pool('243.0.0.0/16') });
  const seen = new Set<string>();
  for (let at = 0; at < 65_534; at++) {
    const { ips } = allocations.hold(`shop/service-${at}`, V4, 0);
    for (const ip of ips) seen.add(ip);
  }
  assert.equal(seen.size, 65_534);
  assert.deepEqual(allocations.hold('shop/one-more', V4, 0).lacking, [{ family: 'IPv4', why: 'exhausted' }]);
  assert.deepEqual(allocations.count('IPv4'), { held: 65_534, resting: 0, free: 0 });
});

it('whatever happens, no address is anybody else’s before it has rested, and who has one keeps it', () => {
  const names = fc.constantFrom('a/a', 'a/b', 'a/c', 'b/a', 'b/b', 'b/c', 'c/a', 'c/b');
  const step = fc.oneof(
    fc.record({
      what: fc.constant('hold' as const),
      name: names,
      families: fc.subarray([...BOTH], { minLength: 1 }),
    }),
    fc.record({ what: fc.constant('release' as const), name: names }),
    fc.record({ what: fc.constant('pass' as const), ms: fc.constantFrom(1, REST_MS / 2, REST_MS) }),
    fc.record({ what: fc.constant('wake' as const) }),
    fc.record({ what: fc.constant('restart' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let allocations = small();
      let now = 0;
      const owners = new Map<IpAddress, string>(); // address → who has it
      const left = new Map<IpAddress, { by: string; at: number }>(); // address → who had it last
      for (const each of steps) {
        switch (each.what) {
          case 'hold': {
            const before = allocations.of(each.name);
            const { ips, lacking } = allocations.hold(each.name, each.families, now);
            assert.equal(ips.length + lacking.length, each.families.length);
            for (const had of before) {
              if (each.families.includes(familyOf(had))) assert.ok(ips.includes(had));
              else {
                owners.delete(had);
                left.set(had, { by: each.name, at: now });
              }
            }
            for (const ip of ips) {
              const owner = owners.get(ip);
              assert.ok(owner === undefined || owner === each.name, `${ip} is ${owner}'s`);
              const former = left.get(ip);
              if (owner === undefined && former !== undefined && former.by !== each.name) {
                assert.ok(now - former.at >= REST_MS, `${ip} was ${former.by}'s ${now - former.at} ms ago`);
              }
              owners.set(ip, each.name);
            }
            break;
          }
          case 'release':
            for (const ip of allocations.of(each.name)) {
              owners.delete(ip);
              left.set(ip, { by: each.name, at: now });
            }
            allocations.release(each.name, now);
            assert.deepEqual(allocations.of(each.name), []);
            break;
          case 'pass':
            now += each.ms;
            break;
          case 'wake':
            allocations.wake(now);
            break;
          case 'restart': {
            const next = small();
            for (const name of [...allocations.services()].reverse()) next.adopt(name, allocations.of(name));
            for (const resting of allocations.resting()) next.rest(resting);
            allocations = next;
            break;
          }
          default:
            each satisfies never;
        }
        for (const family of BOTH) {
          const { held, resting, free } = allocations.count(family);
          assert.equal(held + resting + free, family === 'IPv4' ? 6 : 3);
          assert.equal(held, [...owners.keys()].filter((ip) => familyOf(ip) === family).length);
          assert.ok(held >= 0 && resting >= 0 && free >= 0);
        }
      }
    }),
    { numRuns: 500 },
  );
});
