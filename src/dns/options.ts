/**
 * The EDNS options that clients send and what is said to them in return. Queries without options, which are
 * most, never come here.
 */
import { ipFamily } from '../api/ip.ts';
import {
  checkServerCookie,
  CLIENT_COOKIE_BYTES,
  type CookieSecrets,
  SERVER_COOKIE_BYTES,
  writeServerCookie,
} from './cookies.ts';
import { putUint16, uint16 } from './header.ts';
import type { Client } from './client.ts';

/** OPTION-CODEs (IANA): RFC 5001, 7871, 7873, 7828, 7830. */
const Option = { nsid: 3, clientSubnet: 8, cookie: 10, tcpKeepalive: 11, padding: 12 } as const;

/** RFC 7873, 4: a server cookie that some server made has these sizes, with the client cookie before it. */
const MIN_COOKIE = CLIENT_COOKIE_BYTES + 8;
const MAX_COOKIE = CLIENT_COOKIE_BYTES + 32;
/** NSID beyond this is cut: it must not push answers over the client's size. */
const MAX_NSID_BYTES = 64;

/** Who this server says that it is, and how it knows its own cookies again. */
export interface OptionSettings {
  readonly cookieSecrets: () => CookieSecrets;
  /** For clients that ask for it (RFC 5001); absent = nothing is said. */
  readonly nsid?: string;
  /** Seconds since 1970. */
  readonly now: () => number;
}

/** The options of one query and the answer to them; one object, used again for the next query. */
export class Options {
  /** The options of the response, in wire form. */
  readonly bytes = Buffer.alloc(128);
  length = 0;
  /** What the client's cookie proves: nothing, that it takes part, or that it is where it says it is. */
  cookie: 'none' | 'client' | 'good' = 'none';
  /** Whether the response is to be padded (RFC 7830), which is only of use where it is encrypted. */
  padded = false;
  /** The client that a trusted forwarder asks for (RFC 7871). */
  subnet: string | undefined;
  readonly #settings: OptionSettings;
  readonly #nsid: Buffer;

  constructor(settings: OptionSettings) {
    this.#settings = settings;
    this.#nsid = Buffer.from(settings.nsid ?? '').subarray(0, MAX_NSID_BYTES);
  }

  reset(): void {
    this.length = 0;
    this.cookie = 'none';
    this.padded = false;
    this.subnet = undefined;
  }

  /**
   * Reads the options at `start` to `end`, which fill the space exactly, and writes the answer to them. Unknown ones
   * are ignored (RFC 6891, 6.1.2), and so is all but the first of a kind.
   * @param trusted whether the client may speak for others
   * @returns whether they are well formed
   */
  read(query: Buffer, start: number, end: number, client: Client, trusted: boolean): boolean {
    let seen = 0;
    for (let at = start; at < end;) {
      const code = uint16(query, at);
      const data = at + 4;
      const dataEnd = data + uint16(query, at + 2);
      at = dataEnd;
      if (code > Option.padding || (seen & (1 << code)) !== 0) continue;
      seen |= 1 << code;
      switch (code) {
        case Option.cookie:
          if (!this.#readCookie(query.subarray(data, dataEnd), client.address)) return false;
          break;
        case Option.nsid:
          if (this.#nsid.length > 0) this.#put(code, this.#nsid);
          break;
        case Option.tcpKeepalive:
          // RFC 7828, 3.2.1: ignored over UDP.
          if (client.idleTenths !== undefined)
            this.#put(code, Buffer.from([client.idleTenths >> 8, client.idleTenths]));
          break;
        case Option.padding:
          this.padded = client.encrypted === true;
          break;
        case Option.clientSubnet:
          if (trusted && !this.#readSubnet(query.subarray(data, dataEnd))) return false;
          break;
        default:
      }
    }
    return true;
  }

  #readCookie(cookie: Buffer, address: string): boolean {
    if (cookie.length !== CLIENT_COOKIE_BYTES && (cookie.length < MIN_COOKIE || cookie.length > MAX_COOKIE)) {
      return false;
    }
    const { cookieSecrets, now } = this.#settings;
    const secrets = cookieSecrets();
    const fromClient = cookie.subarray(0, CLIENT_COOKIE_BYTES);
    const fromUs = cookie.subarray(CLIENT_COOKIE_BYTES);
    const state = checkServerCookie(secrets, fromClient, fromUs, address, now());
    this.cookie = state === 'bad' ? 'client' : 'good';
    const at = this.#head(Option.cookie, CLIENT_COOKIE_BYTES + SERVER_COOKIE_BYTES);
    this.bytes.set(fromClient, at);
    if (state === 'good') this.bytes.set(fromUs, at + CLIENT_COOKIE_BYTES);
    else writeServerCookie(secrets[0], fromClient, address, now(), this.bytes, at + CLIENT_COOKIE_BYTES);
    return true;
  }

  /** RFC 7871, 6 and 7.1.2: malformed ones are FORMERR. The scope says that the answer is for that network alone. */
  #readSubnet(subnet: Buffer): boolean {
    if (subnet.length < 4 || subnet[3] !== 0) return false;
    const family = uint16(subnet, 0);
    const prefix = subnet[2]!;
    const size = family === 1 ? 4 : 16;
    if ((family !== 1 && family !== 2) || prefix > 8 * size) return false;
    if (subnet.length !== 4 + Math.ceil(prefix / 8)) return false;
    // RFC 7871, 6: bits beyond the prefix are 0.
    if (prefix % 8 !== 0 && (subnet.at(-1)! & (0xff >> (prefix % 8))) !== 0) return false;
    const at = this.#head(Option.clientSubnet, subnet.length);
    this.bytes.set(subnet, at);
    this.bytes[at + 3] = prefix;
    if (prefix === 0) return true;
    const address = Buffer.alloc(size);
    subnet.copy(address, 0, 4);
    this.subnet = textualAddress(address);
    return true;
  }

  #put(code: number, data: Uint8Array): void {
    this.bytes.set(data, this.#head(code, data.length));
  }

  /** Writes an option's head. @returns where its data goes */
  #head(code: number, length: number): number {
    putUint16(this.bytes, this.length, code);
    putUint16(this.bytes, this.length + 2, length);
    const at = this.length + 4;
    this.length = at + length;
    return at;
  }
}

/** An address of 4 or 16 bytes as text. */
export function textualAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => uint16(bytes, 2 * index).toString(16));
  const text = groups.join(':');
  return ipFamily(text) === undefined ? '::' : text;
}
