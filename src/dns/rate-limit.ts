/**
 * Response rate limiting: whoever asks in the name of a victim, with a forged source address, gets few answers
 * sent there. Limited clients still get a short answer now and then that tells them to come over TCP, or
 * with a cookie, which a forger cannot.
 */
import { isIPv4 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { ipBytes } from '../api/ip.ts';

export interface RateLimit {
  /** Responses per second and client network: 24 bits of IPv4, 56 of IPv6. */
  readonly perSecond: number;
  /** One in so many limited queries gets the short answer; the others get none. */
  readonly slip: number;
}

export type RateVerdict = 'answer' | 'slip' | 'drop';

/** Networks remembered at most: the least recently seen one is forgotten, and begins anew. */
const NETWORKS = 100_000;

/** What a network may still have. */
interface Bucket {
  /** Responses left; at most those of one second. */
  left: number;
  /** When `left` was right; milliseconds. */
  at: number;
  /** Limited queries so far. */
  limited: number;
}

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new LRUCache<string, Bucket>({ max: NETWORKS });

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /**
   * Takes one response of this client's network.
   * @param now milliseconds, never backwards
   */
  check(address: string, now: number): RateVerdict {
    const { perSecond, slip } = this.#limit;
    const key = networkKey(address);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { left: perSecond, at: now, limited: 0 };
      this.#buckets.set(key, bucket);
    }
    bucket.left = Math.min(perSecond, bucket.left + ((now - bucket.at) * perSecond) / 1000);
    bucket.at = now;
    if (bucket.left >= 1) {
      bucket.left--;
      return 'answer';
    }
    return bucket.limited++ % slip === 0 ? 'slip' : 'drop';
  }
}

function networkKey(address: string): string {
  if (isIPv4(address)) return address.slice(0, address.lastIndexOf('.'));
  const [plain = ''] = address.split('%');
  return Buffer.from(ipBytes(plain).subarray(0, 7)).toString('latin1');
}
