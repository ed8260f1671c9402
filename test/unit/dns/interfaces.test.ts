import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { localAddresses } from '../../../src/dns/interfaces.ts';

const entry = (address: string): NetworkInterfaceInfo => ({
  address,
  netmask: '',
  mac: '',
  internal: false,
  cidr: null,
  ...(address.includes(':') ? { family: 'IPv6', scopeid: 2 } : { family: 'IPv4' }),
});

const host = {
  lo: [entry('127.0.0.1'), entry('::1')],
  eth0: [entry('192.0.2.7'), entry('2001:db8::7'), entry('fe80::7')],
  eth1: [entry('192.0.2.7'), entry('fe80::7')],
  down: undefined,
};

const table: Record<string, { listen: string; want: string[] }> = {
  'the IPv4 wildcard stands for each IPv4 address, once': {
    listen: '0.0.0.0',
    want: ['127.0.0.1', '192.0.2.7'],
  },
  'the IPv6 wildcard stands for all addresses, link-local ones with their interface': {
    listen: '::',
    want: ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::7', 'fe80::7%eth0', 'fe80::7%eth1'],
  },
  'an address stands for itself, whether the host has it or not': {
    listen: '192.0.2.8',
    want: ['192.0.2.8'],
  },
};

for (const [sentence, { listen, want }] of Object.entries(table)) {
  test(sentence, () => assert.deepEqual([...localAddresses(listen, host)], want));
}
