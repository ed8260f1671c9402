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

const SVC = 3 | (0x73 << 8) | (0x76 << 16) | (0x63 << 24);

export class ZoneNames {
  /** After {@link denial} found one: the words that it is in. */
  held: Int32Array = new Int32Array(0);
  readonly #names = new NameCounts();
  #zones: readonly (ServedZone & { readonly view: DataView })[] = [];
  #seed = 0;

  /** @param zones none = nothing is known to be missing */
  reset(seed: number, zones: readonly ServedZone[], names: Int32Array): void {
    this.#seed = seed;
    this.#zones = zones.map((zone) => ({
      ...zone,
      view: new DataView(zone.name.buffer, zone.name.byteOffset, zone.name.length),
    }));
    this.#names.clear();
    this.add(names);
  }

  /** @param names hashes of names that exist from now on */
  add(names: Iterable<number>): void {
    for (const hash of names) this.#names.add(hash);
  }

  remove(names: Iterable<number>): void {
    for (const hash of names) this.#names.remove(hash);
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
        if (--label < 0 || this.#exists(asked, start + labels[label]!, end)) return 0;
      }
    }
    this.held = zone.denials;
    return zone.denialAt[end - start]!;
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
