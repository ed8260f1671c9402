/**
 * The sessions of Pharos's CoreDNS plugins: they ask in their clients' names, keep the answers, and are told
 * when one holds no longer (docs/explanation/exact-cache.md). Nothing is remembered of what a plugin keeps:
 * every change is announced to every plugin, by a number.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { AnswerSource } from '../zone/records.ts';
import { ChangeJournal } from './change-journal.ts';
import type { Counters } from './counters.ts';
import { encodeAnswer } from './encode.ts';
import { BARE_OPT } from './edns.ts';
import { At, HEADER_BYTES, MAX_MESSAGE, putUint16, putUint32, Rcode } from './header.ts';
import { readRequest, Request } from './request.ts';
import {
  announcement,
  type Changes,
  dependencyId,
  mayKeep,
  MAX_CHANGES,
  PROMISE_OPT_BYTES,
  readSessionMessage,
  readShimQuery,
  retryDelay,
  type ShimQuery,
  writePromise,
  writeSessionCode,
  writeWelcome,
} from './shim-wire.ts';
import { MessageWriter } from './writer.ts';

/** Changes within this time are announced together; the first of them at once. Milliseconds. */
const GATHER_MS = 10;
/** A plugin that lets this many bytes lie is cut off: it begins anew when it has time again. */
const MAX_UNREAD_BYTES = 256 * 1024;
/** How long a plugin shall stay away from a server that closes; milliseconds. */
const RETRY_DELAY_MS = 1000;
/** RFC 8490, 5.1.1: what is not understood is answered by this code. */
const RCODE_DSO_TYPE_NOT_IMPLEMENTED = 11;

interface Deps {
  readonly source: AnswerSource;
  readonly counters: Counters;
  /** Whether the peer with this address may ask in others' names. */
  readonly trusts: (address: string) => boolean;
}

export class ShimSessions {
  // Of this process alone: nobody takes another one's generations for ours.
  readonly #epoch = randomBytes(8).toString('hex');
  readonly #deps: Deps;
  readonly #journal = new ChangeJournal();
  readonly #open = new Set<ShimSession>();
  readonly #unsubscribe: () => void;
  readonly #request = new Request();
  readonly #writer = new MessageWriter(Buffer.alloc(MAX_MESSAGE));
  #timer: NodeJS.Timeout | undefined;
  #announcedAt = -Infinity;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#unsubscribe = deps.source.subscribe((changed) => {
      this.#journal.add(changed === 'all' ? 'all' : [...changed].map(dependencyId).filter((id) => id !== 0));
      this.#schedule();
    });
  }

  /** A part in the conversation for a connection whose peer is trusted; undefined for all others. */
  accept(socket: Socket, address: string): ShimSession | undefined {
    return this.#deps.trusts(address) ? new ShimSession(socket, this) : undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#unsubscribe();
  }

  /** Opens a session. @returns the length of the response */
  join(session: ShimSession, request: Buffer, epoch: string, generation: number, out: Buffer): number {
    const missed = epoch === this.#epoch ? this.#changesSince(generation) : this.#changesSince(-1);
    session.told = missed.generation;
    this.#open.add(session);
    this.#deps.counters.shimSessions = this.#open.size;
    return writeWelcome(request, this.#epoch, missed, out);
  }

  leave(session: ShimSession): void {
    this.#open.delete(session);
    this.#deps.counters.shimSessions = this.#open.size;
  }

  /** Answers a plugin's query. @returns the length of the response; undefined = it is none of a plugin's */
  answer(query: Buffer, out: Buffer): number | undefined {
    const request = this.#request;
    if (readRequest(query, query.length, request) !== 'query') return undefined;
    const asked = readShimQuery(query, request.questionEnd);
    return asked && this.#answer(query, asked, out);
  }

  #answer(query: Buffer, { turn, client }: ShimQuery, out: Buffer): number {
    const { source, counters } = this.#deps;
    const labels = this.#request.labels();
    const asker = client === undefined ? { turn } : { turn, client };
    const answer = source.answer({ labels, type: this.#request.type }, asker);
    const question = query.subarray(HEADER_BYTES, this.#request.questionEnd);
    const { bytes, additionals, serialAt, opt } = encodeAnswer(answer, question, labels, this.#writer);
    out.set(bytes, 0);
    query.copy(out, 0, 0, 2);
    if (serialAt !== 0) putUint32(out, serialAt, source.serial);
    putUint16(out, At.additionals, additionals + 1);
    counters.queries.tcp++;
    counters.responses[out[3]! & 0x0f]!++;
    const promised = {
      keep: mayKeep(answer),
      generation: this.#journal.generation,
      dependency: dependencyId(answer.dependsOn),
      period: answer.kind === 'records' ? answer.period : 1,
      serialAt,
    };
    // Text for people does not push out records.
    const room = bytes.length + PROMISE_OPT_BYTES + opt.length <= MAX_MESSAGE;
    return writePromise(promised, room ? opt : BARE_OPT, out, bytes.length);
  }

  #changesSince(generation: number): Changes {
    const changed = this.#journal.after(generation);
    const known = changed !== 'all' && changed.length <= MAX_CHANGES;
    return {
      generation: this.#journal.generation,
      serial: this.#deps.source.serial,
      changed: known ? changed : 'all',
    };
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#open.size === 0) return;
    const wait = Math.max(this.#announcedAt + GATHER_MS - performance.now(), 0);
    this.#timer = setTimeout(() => this.#announce(), wait);
  }

  #announce(): void {
    this.#timer = undefined;
    this.#announcedAt = performance.now();
    // Generation → what follows it: nearly always one, since all are told at once.
    const byGeneration = new Map<number, Buffer>();
    for (const session of this.#open) {
      let bytes = byGeneration.get(session.told);
      if (bytes === undefined) {
        bytes = announcement(this.#changesSince(session.told));
        byGeneration.set(session.told, bytes);
      }
      session.told = this.#journal.generation;
      if (!session.tell(bytes)) this.#deps.counters.shimCutOff++;
    }
  }
}

/** One connection of a plugin's. */
export class ShimSession {
  /** Up to which generation it was told of changes. */
  told = 0;
  readonly #socket: Socket;
  readonly #sessions: ShimSessions;

  constructor(socket: Socket, sessions: ShimSessions) {
    this.#socket = socket;
    this.#sessions = sessions;
    socket.on('close', () => sessions.leave(this));
  }

  /** Answers what is a plugin's to ask. @returns the length of the response; undefined = it is a query like others */
  respond(message: Buffer, out: Buffer): number | undefined {
    const asked = readSessionMessage(message);
    switch (asked.is) {
      case 'none':
        return this.#sessions.answer(message, out);
      case 'session':
        return this.#sessions.join(this, message, asked.epoch, asked.generation, out);
      case 'probe':
        return writeSessionCode(message, Rcode.noError, out);
      case 'malformed':
        return writeSessionCode(message, Rcode.formErr, out);
      case 'unknown':
        return writeSessionCode(message, RCODE_DSO_TYPE_NOT_IMPLEMENTED, out);
      default:
        return asked satisfies never;
    }
  }

  /** Sends an announcement. @returns false where the plugin does not read: then the connection is over */
  tell(bytes: Buffer): boolean {
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) {
      this.#socket.destroy();
      this.#sessions.leave(this);
      return false;
    }
    this.#socket.write(bytes);
    return true;
  }

  /** Asks the plugin to go elsewhere before the server closes. */
  retire(): void {
    this.#socket.write(retryDelay(RETRY_DELAY_MS));
  }
}
