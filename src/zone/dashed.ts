import { canonicalIp, ipFamily } from '../api/ip.ts';

/**
 * The label that stands for an address where an endpoint has no hostname: dots or colons become dashes,
 * `10-1-2-3`, `fd00-10--5`. An IPv6 address that begins or ends with "::" is written with the zero there
 * (`0--1` for ::1), because a host label neither begins nor ends with a dash (RFC 952, RFC 1123).
 *
 * @param address canonical, see api/ip.ts
 */
export function dashedAddress(address: string): string {
  if (!address.includes(':')) return address.replaceAll('.', '-');
  const head = address.startsWith(':') ? '0' : '';
  const tail = address.endsWith(':') ? '0' : '';
  return `${head}${address.replaceAll(':', '-')}${tail}`;
}

/**
 * The address that a dashed label means, canonical, or undefined where it means none. Any spelling of an
 * IPv6 address will do, `fd00-0-0-0-0-0-0-1` as well as `fd00--1`.
 */
export function undashedAddress(label: string): string | undefined {
  if (!/^[0-9a-f-]+$/.test(label) || !label.includes('-')) return undefined;
  for (const separator of ['.', ':']) {
    const address = label.replaceAll('-', separator);
    if (ipFamily(address) !== undefined) return canonicalIp(address);
  }
  return undefined;
}
