/**
 * Answers ordinary queries straight from finished bytes: no string, no object, no call into anything that
 * decides. A query that it does not answer is for the responder, for whatever reason: the answer is not in the
 * table, EDNS has options, another class, an odd header.
 *
 * An answer is made where the query is: its header changed in place, its question left as it came, finished records
 * behind that.
 */
import { BARE_OPT, OptAt, OWN_UDP_SIZE } from '../edns.ts';
import { CLASS_IN, Flag, HEADER_BYTES, putUint16, putUint32, uint16 } from '../header.ts';
import type { RateVerdict } from '../rate-limit.ts';
import type { AnswerTable } from './answer-table.ts';
import { BlockAt, words } from './block.ts';
import { type FastCounts, FastCount } from './fast-counts.ts';
import { nameHash, questionHash } from './name-hash.ts';
import type { ZoneNames } from './zone-names.ts';

const MAX_NAME = 255;
const MAX_LABEL = 63;
const MAX_LABELS = 127;
const CLASSIC_UDP_SIZE = 512;
const TYPE_OPT = 41;
const DNSSEC_OK = 0x80;
const OPT_BYTES = BARE_OPT.length;

/** Queries longer than this are never answered here. */
export const MAX_FAST_QUERY = HEADER_BYTES + MAX_NAME + 4 + OPT_BYTES;
/** What a query must have from its start on: room for the answer, and for the padding of its last word. */
export const ANSWER_ROOM = OWN_UDP_SIZE + 3;

/** The first word of the counts, as little-endian: one question, no answers. */
const ONE_QUESTION = 0x0000_0100;
/** The second: no authorities, one additional. */
const ONE_ADDITIONAL = 0x0100_0000;

export class FastPath {
  /** Of the answer made last, in bytes; 0 = it is not to be sent. */
  length = 0;
  /**
   * Of the query that was not answered last: undefined = it is no ordinary one; else what `AnswerTable.missedTurn`
   * says.
   */
  missed: number | undefined;
  serial = 0;
  seed = 0;
  readonly #table: AnswerTable;
  readonly #names: ZoneNames;
  readonly #counts: FastCounts;
  readonly #limit: (() => RateVerdict) | undefined;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #labels = new Uint16Array(MAX_LABELS + 1);

  /**
   * @param packets where queries are, and their answers
   * @param limit asked before each answer: whose it is, whoever made this knows
   */
  constructor(deps: {
    readonly table: AnswerTable;
    readonly names: ZoneNames;
    readonly counts: FastCounts;
    readonly packets: ArrayBufferLike;
    readonly limit?: (() => RateVerdict) | undefined;
  }) {
    this.#table = deps.table;
    this.#names = deps.names;
    this.#counts = deps.counts;
    this.#limit = deps.limit;
    this.#bytes = new Uint8Array(deps.packets);
    this.#view = new DataView(deps.packets);
  }

