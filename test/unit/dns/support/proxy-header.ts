import { ipBytes } from '../../../../src/api/ip.ts';
import { uint16s } from './messages.ts';

/** A PROXY header of version 2 that says that `source` asks. */
export function proxyHeader(source: string, transport: 'tcp' | 'udp' = 'tcp'): Buffer {
  const from = ipBytes(source);
  const addresses = Buffer.concat([from, Buffer.alloc(from.length, 1), uint16s(4000, 53)]);
  const family = (from.length === 4 ? 0x10 : 0x20) | (transport === 'tcp' ? 1 : 2);
  const head = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
  return Buffer.concat([head, Buffer.from([0x21, family]), uint16s(addresses.length), addresses]);
}
