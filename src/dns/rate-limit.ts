/**
 * Response rate limiting: whoever asks in the name of a victim, with a forged source address, gets few answers
 * sent there. Limited clients still get a short answer now and then that tells them to come over TCP, or
 * with a cookie, which a forger cannot.
 *
 * All threads share one limit, in memory without locks. A network is known by a hash that nobody outside can
 * foresee; two that share it share what they may have.
 */
import { randomInt } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { ipBytes } from '../api/ip.ts';
import { finalMix } from './fast/name-hash.ts';

export interface RateLimit {
  /** Responses per second and client network: 24 bits of IPv4, 56 of IPv6. */
  readonly perSecond: number;
  /** One in so many limited queries gets the short answer; the others get none. */
  readonly slip: number;
}

export type RateVerdict = 'answer' | 'slip' | 'drop';

/** A limit with what it remembers; can be posted to other threads. */
export interface SharedRateLimit extends RateLimit {
  readonly memory: Int32Array<SharedArrayBuffer>;
  /** Of the hash of networks. */
  readonly seed: number;
}

/** Buckets, a power of two; a megabyte in all. */
const BUCKETS = 65_536;
/** Words of a bucket. */
const At = {
  /** When all that was given would have come at the limit's pace; in ticks, of which the lower 32 bits are kept. */
  spent: 0,
  /** The second of the last query: whether `spent` means anything still. */
  second: 1,
  /** Limited queries so far. */
  limited: 2,
  size: 4,
} as const;

const TICKS_PER_MS = 16_000;
const TICKS_PER_SECOND = 1000 * TICKS_PER_MS;

/** The clock of all threads: milliseconds since the process began. */
export const sharedNow = (): number => process.uptime() * 1000;

export const sharedRateLimit = (limit: RateLimit): SharedRateLimit => ({
  ...limit,
  memory: new Int32Array(new SharedArrayBuffer(4 * At.size * BUCKETS)),
  seed: randomInt(2 ** 32),
});

export class RateLimiter {
  readonly #memory: Int32Array<SharedArrayBuffer>;
  readonly #seed: number;
  readonly #slip: number;
  /** Ticks that one response takes. */
  readonly #price: number;

  constructor({ perSecond, slip, memory, seed }: SharedRateLimit) {
    this.#memory = memory;
    this.#seed = seed;
    this.#slip = slip;
    this.#price = Math.max(1, Math.floor(TICKS_PER_SECOND / perSecond));
  }

  /**
   * Takes one response of this client's network.
   * @param now milliseconds, never backwards
   */
  check(address: string, now: number): RateVerdict {
    if (isIPv4(address)) return this.checkBytes(4, littleEndian(ipBytes(address), 0), 0, now);
    const [plain = ''] = address.split('%');
    const bytes = ipBytes(plain);
    return this.checkBytes(6, littleEndian(bytes, 0), littleEndian(bytes, 4), now);
  }

  /**
   * The same without a string.
   * @param first bytes 0 to 3 of the address, little-endian
   * @param second bytes 4 to 7; of no matter for IPv4
   */
  checkBytes(family: number, first: number, second: number, now: number): RateVerdict {
    const hash =
      family === 4
        ? finalMix((first & 0x00ff_ffff) ^ this.#seed)
        : finalMix(finalMix(first ^ this.#seed) ^ ((second & 0x00ff_ffff) | 0x0100_0000));
    return this.#take(At.size * (hash & (BUCKETS - 1)), now);
  }

  /** The generic cell rate algorithm: one number says what is left, so one exchange takes of it. */
  #take(bucket: number, now: number): RateVerdict {
    const memory = this.#memory;
    const ticks = (now * TICKS_PER_MS) | 0;
    const second = Math.floor(now / 1000);
    // Nothing is owed for longer than a second; and 32 bits of ticks come round again.
    const idle = second - Atomics.load(memory, bucket + At.second) > 2;
    Atomics.store(memory, bucket + At.second, second);
    for (;;) {
      const spent = Atomics.load(memory, bucket + At.spent);
      const ahead = idle ? 0 : Math.max(0, (spent - ticks) | 0);
      if (ahead + this.#price > TICKS_PER_SECOND) break;
      const next = (ticks + ahead + this.#price) | 0;
      if (Atomics.compareExchange(memory, bucket + At.spent, spent, next) === spent) return 'answer';
    }
    return (Atomics.add(memory, bucket + At.limited, 1) >>> 0) % this.#slip === 0 ? 'slip' : 'drop';
  }
}

const littleEndian = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
