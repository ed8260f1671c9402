/**
 * The content of a zone and its last changes, as secondaries get them: whole (AXFR) or step by step (IXFR,
 * RFC 1995). Pure: it is told of contents and serials, and knows no zone.
 */
import type { ResourceRecord } from '../../zone/records.ts';
import { isAfter } from './serial.ts';

/** One change: what went and what came between two serials. */
export interface Step {
  readonly from: number;
  readonly to: number;
  readonly removed: readonly ResourceRecord[];
  readonly added: readonly ResourceRecord[];
}

/** What to send to a secondary that has some serial. */
export type Difference =
  | { readonly is: 'nothing' }
  | { readonly is: 'steps'; readonly steps: readonly Step[] }
  /** Its serial is not known here any more, or the whole is shorter. */
  | { readonly is: 'whole' };

export class Journal {
  /** Of the last commit. */
  serial = 0;
  readonly #limit: number;
  // Some part of the zone (a service) → its records.
  readonly #parts = new Map<string, readonly ResourceRecord[]>();
  #records = 0;
  #steps: Step[] = [];
  // Records in all steps.
  #kept = 0;
  // What the next step takes away and brings, by its text.
  readonly #removed = new Map<string, ResourceRecord>();
  readonly #added = new Map<string, ResourceRecord>();

  /** @param limit records that the steps may hold in all; the oldest steps go first */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The records of all parts, as they are now; later changes do not change it. */
  contents(): readonly (readonly ResourceRecord[])[] {
    return [...this.#parts.values()];
  }

  partNames(): Iterable<string> {
    return this.#parts.keys();
  }

  /** A part is this from now on; none = it is gone. Counts from the next {@link commit} on. */
  set(part: string, records: readonly ResourceRecord[]): void {
    const before = this.#parts.get(part) ?? [];
    const [old, now] = [byText(before), byText(records)];
    // What comes back within one step, or goes again, is not part of it.
    for (const [text, record] of old) {
      if (!now.has(text) && !this.#added.delete(text)) this.#removed.set(text, record);
    }
    for (const [text, record] of now) {
      if (!old.has(text) && !this.#removed.delete(text)) this.#added.set(text, record);
    }
    this.#records += now.size - old.size;
    if (now.size === 0) this.#parts.delete(part);
    else this.#parts.set(part, [...now.values()]);
  }

  /** What was set since the last commit is one step, to this serial. */
  commit(serial: number): void {
    const [removed, added] = [[...this.#removed.values()], [...this.#added.values()]];
    const step = { from: this.serial, to: serial, removed, added };
    this.#removed.clear();
    this.#added.clear();
    if (serial === this.serial) {
      if (removed.length + added.length > 0)
        throw new Error(`The zone changed without its serial, which is still ${serial}`);
      return;
    }
    this.serial = serial;
    this.#steps.push(step);
    this.#kept += sizeOf(step);
    while (this.#kept > this.#limit && this.#steps.length > 0) {
      this.#kept -= sizeOf(this.#steps.shift()!);
    }
  }

  /** How a secondary with this serial gets to ours. */
  since(serial: number): Difference {
    // One that is ahead of us follows another server; RFC 1995, 2: it is told ours, and decides.
    if (!isAfter(this.serial, serial)) return { is: 'nothing' };
    const first = this.#steps.findIndex(({ from }) => from === serial);
    if (first < 0) return { is: 'whole' };
    const steps = this.#steps.slice(first);
    const size = steps.reduce((sum, step) => sum + sizeOf(step), 0);
    return size > this.#records ? { is: 'whole' } : { is: 'steps', steps };
  }
}

/** With the SOA before each of its halves. */
const sizeOf = ({ removed, added }: Step): number => removed.length + added.length + 2;

/** No RRset holds two equal records (RFC 2181, 5), also where two names of a part are the same one. */
const byText = (records: readonly ResourceRecord[]): ReadonlyMap<string, ResourceRecord> =>
  new Map(records.map((record) => [JSON.stringify(record), record]));
