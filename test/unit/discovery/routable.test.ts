import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isRoutable } from '../../../src/discovery/routable.ts';

const ROWS: Readonly<Record<string, readonly [address: string, routable: boolean]>> = {
  'a private IPv4 address': ['10.1.2.3', true],
  'a public IPv4 address': ['198.51.100.7', true],
  'an address of the former class E, which clouds give to pods and Services': ['240.10.0.1', true],
  'a clusterset IP of the default range': ['243.0.0.1', true],
  'a unique local IPv6 address': ['fd00::1', true],
  'a global IPv6 address': ['2001:db8::1', true],
  'IPv4 loopback': ['127.0.0.1', false],
  'IPv4 link-local, where clouds keep their metadata': ['169.254.169.254', false],
  'the unspecified IPv4 address': ['0.0.0.0', false],
  'IPv4 multicast': ['224.0.0.251', false],
  'IPv4 broadcast': ['255.255.255.255', false],
  'IPv6 loopback': ['::1', false],
  'the unspecified IPv6 address': ['::', false],
  'IPv6 link-local': ['fe80::1', false],
  'IPv6 link-local with a zone index': ['fe80::1%eth0', false],
  'IPv6 multicast': ['ff02::1', false],
  'an IPv4 address in the clothes of an IPv6 one': ['::ffff:10.0.0.1', false],
  'the same in hexadecimal': ['::ffff:a00:1', false],
  'a name': ['db.example.com', false],
  'an IPv4 address with leading zeros': ['010.0.0.1', false],
  nothing: ['', false],
};

describe('whether another cluster could send to an address', () => {
  for (const [name, [address, routable]] of Object.entries(ROWS)) {
    it(`${routable ? 'yes' : 'no'}: ${name} (${address})`, () => {
      assert.equal(isRoutable(address), routable);
    });
  }
});
