import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readProxyHeader } from '../../../src/dns/proxy-protocol.ts';
import { query } from './support/messages.ts';
import { proxyHeader } from './support/proxy-header.ts';

const v4 = proxyHeader('192.0.2.77');
const patched = (at: number, byte: number): Buffer => {
  const changed = Buffer.from(v4);
  changed[at] = byte;
  return changed;
};

const rows: Record<string, { bytes: Buffer; header: ReturnType<typeof readProxyHeader> }> = {
  'of an IPv4 client': { bytes: v4, header: { is: 'header', length: 28, source: '192.0.2.77' } },
  'of an IPv6 client': {
    bytes: proxyHeader('2001:db8::77'),
    header: { is: 'header', length: 52, source: '2001:db8:0:0:0:0:0:77' },
  },
  'with the query behind it': {
    bytes: Buffer.concat([v4, query()]),
    header: { is: 'header', length: 28, source: '192.0.2.77' },
  },
  'of a health check by the proxy itself': { bytes: patched(12, 0x20), header: { is: 'header', length: 28 } },
  'of a client that is no IP address': { bytes: patched(13, 0x31), header: { is: 'header', length: 28 } },
  'that is shorter than its addresses': {
    bytes: patched(15, 11).subarray(0, 27),
    header: { is: 'malformed' },
  },
  'of version 1': { bytes: patched(12, 0x11), header: { is: 'malformed' } },
  'that is not there': { bytes: query(), header: { is: 'absent' } },
};
for (const [what, { bytes, header }] of Object.entries(rows)) {
  test(`a header ${what}`, () => assert.deepEqual(readProxyHeader(bytes), header));
}

test('every beginning of a header is incomplete, and any bytes get a verdict', () => {
  for (let length = 0; length < v4.length; length++) {
    assert.deepEqual(readProxyHeader(v4.subarray(0, length)), { is: 'incomplete' });
  }
  fc.assert(
    fc.property(fc.nat(40), fc.uint8Array({ maxLength: 60 }), (at, bytes) => {
      const mixed = Buffer.concat([v4.subarray(0, at), bytes]);
      const header = readProxyHeader(mixed);
      if (header.is === 'header') assert.ok(header.length <= mixed.length);
    }),
  );
});
