import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalIp } from '../../../src/api/ip.ts';
import { formatListenAddress, parseListenAddress } from '../../../src/config/listen-address.ts';

test('what is formatted reads back the same', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6()).map(canonicalIp);
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 65_535 }), (address, port) => {
      assert.deepEqual(parseListenAddress(formatListenAddress({ address, port })), { address, port });
    }),
  );
});

test('without an address it is every one', () => {
  assert.deepEqual(parseListenAddress(':53'), { address: '::', port: 53 });
});

for (const text of [
  '',
  '53',
  ':',
  ':x',
  '1.2.3.4',
  '1.2.3.4:65536',
  '::1:53',
  '[1.2.3.4]:53',
  '[::1]',
  'a:53',
  '[fe80::1%eth0]:53',
]) {
  test(`"${text}" is no address to listen on`, () => {
    assert.throws(() => parseListenAddress(text), /for example|use for example/);
  });
}
