/** The types that flags may have: each turns the user's text into a checked value or says what is wrong. */
import * as z from 'zod';
import { type Cidr, hostCidr, parseCidr, parseIp } from '../api/cidr.ts';
import { type ClusterId, isDnsLabel, parseClusterId } from '../api/identity.ts';
import { canonicalIp, ipFamily } from '../api/ip.ts';
import { isRedisUrl, parseRedisUrl, type RedisUrl } from '../api/redis-url.ts';
import { parseDuration } from './duration.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { parseMoment } from './moment.ts';
import { parseStoreUrl, type StoreUrl } from './store-url.ts';

/** A type made of a parser that throws what is wrong with the text. */
function parsed<T>(parse: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

export const wholeNumber = (least: number, most: number, what: string): z.ZodType<number, string> =>
  parsed((text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new Error(`must be ${what} from ${least} to ${most}`);
  });

export const text = (whatItIs: string): z.ZodType<string, string> =>
  z.string().refine((value) => value !== '', { error: `must be ${whatItIs}, not empty` });

/** One of the given words. */
export const oneOf = <const T extends readonly [string, ...string[]]>(
  ...words: T
): z.ZodType<T[number], string> =>
  parsed((text) => {
    if (words.includes(text)) return text;
    throw new Error(`must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
  });

export const cidr: z.ZodType<Cidr, string> = parsed(parseCidr);
export const listenAddress: z.ZodType<ListenAddress, string> = parsed(parseListenAddress);
export const port: z.ZodType<number, string> = wholeNumber(1, 65_535, 'a port');
export const storeUrl: z.ZodType<StoreUrl, string> = parsed(parseStoreUrl);
export const redisUrl: z.ZodType<RedisUrl, string> = parsed((text) => {
  if (isRedisUrl(text)) return parseRedisUrl(text);
  throw new Error('must be redis://HOST or rediss://HOST');
});
/** Seconds, five minutes or more. */
export const longDuration: z.ZodType<number, string> = parsed((text) => {
  const seconds = parseDuration(text);
  if (seconds >= 300) return seconds;
  throw new Error('must be 5m or more: a cluster that restarts must not lose its services');
});
/** Seconds. */
export const duration: z.ZodType<number, string> = parsed(parseDuration);
/** As it was written, once it is a moment. */
export const moment: z.ZodType<string, string> = parsed((text) => {
  parseMoment(text, 0);
  return text;
});
/** Seconds; shorter than this a Lease ends while its holder only waits for an answer. */
export const leaseDuration: z.ZodType<number, string> = parsed((text) => {
  const seconds = parseDuration(text);
  if (Number.isInteger(seconds) && seconds >= 3) return seconds;
  throw new Error('must be whole seconds, at least 3s');
});
export const clusterId: z.ZodType<ClusterId, string> = parsed(parseClusterId);
export const namespace: z.ZodType<string, string> = parsed((text) => {
  if (isDnsLabel(text)) return text;
  throw new Error('must be the name of a namespace: 1 to 63 of a-z, 0-9 and "-", not "-" at either end');
});
export const serviceName: z.ZodType<string, string> = parsed((text) => {
  if (isDnsLabel(text)) return text;
  throw new Error('must be the name of a Service: 1 to 63 of a-z, 0-9 and "-", not "-" at either end');
});
/** A cluster's share of the answers. */
export const weight: z.ZodType<number, string> = wholeNumber(0, 1000, 'a weight');
/** RFC 2181, 8: at most 2^31 - 1; what is longer than a week helps nobody and is capped by resolvers. */
export const ttl: z.ZodType<number, string> = wholeNumber(0, 604_800, 'seconds');

/** Threads: more than this no machine has cores for. */
export const threads: z.ZodType<number, string> = wholeNumber(1, 256, 'a number');

export const ipAddress: z.ZodType<string, string> = parsed((text) => {
  if (ipFamily(text) !== undefined) return canonicalIp(text);
  throw new Error('must be an IP address');
});

/** A network, or one address as the network that holds it alone. */
export const network: z.ZodType<Cidr, string> = parsed((text) =>
  text.includes('/') ? parseCidr(text) : hostCidr(parseIp(text)),
);

/** RFC 5001 has bytes; text that people can read is more useful. */
export const label: z.ZodType<string, string> = parsed((text) => {
  if (/^[\x21-\x7e]{1,64}$/.test(text)) return text;
  throw new Error('must be 1 to 64 letters, digits and signs without spaces');
});

/** From 1 up to a million of something. */
export const count = (what: string): z.ZodType<number, string> => wholeNumber(1, 1_000_000, what);

/** A domain name in lower case with the final dot, whether it was written or not. */
export const zone: z.ZodType<string, string> = parsed((text) => {
  const labels = text.toLowerCase().replace(/\.$/, '').split('.');
  const name = `${labels.join('.')}.`;
  // RFC 1035, 2.3.4: 63 octets a label, 255 on the wire. Services and namespaces take up to 140 of them.
  const isZone = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  if (isZone && name.length <= 100) return name;
  throw new Error('must be a domain name of at most 100 letters, for example clusterset.local');
});
