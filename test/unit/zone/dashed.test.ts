import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { isDnsLabel } from '../../../src/api/identity.ts';
import { canonicalIp } from '../../../src/api/ip.ts';
import { dashedAddress, undashedAddress } from '../../../src/zone/dashed.ts';

suite('dashed addresses', () => {
  for (const [address, label] of Object.entries({
    '10.1.2.3': '10-1-2-3',
    'fd00:10:244::5': 'fd00-10-244--5',
    '::1': '0--1',
    'fd00::': 'fd00--0',
    '::': '0--0',
    '2001:db8:1:2:3:4:5:6': '2001-db8-1-2-3-4-5-6',
  })) {
    test(`${address} is ${label}`, () => assert.equal(dashedAddress(address), label));
  }

  test('every address has a label that a host may have, and the label leads back to it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = canonicalIp(text);
        assert.ok(isDnsLabel(dashedAddress(address)));
        assert.equal(undashedAddress(dashedAddress(address)), address);
      }),
    );
  });

  test('other words are no addresses', () => {
    for (const label of [
      '',
      '-',
      'web',
      'web-0',
      '10-1-2',
      '10-1-2-3-4',
      '10-1-2-256',
      '01-1-2-3',
      'fd00---1',
    ]) {
      assert.equal(undashedAddress(label), undefined, label);
    }
  });
});
