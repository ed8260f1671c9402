import { familyOf } from '../../api/cidr.ts';
import { elements, nft } from '../../host/nft.ts';
import type { CableDriver } from '../cable-driver.ts';
import { VXLAN_PORT } from '../marks.ts';

/** Nothing but the kernel's VXLAN between the gateways' own addresses. Whoever is on the way reads it all. */
export function vxlanDriver(port = VXLAN_PORT): CableDriver {
  return {
    name: 'vxlan',
    // Outer Ethernet does not count; inner Ethernet 14, VXLAN 8, UDP 8, IP 20 or 40.
    carrier: { between: 'outer', port, overhead: { IPv4: 50, IPv6: 70 } },
    port,
    publicKeys: [],
    keys: undefined,
    setKeys: () => {},
    caveat: 'not encrypted: VXLAN carries everything in clear text',
    guard(cables) {
      return (['IPv4', 'IPv6'] as const).flatMap((family) => {
        const remotes = cables
          .filter(({ remote }) => familyOf(remote) === family)
          .map(({ remote }) => nft`${remote}`);
        if (family === 'IPv6') {
          return remotes.length === 0
            ? [nft`meta nfproto ipv6 udp dport ${port} counter drop`]
            : [nft`udp dport ${port} ip6 saddr != { ${elements(remotes)} } counter drop`];
        }
        return remotes.length === 0
          ? [nft`meta nfproto ipv4 udp dport ${port} counter drop`]
          : [nft`udp dport ${port} ip saddr != { ${elements(remotes)} } counter drop`];
      });
    },
    start: () => Promise.resolve(),
    set: () => Promise.resolve(new Map()),
    redial: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    cleanup: () => Promise.resolve(),
  };
}
