import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCidr } from '../../../src/api/cidr.ts';
import { AddressPool } from '../../../src/discovery/address-pool.ts';

const pool = (...cidrs: string[]): AddressPool => new AddressPool(cidrs.map(parseCidr));
const all = (of: AddressPool): string[] => [...of.candidates('shop/web')];

describe('a pool of', () => {
  const ROWS: readonly (readonly [cidrs: string, addresses: readonly string[]])[] = [
    ['243.0.0.0/29', ['243.0.0.1', '243.0.0.2', '243.0.0.3', '243.0.0.4', '243.0.0.5', '243.0.0.6']],
    ['243.0.0.8/31', ['243.0.0.8', '243.0.0.9']],
    ['243.0.0.8/32', ['243.0.0.8']],
    ['fd00::/126', ['fd00::1', 'fd00::2', 'fd00::3']],
    ['243.0.0.0/30 243.1.0.0/30', ['243.0.0.1', '243.0.0.2', '243.1.0.1', '243.1.0.2']],
  ];
  for (const [cidrs, addresses] of ROWS) {
    it(`${cidrs} gives out ${addresses.join(', ')}`, () => {
      const it = pool(...cidrs.split(' '));
      assert.deepEqual(all(it).sort(), addresses);
      assert.equal(it.size, addresses.length);
    });
  }

  it('a /16 has room for 65,000 services, each address once', () => {
    const addresses = all(pool('243.0.0.0/16'));
    assert.equal(new Set(addresses).size, 65_534);
    assert.ok(addresses.every((address) => address.startsWith('243.0.')));
  });

  it('a wide IPv6 network begins anywhere in its first four billion addresses', () => {
    const wide = pool('fd00:1:2:3::/64');
    assert.equal(wide.size, 2 ** 32 - 1);
    const [first] = wide.candidates('shop/web');
    assert.ok(first);
    assert.match(first, /^fd00:1:2:3::[0-9a-f]+:[0-9a-f]+$/);
    assert.ok(wide.has(first));
  });
});

it('where a service begins depends on its name alone', () => {
  const [one, other] = [pool('243.0.0.0/16'), pool('243.0.0.0/16')];
  const first = (of: AddressPool, key: string) => of.candidates(key).next().value;
  assert.equal(first(one, 'shop/web'), first(other, 'shop/web'));
  assert.notEqual(first(one, 'shop/web'), first(one, 'shop/db'));
});
