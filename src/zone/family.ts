import { canonicalIp, ipFamily } from '../api/ip.ts';
import type { IpFamily } from '../api/objects.ts';

/** Something for each address family; dual stack is the normal case. */
export interface ByFamily<T> {
  readonly IPv4: T;
  readonly IPv6: T;
}

export const FAMILIES: readonly IpFamily[] = ['IPv4', 'IPv6'];

export const perFamily = <T>(make: (family: IpFamily) => T): ByFamily<T> => ({
  IPv4: make('IPv4'),
  IPv6: make('IPv6'),
});

// Most services are of one family: what they have none of is one and the same for all of them.
const NONE: readonly string[] = [];
const NO_ADDRESSES: ByFamily<readonly string[]> = perFamily(() => NONE);

/** The addresses among `texts` in canonical form, each once, in the order given; what is none is left out. */
export function addressesByFamily(texts: readonly unknown[]): ByFamily<readonly string[]> {
  if (texts.length === 0) return NO_ADDRESSES;
  const found = perFamily(() => new Set<string>());
  for (const text of texts) {
    const family = typeof text === 'string' ? ipFamily(text) : undefined;
    if (family !== undefined) found[family].add(canonicalIp(text as string));
  }
  return perFamily((family) => (found[family].size === 0 ? NONE : [...found[family]]));
}
