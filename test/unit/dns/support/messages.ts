import dnsPacket, { type DecodedPacket } from 'dns-packet';
import { Counters, type Transport } from '../../../../src/dns/counters.ts';
import type { Client } from '../../../../src/dns/client.ts';
import { defaultProtocol, type Protocol } from '../../../../src/dns/protocol.ts';
import { RateLimiter, sharedRateLimit } from '../../../../src/dns/rate-limit.ts';
import { createResponder, RESPONSE_ROOM } from '../../../../src/dns/respond.ts';
import { type CacheBounds, WireCache } from '../../../../src/dns/wire-cache.ts';
import type { AnswerSource } from '../../../../src/zone/records.ts';

/** A query built by hand, so that it can be wrong in any way. */
export interface QueryOptions {
  readonly name?: string;
  readonly type?: number;
  readonly class?: number;
  readonly id?: number;
  /** Bytes 2 and 3 of the header; RD alone unless told otherwise. */
  readonly flags?: number;
  readonly counts?: readonly [questions: number, answers: number, authorities: number, additionals: number];
  /** Bytes after the question; they count as one additional record each. */
  readonly extra?: readonly Buffer[];
}

export function query(options: QueryOptions = {}): Buffer {
  const { name = 'a.clusterset.local', type = 1, id = 0x1234, flags = 0x0100, extra = [] } = options;
  const [questions, answers, authorities, additionals] = options.counts ?? [1, 0, 0, extra.length];
  const header = uint16s(id, flags, questions, answers, authorities, additionals);
  return Buffer.concat([header, wireName(name), uint16s(type, options.class ?? 1), ...extra]);
}

export function uint16s(...values: number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
}

export function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** An OPT record. */
export function opt(
  options: { size?: number; version?: number; dnssecOk?: boolean; data?: Buffer } = {},
): Buffer {
  const { size = 4096, version = 0, dnssecOk = false, data = Buffer.alloc(0) } = options;
  const rest = Buffer.from([0, version, dnssecOk ? 0x80 : 0, 0]);
  return Buffer.concat([Buffer.from([0]), uint16s(41, size), rest, uint16s(data.length), data]);
}

/** An option inside an OPT record. */
export function option(code: number, data: Buffer): Buffer {
  return Buffer.concat([uint16s(code, data.length), data]);
}

/** A response as a second DNS library reads it, with what that library does not show. */
export interface Reading extends DecodedPacket {
  readonly rcode: number;
  readonly bytes: Buffer;
}

export function read(bytes: Buffer): Reading {
  return { ...dnsPacket.decode(bytes), rcode: bytes[3]! & 0x0f, bytes };
}

/** The query path without sockets. */
export function queryPath(
  source: AnswerSource,
  bounds: CacheBounds = { entries: 1000, bytes: 1e7 },
  settings: Partial<Protocol> = {},
) {
  const counters = new Counters();
  const cache = new WireCache(source, bounds);
  const failures: unknown[] = [];
  const protocol = { ...defaultProtocol(), ...settings };
  const onFailure = (error: unknown): void => void failures.push(error);
  const limiter = protocol.rateLimit && new RateLimiter(sharedRateLimit(protocol.rateLimit));
  const respond = createResponder({ source, cache, counters, protocol, limiter, onFailure });
  const room = { udp: Buffer.alloc(RESPONSE_ROOM.udp), tcp: Buffer.alloc(RESPONSE_ROOM.tcp) };
  /** The response's bytes, or undefined where none is due. */
  const send = (
    message: Buffer,
    transport: Transport = 'udp',
    client: Client = { address: '192.0.2.1' },
  ): Buffer | undefined => {
    const length = respond(message, message.length, client, transport, room[transport]);
    return length === 0 ? undefined : Buffer.from(room[transport].subarray(0, length));
  };
  /** The response, read. */
  const ask = (message: Buffer, transport: Transport = 'udp', client?: Client): Reading => {
    const response = send(message, transport, client);
    if (response === undefined) throw new Error('there was no response');
    return read(response);
  };
  return { ask, send, respond, counters, cache, failures };
}