  /**
   * @param at offset of the query, with {@link ANSWER_ROOM}
   * @param length of the query in bytes
   * @returns whether it was answered; if not, the query is as it was
   */
  answer(at: number, length: number): boolean {
    this.missed = undefined;
    const query = this.#bytes;
    if (length < HEADER_BYTES + 5 || length > MAX_FAST_QUERY) return false;
    if ((query[at + 2]! & (Flag.response | Flag.opcode)) !== 0) return false;
    if (this.#view.getInt32(at + 4, true) !== ONE_QUESTION) return false;
    const more = this.#view.getInt32(at + 8, true);
    if (more !== 0 && more !== ONE_ADDITIONAL) return false;
    const edns = more !== 0;

    const name = at + HEADER_BYTES;
    // After the name come type and class at least.
    const limit = at + length - 4;
    const labels = this.#labels;
    let count = 0;
    let end = name;
    for (;;) {
      if (end >= limit) return false;
      const label = query[end]!;
      if (label === 0) break;
      if (label > MAX_LABEL) return false;
      labels[count++] = end - name;
      end += label + 1;
    }
    end++;
    if (end - name > MAX_NAME) return false;
    if (uint16(query, end + 2) !== CLASS_IN) return false;
    const questionEnd = end + 4;
    let size = CLASSIC_UDP_SIZE;
    let dnssecOk = false;
    if (edns) {
      // OPT with the root as its owner, version 0, and no options.
      if (questionEnd + OPT_BYTES !== at + length || query[questionEnd] !== 0) return false;
      if (uint16(query, questionEnd + 1) !== TYPE_OPT || query[questionEnd + 6] !== 0) return false;
      if (uint16(query, questionEnd + 9) !== 0) return false;
      size = Math.min(Math.max(uint16(query, questionEnd + 3), CLASSIC_UDP_SIZE), OWN_UDP_SIZE);
      dnssecOk = (query[questionEnd + OptAt.dnssecOk]! & DNSSEC_OK) !== 0;
    } else if (questionEnd !== at + length) {
      return false;
    }

    const type = uint16(query, end);
    const hash = questionHash(nameHash(this.#view, name, end, this.seed), type);
    let block = this.#table.find(this.#view, name, (end - name) | (type << 16), hash);
    let held = this.#table.held;
    if (block === 0) {
      this.missed = this.#table.missedTurn;
      if (this.missed >= 0 || !isDeniable(type)) return false;
      block = this.#names.denial(this.#view, name, end, labels, count);
      if (block === 0) return false;
      held = this.#names.held;
    }
    const verdict = this.#limit === undefined ? 'answer' : this.#limit();
    if (verdict === 'answer') {
      this.#write(held, block, at, questionEnd, at + size - questionEnd, edns, dnssecOk);
    } else if (verdict === 'slip') {
      this.#counts[FastCount.rateSlipped]!++;
      this.#writeTruncated(held[block + BlockAt.header]!, at, questionEnd, edns, dnssecOk);
    } else {
      this.#counts[FastCount.rateDropped]!++;
      this.#counts[FastCount.queries]!++;
      this.length = 0;
    }
    return true;
  }

  /**
   * The same choices as `writeFinished` makes.
   * @param out where the question ends
   * @param room bytes that records and OPT may take
   */
  #write(
    held: Int32Array,
    block: number,
    at: number,
    out: number,
    room: number,
    edns: boolean,
    dnssecOk: boolean,
  ): void {
    const query = this.#bytes;
    const header = held[block + BlockAt.header]!;
    const sizes = held[block + BlockAt.sizes]!;
    const extras = held[block + BlockAt.extras]!;
    let records = sizes & 0xffff;
    let additionals = header >>> 16;
    let opt = 0;
    if (edns) {
      opt = extras & 0xffff;
      if (records + opt > room) opt = OPT_BYTES;
      room -= opt;
    }
    // The OPT record behind the records is the one to send, unless one of the two was cut.
    let optFollows = edns && opt === (extras & 0xffff);
    if (records > room) {
      records = sizes >>> 16;
      additionals = 0;
      optFollows &&= records === (sizes & 0xffff);
      if (records > room) {
        this.#writeTruncated(header, at, out, edns, dnssecOk);
        return;
      }
    }
    const length = words(optFollows ? records + opt : records);
    const view = this.#view;
    const from = block + BlockAt.records;
    for (let index = 0; index < length; index++) view.setInt32(out + 4 * index, held[from + index]!, true);
    if (edns) {
      if (!optFollows) this.#writeOpt(out + records);
      if (dnssecOk) query[out + records + OptAt.dnssecOk] = DNSSEC_OK;
    }
    const serialAt = extras >>> 16;
    if (serialAt !== 0) putUint32(query, out + serialAt, this.serial);
    query[at + 2] = (header & 0xff) | (query[at + 2]! & Flag.recursion);
    query[at + 3] = header >>> 8;
    const sections = held[block + BlockAt.counts]!;
    putUint16(query, at + 6, sections & 0xffff);
    putUint16(query, at + 8, sections >>> 16);
    putUint16(query, at + 10, additionals + (edns ? 1 : 0));
    this.length = out - at + records + opt;
    const counts = this.#counts;
    counts[FastCount.firstRcode + (query[at + 3]! & 0x0f)]!++;
    counts[FastCount.queries]!++;
  }

  #writeTruncated(header: number, at: number, out: number, edns: boolean, dnssecOk: boolean): void {
    const query = this.#bytes;
    query[at + 2] = (header & 0xff) | Flag.truncated | (query[at + 2]! & Flag.recursion);
    query[at + 3] = 0;
    query.fill(0, at + 6, at + HEADER_BYTES);
    this.length = out - at;
    if (edns) {
      query[at + 11] = 1;
      this.#writeOpt(out);
      if (dnssecOk) query[out + OptAt.dnssecOk] = DNSSEC_OK;
      this.length += OPT_BYTES;
    }
    const counts = this.#counts;
    counts[FastCount.firstRcode]!++;
    counts[FastCount.truncated]!++;
    counts[FastCount.queries]!++;
  }

  #writeOpt(at: number): void {
    for (let index = 0; index < OPT_BYTES; index++) this.#bytes[at + index] = BARE_OPT[index]!;
  }
}

/** OPT and zone transfers as a question get another answer than that the name does not exist. */
const isDeniable = (type: number): boolean => type !== TYPE_OPT && type !== 251 && type !== 252;
