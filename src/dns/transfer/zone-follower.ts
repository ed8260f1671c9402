/** Keeps the journals of a server's zones up with the zone that it answers from, a few milliseconds at a time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { recordsOfApex, recordsOfService, reverseRecordsOfService } from '../../zone/contents.ts';
import { parseOrigin, type Origin } from '../../zone/name.ts';
import { RRType, type Dependency, type ResourceRecord } from '../../zone/records.ts';
import type { Zone } from '../../zone/zone.ts';
import { Journal } from './journal.ts';

/** How long queries may wait for this; milliseconds. */
const SLICE_MS = 3;
/** Records in all steps of one zone: about 20 MB. */
const JOURNAL_RECORDS = 50_000;
const APEX = 'apex';

export interface FollowedZone {
  readonly origin: Origin;
  readonly journal: Journal;
}

export class ZoneFollower {
  readonly zones: readonly FollowedZone[];
  readonly #zone: Zone;
  readonly #onCommit: () => void;
  // Parts to look at again: "namespace/name" of services, and the apex.
  readonly #dirty = new Set<string>();
  readonly #unsubscribe: () => void;
  #working: Promise<void> | undefined;
  #closed = false;

  /**
   * @param origins reverse zones may be among them
   * @param onCommit told after the journals have come to a new serial
   */
  constructor(zone: Zone, origins: readonly string[], onCommit: () => void) {
    this.#zone = zone;
    this.#onCommit = onCommit;
    this.zones = origins.map((origin) => ({
      origin: parseOrigin(origin),
      journal: new Journal(JOURNAL_RECORDS),
    }));
    this.#unsubscribe = zone.subscribe((changed) => this.#note(changed));
    if (zone.synced) this.#note('all');
  }

  /** Resolves when the journals have the zone's own serial, or the zone is not complete yet. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** The SOA as it is answered, with the serial of the journal. */
  soa({ origin, journal }: FollowedZone, serial = journal.serial): ResourceRecord {
    const answer = this.#zone.answer({ labels: origin.labels, type: RRType.SOA }, { turn: 0 });
    const [soa] = answer.kind === 'records' ? answer.answer : [];
    if (soa?.type !== 'SOA') throw new Error(`${origin.name} has no SOA, but ${answer.kind}`);
    return { ...soa, serial };
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
  }

  #note(changed: 'all' | ReadonlySet<Dependency>): void {
    if (changed === 'all') {
      this.#dirty.add(APEX);
      for (const { journal } of this.zones) for (const part of journal.partNames()) this.#dirty.add(part);
      for (const { namespace, name } of this.#zone.services()) this.#dirty.add(`${namespace}/${name}`);
    } else {
      for (const dependency of changed) {
        if (dependency === APEX) this.#dirty.add(APEX);
        else if (dependency.startsWith('service:')) this.#dirty.add(dependency.slice('service:'.length));
      }
    }
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** What changes meanwhile is looked at too; then all parts are of one moment, which is when the serial counts. */
  async #work(): Promise<void> {
    // Changes of one turn are one step.
    await nextTurn();
    let began = performance.now();
    while (this.#dirty.size > 0 && !this.#closed) {
      for (const part of this.#dirty) {
        this.#dirty.delete(part);
        for (const { origin, journal } of this.zones) journal.set(part, this.#recordsOf(part, origin));
        if (performance.now() - began > SLICE_MS) break;
      }
      if (this.#dirty.size === 0) break;
      await nextTurn();
      began = performance.now();
    }
    if (this.#closed) return;
    for (const { journal } of this.zones) journal.commit(this.#zone.serial);
    this.#onCommit();
  }

  #recordsOf(part: string, { labels }: Origin): readonly ResourceRecord[] {
    if (part === APEX) return recordsOfApex(this.#zone, labels);
    const [namespace = '', name = ''] = part.split('/');
    const service = this.#zone.service(namespace, name);
    if (service === undefined) return [];
    return labels.at(-1) === 'arpa'
      ? reverseRecordsOfService(this.#zone, labels, this.#zone.origins[0]?.name ?? '', service)
      : recordsOfService(this.#zone, labels, service);
  }
}
