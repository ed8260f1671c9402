/**
 * Server cookies (RFC 7873) in the form that servers of all makes agree on (RFC 9018): version, reserved,
 * time, and a hash of these, the client cookie and the client's address. Nothing is kept per client, and every
 * replica with the same secret knows the others' cookies.
 */
import { timingSafeEqual } from 'node:crypto';
import { ipBytes } from '../api/ip.ts';
import { putUint32 } from './header.ts';
import { sipHash24 } from './siphash.ts';

export const CLIENT_COOKIE_BYTES = 8;
export const SERVER_COOKIE_BYTES = 16;

const VERSION = 1;
/** RFC 9018, 4.3: what is older than an hour, or over five minutes ahead, is no cookie. Seconds. */
const MAX_AGE = 3600;
const MAX_AHEAD = 300;
/** A cookie that is older than this is renewed in the answer. Seconds. */
const RENEW_AGE = 1800;

/** 16 bytes each; the first one makes cookies, all are recognised, so that a secret can be rolled over (RFC 9018, 5). */
export type CookieSecrets = readonly [Buffer, ...Buffer[]];

/**
 * Reads secrets as a file has them: one per line in 32 hexadecimal digits, the one in use first. Empty lines and
 * those that begin with # are for people.
 * @throws Error that says what is wrong, without the secret
 */
export function parseCookieSecrets(text: string): CookieSecrets {
  const secrets: Buffer[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const digits = line.trim();
    if (digits === '' || digits.startsWith('#')) continue;
    if (!/^[0-9a-f]{32}$/i.test(digits)) {
      throw new Error(
        `line ${index + 1} is not a secret of 32 hexadecimal digits; make one with: openssl rand -hex 16`,
      );
    }
    secrets.push(Buffer.from(digits, 'hex'));
  }
  const [first, ...others] = secrets;
  if (first === undefined) throw new Error('there is no secret in it; make one with: openssl rand -hex 16');
  return [first, ...others];
}

/**
 * Writes the server cookie for a client at `out[at]`.
 * @param clientCookie 8 bytes
 * @param address the client's, textual
 * @param now seconds since 1970
 */
export function writeServerCookie(
  secret: Buffer,
  clientCookie: Uint8Array,
  address: string,
  now: number,
  out: Buffer,
  at: number,
): void {
  out.fill(0, at, at + 8);
  out[at] = VERSION;
  putUint32(out, at + 4, now);
  hash(secret, clientCookie, out.subarray(at, at + 8), address).copy(out, at + 8);
}

/** Whether a server cookie of this client is one of ours: `good` for a while, or to be renewed, or neither. */
export function checkServerCookie(
  secrets: CookieSecrets,
  clientCookie: Uint8Array,
  serverCookie: Buffer,
  address: string,
  now: number,
): 'good' | 'renew' | 'bad' {
  if (serverCookie.length !== SERVER_COOKIE_BYTES || serverCookie[0] !== VERSION) return 'bad';
  // Serial arithmetic (RFC 1982): the time in cookies wraps in 2106.
  const age = (now - serverCookie.readUInt32BE(4)) | 0;
  if (age > MAX_AGE || age < -MAX_AHEAD) return 'bad';
  const which = secrets.findIndex((secret) =>
    timingSafeEqual(
      hash(secret, clientCookie, serverCookie.subarray(0, 8), address),
      serverCookie.subarray(8),
    ),
  );
  if (which < 0) return 'bad';
  return which > 0 || age > RENEW_AGE ? 'renew' : 'good';
}

function hash(secret: Buffer, clientCookie: Uint8Array, head: Uint8Array, address: string): Buffer {
  const [plain = ''] = address.split('%');
  return sipHash24(secret, Buffer.concat([clientCookie, head, ipBytes(plain)]));
}
