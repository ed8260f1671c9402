/**
 * The query path: a query's bytes in, a response's bytes out. It knows no sockets; every transport calls it
 * with its own buffers. All of it is synchronous.
 */
import { EdeCode } from '../zone/absence.ts';
import { type AnswerSource, RRType } from '../zone/records.ts';
import type { Client } from './client.ts';
import { type Counters, DURATION_BOUNDS, type Transport } from './counters.ts';
import { BARE_OPT, optRecord, OWN_UDP_SIZE } from './edns.ts';
import { encodeAnswer, type Finished } from './encode.ts';
import type { KeptAnswer } from './fast/entry.ts';
import type { TableFeed } from './fast/table-feed.ts';
import { At, Flag, HEADER_BYTES, MAX_MESSAGE, putUint16, Rcode } from './header.ts';
import { identityText, writeIdentity } from './identity.ts';
import { Options } from './options.ts';
import type { Protocol } from './protocol.ts';
import { readProxyHeader } from './proxy-protocol.ts';
import { type RateLimiter, sharedNow } from './rate-limit.ts';
import { readRequest, Request, TYPE_IXFR, type Verdict } from './request.ts';
import { writeError, writeFinished, writeOpt, writeTruncated } from './response.ts';
import { checkTsig, type Seal, TsigError } from './tsig.ts';
import type { WireCache } from './wire-cache.ts';
import { MessageWriter } from './writer.ts';

/** The room that `out` must have, by transport, in bytes. */
export const RESPONSE_ROOM: Readonly<Record<Transport, number>> = { udp: OWN_UDP_SIZE, tcp: MAX_MESSAGE };

/** That a table of finished answers lacks the answer to a query, which has nothing out of the ordinary. */
export interface TableMiss {
  /** The turn that it lacks; -1 = it does not know the question. */
  readonly turn: number;
  /** Puts the answer into the table. */
  keep(answer: KeptAnswer): void;
}

/**
 * Answers the first `length` bytes of `query` into `out`, which must have {@link RESPONSE_ROOM} and must
 * not be the query's own memory. Never throws.
 * @returns the length of the response; 0 = none is due; {@link TRANSFER} = the client may have the whole zone that
 * it asks for over TCP, which is more than one response
 */
export type Respond = (
  query: Buffer,
  length: number,
  client: Client,
  transport: Transport,
  out: Buffer,
  miss?: TableMiss,
) => number;

/** What {@link Respond} returns for a zone transfer that is allowed. */
export const TRANSFER = -1;

/** An error, and the OPT record that says why. */
interface Refusal {
  readonly rcode: Rcode;
  readonly opt: Buffer;
}

const refusal = (rcode: Rcode, code?: number, text = ''): Refusal => ({
  rcode,
  opt: code === undefined ? BARE_OPT : optRecord({ code, text }),
});

const REFUSALS: Readonly<Record<Exclude<Verdict, 'query' | 'drop' | 'transfer'>, Refusal>> = {
  formerr: refusal(Rcode.formErr),
  notimp: refusal(Rcode.notImp, EdeCode.notSupported, 'only queries are answered'),
  badvers: refusal(Rcode.badVers),
  refused: refusal(Rcode.refused, EdeCode.notSupported, 'only class IN is served'),
  chaos: refusal(Rcode.refused, EdeCode.notSupported, 'only class IN is served'),
};
const BAD_COOKIE = refusal(Rcode.badCookie);
const NO_TRANSFER = refusal(Rcode.refused, EdeCode.prohibited, 'zone transfers are not for this address');
const NO_KEY = refusal(Rcode.refused, EdeCode.prohibited, 'zone transfers need a signature');
const BADLY_SIGNED = refusal(Rcode.notAuth);
const NOT_OVER_UDP = refusal(Rcode.refused, EdeCode.notSupported, 'AXFR is for TCP');
const FAILED = refusal(Rcode.servFail);

/** One query in this many is timed. */
const SAMPLING = 64;

