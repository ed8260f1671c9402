/** How the server speaks, beside what it says: set once, from flags. */
import { randomBytes } from 'node:crypto';
import type { CookieSecrets } from './cookies.ts';
import type { Identity } from './identity.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Signing } from './tsig-keys.ts';

export interface Protocol {
  /** The secrets of now; replicas that share them know each other's cookies. */
  readonly cookieSecrets: () => CookieSecrets;
  /** What NSID says; absent = it is not answered. */
  readonly nsid?: string;
  /** Absent = class CH is refused. */
  readonly identity?: Identity;
  /** For UDP; absent = no limit. */
  readonly rateLimit?: RateLimit;
  /** Whether this peer may say in whose name it asks: by PROXY protocol or client subnet. */
  readonly trusts: (address: string) => boolean;
  /** Whether this client may have whole zones. */
  readonly mayTransfer: (address: string) => boolean;
  /** With it only those who have a key get whole zones; absent = signatures are not looked at. */
  readonly signing?: Signing;
  /** Seconds since 1970, for cookies. */
  readonly now: () => number;
}

/** What a server does that was told nothing: cookies of its own, and nobody is trusted. */
export function defaultProtocol(): Protocol {
  const secrets: CookieSecrets = [randomBytes(16)];
  return {
    cookieSecrets: () => secrets,
    trusts: () => false,
    mayTransfer: () => false,
    now: () => Math.floor(Date.now() / 1000),
  };
}
