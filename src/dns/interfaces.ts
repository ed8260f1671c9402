/**
 * Which addresses a listener's own means now. Node does not tell which address a UDP packet was sent to,
 * so an answer from a socket on all addresses could leave from another one than was asked, and clients drop
 * it. Hence one socket per address, and the wildcard stands for the addresses that the host has.
 */
import type { NetworkInterfaceInfo } from 'node:os';

/** `os.networkInterfaces()`, or what a test puts in its place. */
export type Interfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

/** Whether the address means many: `0.0.0.0` all of IPv4, `::` all of both families. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The addresses to open sockets on for `address`; link-local ones with their interface ("fe80::1%eth0"). */
export function localAddresses(address: string, interfaces: ReturnType<Interfaces>): ReadonlySet<string> {
  if (!isWildcard(address)) return new Set([address]);
  const ipv4Only = address === '0.0.0.0';
  const found = new Set<string>();
  for (const [name, entries = []] of Object.entries(interfaces)) {
    for (const entry of entries) {
      if (ipv4Only && entry.family !== 'IPv4') continue;
      found.add(entry.address.startsWith('fe80:') ? `${entry.address}%${name}` : entry.address);
    }
  }
  return found;
}
