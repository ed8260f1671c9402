import { canonicalIp, ipFamily } from '../api/ip.ts';

/** Where a server listens. Port 0 lets the system choose. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Reads `0.0.0.0:53`, `[::1]:53`, or `:53` for every address of both families.
 * @throws Error that says what is wrong
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, bare, portText] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  const host = bracketed ?? (bare === '' ? '::' : bare);
  if (portText === undefined || host === undefined || port > 65_535) {
    throw new Error('must be ADDRESS:PORT with a port up to 65535, for example 0.0.0.0:53 or [::1]:53');
  }
  const family = ipFamily(host);
  if (family === undefined || (bracketed === undefined) === (family === 'IPv6' && bare !== '')) {
    throw new Error(
      `"${host}" is not an IP address; use for example 127.0.0.1:${port}, [::1]:${port}, or :${port} for all addresses`,
    );
  }
  return { address: canonicalIp(host), port };
}

/** The text that {@link parseListenAddress} reads. */
export const formatListenAddress = ({ address, port }: ListenAddress): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;