export function createResponder(deps: {
  readonly source: AnswerSource;
  readonly cache: WireCache;
  readonly counters: Counters;
  /** Makes the answers that tables keep; absent where there are none. */
  readonly feed?: TableFeed;
  readonly protocol: Protocol;
  /** For UDP, shared with all that answer it; absent = no limit. */
  readonly limiter?: RateLimiter | undefined;
  /** Told of an exception in answering, which is a bug; the client has SERVFAIL. */
  readonly onFailure: (error: unknown) => void;
}): Respond {
  const { source, cache, counters, feed, protocol, limiter } = deps;
  const { identity, trusts, mayTransfer, signing } = protocol;
  const request = new Request();
  const options = new Options(protocol);
  const writer = new MessageWriter(Buffer.alloc(MAX_MESSAGE));
  // The turn of questions that nothing is kept for: rises with each of them.
  let turns = 0;
  // What signs the answer to the query at hand.
  let seal: Seal | undefined;

  function error(query: Buffer, { rcode, opt }: Refusal, out: Buffer): number {
    counters.responses[rcode]!++;
    return writeError(query, request, options, rcode, opt, out);
  }

  function truncated(query: Buffer, out: Buffer): number {
    counters.truncated++;
    counters.responses[Rcode.noError]!++;
    return writeTruncated(query, request, options, Flag.response | Flag.authoritative, out);
  }

  /** Asks the zone, and keeps the answer for the next time: in the table that lacks it, or under `key`. */
  function compute(query: Buffer, key: string | TableMiss, client: Client, turn: number): Finished {
    const labels = request.labels();
    const asker = { client: options.subnet ?? client.address, turn };
    const answer = source.answer({ labels, type: request.type }, asker);
    const question = query.subarray(HEADER_BYTES, request.questionEnd);
    const finished = encodeAnswer(answer, question, labels, writer);
    if (typeof key === 'string') cache.keep(key, answer, turn, finished);
    else {
      const kept = feed?.kept(request, answer, turn, finished);
      if (kept !== undefined) key.keep(kept);
    }
    return finished;
  }

  /** Answers what a table lacks, for the table. */
  function fillIn(query: Buffer, client: Client, out: Buffer, miss: TableMiss): number {
    counters.cacheMisses++;
    const finished = compute(query, miss, client, miss.turn < 0 ? turns++ : miss.turn);
    return write(finished, query, out, limitFor('udp'));
  }

  function write(finished: Finished, query: Buffer, out: Buffer, limit: number): number {
    const length = writeFinished(finished, source.serial, query, request, options, out, limit);
    counters.responses[out[3]! & 0x0f]!++;
    if (length > 0) return length;
    counters.truncated++;
    return -length;
  }

  const limitFor = (transport: Transport): number =>
    (transport === 'tcp' ? MAX_MESSAGE : Math.min(request.udpSize, OWN_UDP_SIZE)) - (seal?.bytes ?? 0);

  function answer(query: Buffer, client: Client, transport: Transport, out: Buffer): number {
    const limit = limitFor(transport);
    const key = request.key.toString('latin1', 0, request.keyLength);
    const kept = cache.get(key);
    const turn = kept === undefined ? turns++ : kept.takeTurn();
    let finished = kept?.at(turn);
    if (typeof finished === 'object') {
      counters.cacheHits++;
    } else {
      counters.cacheMisses++;
      if (finished !== undefined && finished > limit) return truncated(query, out);
      finished = compute(query, key, client, turn);
    }
    return write(finished, query, out, limit);
  }

  /** What to do with a query over the rate limit: undefined = it is not over it. */
  function limited(query: Buffer, client: Client, out: Buffer): number | undefined {
    // Whoever shows a cookie of ours is where it says it is.
    if (limiter === undefined || options.cookie === 'good') return undefined;
    const verdict = limiter.check(client.address, sharedNow());
    if (verdict === 'answer') return undefined;
    if (verdict === 'drop') {
      counters.rateDropped++;
      return 0;
    }
    counters.rateSlipped++;
    // RFC 7873, 5.2.3: who takes part in cookies need not come over TCP to be known.
    return options.cookie === 'client' ? error(query, BAD_COOKIE, out) : truncated(query, out);
  }

  function chaos(query: Buffer, out: Buffer): number {
    const text = identity && identityText(identity, request);
    if (text === undefined) return error(query, REFUSALS.chaos, out);
    counters.responses[Rcode.noError]!++;
    const end = writeIdentity(query, request, text, out);
    if (!request.edns) return end;
    putUint16(out, At.additionals, 1);
    return writeOpt(BARE_OPT, request.dnssecOk, options, out, end);
  }

  function transfer(query: Buffer, client: Client, transport: Transport, out: Buffer): number {
    if (!mayTransfer(client.address)) return error(query, NO_TRANSFER, out);
    if (signing !== undefined && seal === undefined) return error(query, NO_KEY, out);
    if (transport === 'tcp') return TRANSFER;
    if (request.type !== TYPE_IXFR) return error(query, NOT_OVER_UDP, out);
    // RFC 1995, 2: the SOA alone, which sends the client to TCP where it has an older one.
    request.type = RRType.SOA;
    putUint16(request.key, request.keyLength - 2, RRType.SOA);
    return answer(query, client, transport, out);
  }

  function respond(
    query: Buffer,
    length: number,
    client: Client,
    transport: Transport,
    out: Buffer,
    miss?: TableMiss,
  ): number {
    const verdict = readRequest(query, length, request);
    options.reset();
    seal = undefined;
    if (verdict === 'drop') {
      counters.dropped++;
      return 0;
    }
    if (request.optionsEnd !== 0) {
      const trusted = trusts(client.address);
      if (!options.read(query, request.optionsAt, request.optionsEnd, client, trusted)) {
        options.reset();
        return error(query, REFUSALS.formerr, out);
      }
    }
    // A PROXY header looks like a query of opcode 1.
    if (verdict === 'notimp' && transport === 'udp' && trusts(client.address)) {
      const header = readProxyHeader(query.subarray(0, length));
      if (header.is === 'header') {
        const proxied = header.source === undefined ? client : { ...client, address: header.source };
        return respond(query.subarray(header.length), length - header.length, proxied, transport, out);
      }
    }
    if (transport === 'udp') {
      const instead = limited(query, client, out);
      if (instead !== undefined) return instead;
    }
    if (signing === undefined || request.tsigAt === 0 || verdict === 'formerr') {
      return act(verdict, query, client, transport, out, miss);
    }
    const checked = checkTsig(query.subarray(0, length), request.tsigAt, signing);
    if (checked === undefined) return error(query, REFUSALS.formerr, out);
    ({ seal } = checked);
    options.padded = false;
    const end =
      checked.error === TsigError.none
        ? act(verdict, query, client, transport, out, miss)
        : error(query, BADLY_SIGNED, out);
    return end > 0 ? seal.put(out, end) : end;
  }

  function act(
    verdict: Exclude<Verdict, 'drop'>,
    query: Buffer,
    client: Client,
    transport: Transport,
    out: Buffer,
    miss: TableMiss | undefined,
  ): number {
    switch (verdict) {
      case 'query':
        return miss === undefined ? answer(query, client, transport, out) : fillIn(query, client, out, miss);
      case 'chaos':
        return chaos(query, out);
      case 'transfer':
        return transfer(query, client, transport, out);
      case 'formerr':
      case 'notimp':
      case 'badvers':
      case 'refused':
        return error(query, REFUSALS[verdict], out);
      default:
        throw new Error(`No message is ${JSON.stringify(verdict satisfies never)}`);
    }
  }

  function safely(
    query: Buffer,
    length: number,
    client: Client,
    transport: Transport,
    out: Buffer,
    miss: TableMiss | undefined,
  ): number {
    try {
      return respond(query, length, client, transport, out, miss);
    } catch (cause) {
      counters.failures++;
      deps.onFailure(cause);
      return error(query, FAILED, out);
    }
  }

  return (query, length, client, transport, out, miss) => {
    const number = ++counters.queries[transport];
    if (number % SAMPLING !== 0) return safely(query, length, client, transport, out, miss);
    const started = performance.now();
    const written = safely(query, length, client, transport, out, miss);
    const seconds = (performance.now() - started) / 1000;
    const bucket = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    counters.durations[bucket < 0 ? DURATION_BOUNDS.length : bucket]!++;
    counters.durationSum += seconds;
    return written;
  };
}
