/** Zone transfers over TCP: AXFR (RFC 5936) and IXFR (RFC 1995), message by message as the client takes them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ResourceRecord } from '../../zone/records.ts';
import { BARE_OPT } from '../edns.ts';
import { At, Flag, HEADER_BYTES, putUint16, Rcode, uint16 } from '../header.ts';
import { readRequest, Request, TYPE_IXFR } from '../request.ts';
import { checkTsig, type Seal, sealed } from '../tsig.ts';
import type { Signing } from '../tsig-keys.ts';
import { MessageWriter } from '../writer.ts';
import type { Step } from './journal.ts';
import type { FollowedZone, ZoneFollower } from './zone-follower.ts';

/** Messages no longer than pointers reach: names in them are written once. */
const MESSAGE_BYTES = 0x3fff;
/** Transfers at a time: each holds a state of the zone. */
const TRANSFERS = 32;

export class Transfers {
  readonly #follower: ZoneFollower;
  readonly #signing: Signing | undefined;
  #running = 0;
  /** Finished transfers, by what was sent. */
  readonly counts = { whole: 0, steps: 0, nothing: 0, refused: 0 };

  /** @param signing absent = nothing is signed */
  constructor(follower: ZoneFollower, signing?: Signing) {
    this.#follower = follower;
    this.#signing = signing;
  }

  /** The messages of a transfer. @param query whose client may have it; its bytes are not used after the first `next` */
  async *open(given: Buffer): AsyncGenerator<Buffer> {
    const query = Buffer.from(given);
    const request = new Request();
    readRequest(query, query.length, request);
    const seal = this.#sealOf(query, request);
    const name = request.labels().join('.');
    const zone = this.#follower.zones.find(({ origin }) => origin.labels.join('.') === name);
    await this.#follower.settled();
    const rcode =
      zone === undefined
        ? Rcode.notAuth
        : zone.journal.serial === 0 || this.#running >= TRANSFERS
          ? Rcode.servFail
          : undefined;
    if (zone === undefined || rcode !== undefined) {
      this.counts.refused++;
      yield sealed(errorMessage(query, request, rcode ?? Rcode.servFail), seal);
      return;
    }
    this.#running++;
    try {
      const serial = request.type === TYPE_IXFR ? serialIn(query, request) : undefined;
      yield* messages(query, request, this.#records(zone, serial), seal);
    } finally {
      this.#running--;
    }
  }

  /** The signature was found good before; the answer goes on from it. */
  #sealOf(query: Buffer, { tsigAt }: Request): Seal | undefined {
    if (this.#signing === undefined || tsigAt === 0) return undefined;
    return checkTsig(query, tsigAt, this.#signing)?.seal;
  }

  /** @param serial that the client has, where it said so */
  #records(zone: FollowedZone, serial: number | undefined): Iterable<ResourceRecord> {
    const { journal } = zone;
    const difference = serial === undefined ? ({ is: 'whole' } as const) : journal.since(serial);
    const soa = (at?: number): ResourceRecord => this.#follower.soa(zone, at);
    switch (difference.is) {
      case 'nothing':
        this.counts.nothing++;
        return [soa()];
      case 'steps':
        this.counts.steps++;
        return stepwise(soa, difference.steps);
      case 'whole':
        this.counts.whole++;
        return wholly(soa(), journal.contents());
      default:
        return difference satisfies never;
    }
  }
}

/** RFC 5936, 2.2: the SOA, the rest, and the SOA again. */
function* wholly(
  soa: ResourceRecord,
  parts: readonly (readonly ResourceRecord[])[],
): Generator<ResourceRecord> {
  yield soa;
  for (const part of parts) yield* part;
  yield soa;
}

/** RFC 1995, 4: the new SOA, then each step as old SOA, what went, new SOA, what came; the new SOA again. */
function* stepwise(
  soa: (serial?: number) => ResourceRecord,
  steps: readonly Step[],
): Generator<ResourceRecord> {
  const newest = soa(steps.at(-1)?.to);
  yield newest;
  for (const { from, to, removed, added } of steps) {
    yield soa(from);
    yield* removed;
    yield soa(to);
    yield* added;
  }
  yield newest;
}

async function* messages(
  query: Buffer,
  request: Request,
  records: Iterable<ResourceRecord>,
  seal: Seal | undefined,
): AsyncGenerator<Buffer> {
  const writer = new MessageWriter(Buffer.alloc(MESSAGE_BYTES));
  const room = MESSAGE_BYTES - (seal?.bytes ?? 0);
  const iterator = records[Symbol.iterator]();
  let next = iterator.next();
  for (let first = true; next.done !== true; first = false) {
    // Only the first message has the question (RFC 5936, 2.2.1), and OPT where the client sent it.
    if (first)
      writer.start(
        query.subarray(HEADER_BYTES, request.questionEnd),
        request.labels(),
        room - BARE_OPT.length,
      );
    else writer.start(Buffer.alloc(0), [], room);
    let answers = 0;
    while (next.done !== true && writer.records([next.value]) === 1) {
      answers++;
      next = iterator.next();
    }
    const opt = first && request.edns;
    const message = opt ? Buffer.concat([writer.finish(), BARE_OPT]) : writer.finish();
    message.set(query.subarray(At.id, At.id + 2));
    message[2] = Flag.response | Flag.authoritative;
    putUint16(message, At.questions, first ? 1 : 0);
    putUint16(message, At.answers, answers);
    putUint16(message, At.additionals, opt ? 1 : 0);
    yield sealed(message, seal);
    // Between two messages everybody else is answered.
    await nextTurn();
  }
}

function errorMessage(query: Buffer, request: Request, rcode: Rcode): Buffer {
  const message = Buffer.alloc(request.questionEnd);
  query.copy(message, HEADER_BYTES, HEADER_BYTES, request.questionEnd);
  message.set(query.subarray(At.id, At.id + 2));
  message[2] = Flag.response;
  message[3] = rcode;
  putUint16(message, At.questions, 1);
  return message;
}

/** The serial in the SOA of the authority section (RFC 1995, 3); undefined where there is none. */
function serialIn(query: Buffer, request: Request): number | undefined {
  if (uint16(query, At.answers) !== 0 || uint16(query, At.authorities) !== 1) return undefined;
  // The record was walked over when the query was read: its data ends with five numbers, the serial first.
  let at = request.questionEnd;
  while (query[at]! !== 0 && query[at]! < 0xc0) at += query[at]! + 1;
  at += query[at] === 0 ? 1 : 2;
  const end = at + 10 + uint16(query, at + 8);
  const isSoa = uint16(query, at) === 6 && end - at >= 10 + 22;
  return isSoa ? query.readUInt32BE(end - 20) : undefined;
}
