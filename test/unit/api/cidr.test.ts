import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { contains, hostCidr, networkOf, overlaps, parseCidr, parseIp } from '../../../src/api/cidr.ts';

describe('networks', () => {
  const good = [
    ['10.1.0.0/16', '10.1.0.0/16'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD10:0:0::/48', 'fd10::/48'],
    ['::/0', '::/0'],
    ['192.0.2.7/32', '192.0.2.7/32'],
  ] as const;
  for (const [text, cidr] of good) it(`${text} is ${cidr}`, () => assert.equal(parseCidr(text), cidr));

  const bad = [
    ['10.1.0.1/16', /has bits set behind its prefix, did you mean 10\.1\.0\.0\/16\?/],
    ['10.1.0.0', /is not a network/],
    ['10.1.0.0/33', /is not a network/],
    ['10.1/16', /is not a network/],
    ['10.1.0.0/016', /is not a network/],
    ['fd10::/129', /is not a network/],
    ['fe80::%eth0/64', /is not a network/],
    ['', /is not a network/],
  ] as const;
  for (const [text, message] of bad)
    it(`"${text}" is none`, () => assert.throws(() => parseCidr(text), { message }));

  it('hold each other, or have nothing in common', () => {
    const [a, b, c] = [parseCidr('10.0.0.0/8'), parseCidr('10.1.0.0/16'), parseCidr('fd10::/32')];
    assert.equal(contains(a, b), true);
    assert.equal(contains(b, a), false);
    assert.equal(overlaps(b, a), true);
    assert.equal(overlaps(a, c), false);
    assert.equal(contains(c, parseIp('fd10::1')), true);
    assert.equal(contains(b, parseIp('10.2.0.1')), false);
  });

  it('of an address hold it, at every length', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6()).map(parseIp);
    fc.assert(
      fc.property(address, fc.nat({ max: 128 }), (ip, length) => {
        const bits = ip.includes(':') ? length : Math.min(32, length);
        const network = networkOf(ip, bits);
        assert.equal(parseCidr(network), network);
        assert.equal(contains(network, ip), true);
        assert.equal(contains(network, hostCidr(ip)), true);
      }),
    );
  });
});
