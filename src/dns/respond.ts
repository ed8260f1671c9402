/**
 * The query path: a query's bytes in, a response's bytes out. It knows no sockets; every transport calls it
 * with its own buffers. All of it is synchronous.
 */
import type { AnswerSource } from '../zone/records.ts';
import { type Counters, DURATION_BOUNDS, type Transport } from './counters.ts';
import { OWN_UDP_SIZE } from './edns.ts';
import { encodeAnswer, type Finished } from './encode.ts';
import type { KeptAnswer } from './fast/entry.ts';
import type { TableFeed } from './fast/table-feed.ts';
import { Flag, HEADER_BYTES, MAX_MESSAGE, Rcode } from './header.ts';
import { readRequest, Request, type Verdict } from './request.ts';
import { writeError, writeFinished, writeTruncated } from './response.ts';
import type { WireCache } from './wire-cache.ts';
import { MessageWriter } from './writer.ts';

/** Who sent a query: dgram's `rinfo` is one, and so is a socket's own record of its peer. */
export interface Client {
  readonly address: string;
}

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
 * @returns the length of the response; 0 = none is due
 */
export type Respond = (
  query: Buffer,
  length: number,
  client: Client,
  transport: Transport,
  out: Buffer,
  miss?: TableMiss,
) => number;

const REFUSALS: Readonly<Record<Exclude<Verdict, 'query' | 'drop'>, Rcode>> = {
  formerr: Rcode.formErr,
  notimp: Rcode.notImp,
  badvers: Rcode.badVers,
  refused: Rcode.refused,
};

/** One query in this many is timed. */
const SAMPLING = 64;

export function createResponder(deps: {
  readonly source: AnswerSource;
  readonly cache: WireCache;
  readonly counters: Counters;
  /** Makes the answers that tables keep; absent where there are none. */
  readonly feed?: TableFeed;
  /** Told of an exception in answering, which is a bug; the client has SERVFAIL. */
  readonly onFailure: (error: unknown) => void;
}): Respond {
  const { source, cache, counters, feed } = deps;
  const request = new Request();
  const writer = new MessageWriter(Buffer.alloc(MAX_MESSAGE));
  // The turn of questions that nothing is kept for: rises with each of them.
  let turns = 0;

  function error(query: Buffer, rcode: Rcode, out: Buffer): number {
    counters.responses[rcode]!++;
    return writeError(query, request, rcode, out);
  }

  /** Asks the zone, and keeps the answer for the next time: in the table that lacks it, or under `key`. */
  function compute(query: Buffer, key: string | TableMiss, client: Client, turn: number): Finished {
    const labels = request.labels();
    const answer = source.answer({ labels, type: request.type }, { client: client.address, turn });
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
    return write(finished, query, out, Math.min(request.udpSize, OWN_UDP_SIZE));
  }

  function write(finished: Finished, query: Buffer, out: Buffer, limit: number): number {
    const length = writeFinished(finished, source.serial, query, request, out, limit);
    counters.responses[out[3]! & 0x0f]!++;
    if (length > 0) return length;
    counters.truncated++;
    return -length;
  }

  function answer(query: Buffer, client: Client, transport: Transport, out: Buffer): number {
    const limit = transport === 'tcp' ? MAX_MESSAGE : Math.min(request.udpSize, OWN_UDP_SIZE);
    const key = request.key.toString('latin1', 0, request.keyLength);
    const kept = cache.get(key);
    const turn = kept === undefined ? turns++ : kept.takeTurn();
    let finished = kept?.at(turn);
    if (typeof finished === 'object') {
      counters.cacheHits++;
    } else {
      counters.cacheMisses++;
      if (finished !== undefined && finished > limit) {
        counters.truncated++;
        counters.responses[Rcode.noError]!++;
        return writeTruncated(query, request, Flag.response | Flag.authoritative, out);
      }
      finished = compute(query, key, client, turn);
    }
    return write(finished, query, out, limit);
  }

  function respond(
    query: Buffer,
    length: number,
    client: Client,
    transport: Transport,
    out: Buffer,
    miss: TableMiss | undefined,
  ): number {
    const verdict = readRequest(query, length, request);
    if (verdict === 'drop') {
      counters.dropped++;
      return 0;
    }
    if (verdict !== 'query') return error(query, REFUSALS[verdict], out);
    try {
      return miss === undefined ? answer(query, client, transport, out) : fillIn(query, client, out, miss);
    } catch (cause) {
      counters.failures++;
      deps.onFailure(cause);
      return error(query, Rcode.servFail, out);
    }
  }

  return (query, length, client, transport, out, miss) => {
    const number = ++counters.queries[transport];
    if (number % SAMPLING !== 0) return respond(query, length, client, transport, out, miss);
    const started = performance.now();
    const written = respond(query, length, client, transport, out, miss);
    const seconds = (performance.now() - started) / 1000;
    const bucket = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    counters.durations[bucket < 0 ? DURATION_BOUNDS.length : bucket]!++;
    counters.durationSum += seconds;
    return written;
  };
}
