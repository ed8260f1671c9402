import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../../src/api/cidr.ts';
import { Annotation } from '../../../src/api/names.ts';
import type { Node } from '../../../src/api/objects.ts';
import { publicIpOf } from '../../../src/tunnel/public-ip.ts';

const privateIP = parseIp('192.168.1.11');
const node = (annotation: string | undefined, ...external: string[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'gw1',
    ...(annotation !== undefined && { annotations: { [Annotation.publicIp]: annotation } }),
  },
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.168.1.11' },
      ...external.map((address) => ({ type: 'ExternalIP', address })),
    ],
  },
});

const cases: Record<string, [Node | undefined, string | undefined, string | undefined]> = {
  'the flag counts before all else': [node('203.0.113.2', '203.0.113.3'), '203.0.113.1', '203.0.113.1'],
  'then what the node’s annotation says': [node('203.0.113.2', '203.0.113.3'), undefined, '203.0.113.2'],
  'then the node’s external address': [node(undefined, '203.0.113.3'), undefined, '203.0.113.3'],
  'of several the first of the tunnel’s family': [
    node(undefined, '2001:db8::3', '203.0.113.3', '203.0.113.4'),
    undefined,
    '203.0.113.3',
  ],
  'what is no address is nothing': [node('my-gateway.example'), undefined, undefined],
  'its own address is no other one': [node('192.168.1.11', '203.0.113.3'), undefined, undefined],
  'a node that its cluster does not know has none': [undefined, undefined, undefined],
};
for (const [name, [object, given, wanted]] of Object.entries(cases)) {
  test(name, () => {
    const flag = given === undefined ? undefined : parseIp(given);
    assert.equal(publicIpOf(object, flag, { privateIP }), wanted);
  });
}
