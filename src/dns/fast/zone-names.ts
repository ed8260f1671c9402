/**
 * Which names certainly do not exist, and the finished denial of them: the form of names in the zone makes
 * the service's name, its namespace's or the one below the zone the first that is missing.
 */
import { NameCounts } from './name-counts.ts';
import { nameHash, sameName } from './name-hash.ts';

/** A zone that is served, with the answer to every name in it that does not exist. */
export interface ServedZone {
  /** Its name in wire form, lower-cased. */
  readonly name: Uint8Array;
  /** Of labels. */
  readonly depth: number;
  /** Blocks (see block.ts), one after the other. */
  readonly denials: Int32Array;
  /** Length of a name in bytes → offset of its denial; 0 where names in the zone cannot be so short. */
  readonly denialAt: Int32Array;
}

/** A service of which all names below it are known. */
export interface ListedService {
  /** Its name in wire form, lower-cased, and the hash of that. */
  readonly name: Uint8Array;
  readonly hash: number;
  /** The counter of change that the list depends on; see AnswerTable. */
  readonly counter: number;
  /** Hashes of the names below it. */
  readonly below: Int32Array;
  /** Whether labels that read as an address may be names as well. */
  readonly dashed: boolean;
}

/** More services than this are not listed at a time: it begins anew. */
const MAX_LISTED = 1024;

const SVC = 3 | (0x73 << 8) | (0x76 << 16) | (0x63 << 24);

export class ZoneNames {
  /** After {@link denial} found one: the words that it is in. */
  held: Int32Array = new Int32Array(0);
  readonly #names = new NameCounts();
  #zones: readonly (ServedZone & { readonly view: DataView })[] = [];
  // Hash of a service's name → what is below it.
  readonly #listed = new Map<number, Listed>();
  #seed = 0;

  /** @param zones none = nothing is known to be missing */
  reset(seed: number, zones: readonly ServedZone[], names: Int32Array): void {
    this.#seed = seed;
    this.#zones = zones.map((zone) => ({
      ...zone,
      view: new DataView(zone.name.buffer, zone.name.byteOffset, zone.name.length),
    }));
    this.#names.clear();
    this.#listed.clear();
    this.add(names);
  }

  /** @param names hashes of names that exist from now on */
  add(names: Iterable<number>): void {
    for (const hash of names) this.#names.add(hash);
  }

  remove(names: Iterable<number>): void {
    for (const hash of names) this.#names.remove(hash);
  }

  list({ name, hash, counter, below, dashed }: ListedService): void {
    if (this.#listed.size >= MAX_LISTED) this.#listed.clear();
    const names = new NameCounts();
    for (const each of below) names.add(each);
    const view = new DataView(name.buffer, name.byteOffset, name.length);
    this.#listed.set(hash, { view, counter, names, dashed });
  }

  /** @param counters of what changed */
  unlist(counters: readonly number[]): void {
    if (this.#listed.size === 0) return;
    for (const [hash, { counter }] of this.#listed) if (counters.includes(counter)) this.#listed.delete(hash);
  }

  /**
   * The denial of a name that certainly does not exist, as the offset of a block; 0 where it may exist.
   *
   * @param asked holds the name from `start` to `end`
   * @param labels offsets of its labels from `start`
   * @param count of labels
   */
  denial(asked: DataView, start: number, end: number, labels: Uint16Array, count: number): number {
    const zone = this.#zoneOf(asked, start, end, labels, count);
    if (zone === undefined) return 0;
    // Labels below the zone, innermost last: is a service, its namespace, or what they stand under missing?
    let label = count - zone.depth - 1;
    if (label < 0) return 0;
    const top = start + labels[label]!;
    if (this.#exists(asked, top, end)) {
      // Below other names than svc.Z the zone's own answer is written in another way, or they are not all known.
      if ((asked.getInt32(top, true) | 0x2020_2000) !== SVC) return 0;
      if (--label < 0) return 0;
      if (this.#exists(asked, start + labels[label]!, end)) {
        if (--label < 0) return 0;
        const service = start + labels[label]!;
        if (
          this.#exists(asked, service, end) &&
          (label === 0 || this.#mayExistBelow(asked, start, service, end))
        ) {
          return 0;
        }
      }
    }
    this.held = zone.denials;
    return zone.denialAt[end - start]!;
  }

  #mayExistBelow(asked: DataView, start: number, service: number, end: number): boolean {
    const listed = this.#listed.get(nameHash(asked, service, end, this.#seed));
    if (listed === undefined) return true;
    const length = end - service;
    if (listed.view.byteLength !== length || !sameName(asked, service, listed.view, 0, length)) return true;
    return (
      (listed.dashed && isDashed(asked, start)) || listed.names.has(nameHash(asked, start, end, this.#seed))
    );
  }

  #exists(asked: DataView, start: number, end: number): boolean {
    return this.#names.has(nameHash(asked, start, end, this.#seed));
  }

  /** The closest zone that the name is in. */
  #zoneOf(
    asked: DataView,
    start: number,
    end: number,
    labels: Uint16Array,
    count: number,
  ): ServedZone | undefined {
    let closest: ServedZone | undefined;
    for (let index = 0; index < this.#zones.length; index++) {
      const zone = this.#zones[index]!;
      if (zone.depth > count || (closest !== undefined && closest.depth >= zone.depth)) continue;
      const length = zone.name.length;
      const at = zone.depth === count ? start : start + labels[count - zone.depth]!;
      if (end - at === length && sameName(asked, at, zone.view, 0, length)) closest = zone;
    }
    return closest;
  }
}

interface Listed {
  readonly view: DataView;
  readonly counter: number;
  readonly names: NameCounts;
  readonly dashed: boolean;
}

/** Whether the first label of a name has hexadecimal digits and dashes alone. */
function isDashed(asked: DataView, start: number): boolean {
  const end = start + 1 + asked.getUint8(start);
  for (let at = start + 1; at < end; at++) {
    const byte = asked.getUint8(at) | 0x20;
    // With that bit, digits and the dash stay as they are.
    if (!(byte === 0x2d || (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
  }
  return true;
}
