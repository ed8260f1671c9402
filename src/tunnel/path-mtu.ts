/**
 * How large a packet gets through a tunnel, found out by packets of growing size (RFC 8899, PLPMTUD): what
 * routers on the way say of it is filtered in many networks, and then large packets vanish without a word.
 *
 * Sizes are of IP packets inside of the tunnel, in bytes; times are of a monotonic clock, in milliseconds.
 */

/** Nothing smaller is tried: the 576 bytes that every IPv4 host takes, less what the costliest driver adds. */
export const LEAST_MTU = 420;
/** Lost so often in a row, while smaller packets get through, a size is too large. RFC 8899, 5.1.2: 3. */
const TRIES = 4;
/** A search ends when it is known as exactly as that. */
const STEP = 4;
/** Sizes that are asked for at once. */
const AT_ONCE = 6;
/** What is in use is confirmed so often: a way that has become narrower shows by nothing else. */
const CONFIRM_MS = 2000;
/** So long after a search it is looked whether more gets through by now (RFC 8899, 5.1.1: PMTU_RAISE_TIMER). */
export const RAISE_MS = 600_000;
/** The other end answers not even the smallest: it may be of a version that does not know how. */
const UNANSWERED_MS = 30_000;

type Phase =
  | { readonly is: 'searching'; open: readonly number[]; tries: number; nextAt: number }
  | { readonly is: 'settled'; tries: number; nextAt: number; readonly raiseAt: number }
  | { readonly is: 'unanswered'; readonly nextAt: number };

export class PathMtu {
  #room: number;
  /** What became known in another way than by packets of that size. */
  #limit = Infinity;
  #mtu: number;
  /** The largest size that is known to get through, 0 = none; and the smallest that is known not to. */
  #low = 0;
  #high: number;
  #phase: Phase;
  #findings = 0;

  /**
   * @param room what the tunnel's device takes: no more is tried
   * @param believed what was found out before this process started
   */
  constructor(room: number, now: number, believed = room) {
    this.#room = room;
    this.#mtu = Math.min(room, believed);
    this.#high = room + 1;
    this.#phase = this.#search(now, this.#mtu);
  }

  /** What to use now. Until something else is known it is what it was before, at first all that there is room for. */
  get mtu(): number {
    return this.#mtu;
  }

  /** Whether {@link mtu} is what was found out; else it is being looked for, or the other end does not answer. */
  get isSettled(): boolean {
    return this.#phase.is === 'settled';
  }

  /** Whether {@link limit} is the reason for it. */
  get isTold(): boolean {
    return this.#limit < this.#room;
  }

  /** Goes up with everything that is found out. */
  get findings(): number {
    return this.#findings;
  }

  setRoom(room: number, now: number): void {
    if (room === this.#room) return;
    this.#room = room;
    this.#mtu = Math.min(this.#mtu, this.#most);
    this.#low = 0;
    this.#high = this.#most + 1;
    this.#phase = this.#search(now, this.#mtu);
  }

  /**
   * The node has been told by a router that no more than `size` gets through in one piece. Its kernel cuts the
   * tunnel's packets from then on, so that larger ones are answered too, at the price of two for one.
   */
  limit(size: number, now: number): void {
    const most = Math.max(LEAST_MTU, size);
    if (most >= this.#most) return;
    this.#limit = most;
    this.#high = Math.min(this.#high, most + 1);
    this.#low = Math.min(this.#low, most);
    this.#mtu = Math.min(this.#mtu, most);
    this.#findings++;
    if (this.#phase.is === 'settled') this.#settle(now);
    else if (this.#phase.is === 'searching') {
      this.#phase.open = this.#phase.open.filter((open) => open <= most);
      if (this.#phase.open.length === 0) this.#goOn(now);
    }
  }

  /**
   * The sizes of which a packet is to be sent now.
   * @param isAlive whether small packets are answered: where they are not, large ones tell nothing
   * @param waitMs how long an answer may take
   * @param mayGrow whether it makes sense to look for more than is known
   */
  due(now: number, isAlive: boolean, waitMs: number, mayGrow = true): readonly number[] {
    const phase = this.#phase;
    if (!isAlive) {
      if (phase.is !== 'unanswered') phase.tries = 0;
      return [];
    }
    if (now < phase.nextAt) return [];
    switch (phase.is) {
      case 'unanswered':
        this.#phase = this.#search(now, this.#mtu);
        return this.due(now, isAlive, waitMs, mayGrow);
      case 'settled':
        if (mayGrow && now >= phase.raiseAt) {
          this.#limit = Infinity;
          this.#high = this.#room + 1;
          this.#phase = { is: 'searching', open: this.#between(), tries: 0, nextAt: now };
          return this.due(now, isAlive, waitMs, mayGrow);
        }
        if (phase.tries >= TRIES) {
          this.#low = 0;
          this.#high = this.#mtu;
          this.#phase = this.#search(now, this.#mtu);
          return this.due(now, isAlive, waitMs, mayGrow);
        }
        phase.tries++;
        phase.nextAt = now + waitMs;
        return [this.#mtu];
      case 'searching':
        if (phase.tries >= TRIES) {
          if (this.#low === 0) {
            this.#phase = { is: 'unanswered', nextAt: now + UNANSWERED_MS };
            return [];
          }
          this.#high = Math.min(this.#high, ...phase.open);
          this.#goOn(now);
          return this.due(now, isAlive, waitMs, mayGrow);
        }
        phase.tries++;
        phase.nextAt = now + waitMs;
        return phase.open;
      default:
        return phase satisfies never;
    }
  }

  /** The other end had a packet of this size. */
  answered(size: number, now: number): void {
    if (size > this.#room) return;
    const phase = this.#phase;
    switch (phase.is) {
      case 'unanswered':
        return;
      case 'settled':
        if (size < this.#mtu) return;
        phase.tries = 0;
        phase.nextAt = now + CONFIRM_MS;
        return;
      case 'searching':
        // Where it was late the size had been given up already, and gets through yet.
        this.#low = Math.max(this.#low, Math.min(size, this.#most));
        this.#high = Math.max(this.#high, this.#low + 1);
        phase.open = phase.open.filter((open) => open > this.#low);
        if (phase.open.length === 0) this.#goOn(now);
        return;
      default:
        phase satisfies never;
    }
  }

  get #most(): number {
    return Math.min(this.#room, this.#limit);
  }

  /** Once it is known of all sizes that were asked for: the next ones, or the end. */
  #goOn(now: number): void {
    // What is known to vanish is left at once; what may be more is not taken before it is known.
    if (this.#mtu >= this.#high) {
      this.#mtu = this.#low;
      this.#findings++;
    }
    if (this.#high - this.#low <= STEP || this.#between().length === 0) this.#settle(now);
    else this.#phase = { is: 'searching', open: this.#between(), tries: 0, nextAt: now };
  }

  #settle(now: number): void {
    this.#mtu = Math.max(this.#low, LEAST_MTU);
    this.#findings++;
    const raiseAt = this.#mtu < this.#room ? now + RAISE_MS : Infinity;
    this.#phase = { is: 'settled', tries: 0, nextAt: now + CONFIRM_MS, raiseAt };
  }

  /** From nothing: the smallest size, the largest and what is believed, and some between. */
  #search(now: number, believed: number): Phase {
    const most = this.#high - 1;
    const sizes = [LEAST_MTU, ...spread(LEAST_MTU, most, AT_ONCE - 2), believed, most];
    const open = [...new Set(sizes)].filter((size) => size <= most).toSorted((a, b) => a - b);
    return { is: 'searching', open, tries: 0, nextAt: now };
  }

  #between(): readonly number[] {
    const isUntried = this.#high > this.#most;
    return [...spread(this.#low, this.#high, AT_ONCE - 1), ...(isUntried ? [this.#most] : [])].filter(
      (size, i, all) => size > this.#low && size < this.#high && all.indexOf(size) === i,
    );
  }
}

/** So many sizes between the two, as far from each other as can be. */
function spread(low: number, high: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => low + Math.round(((high - low) * (i + 1)) / (count + 1)));
}
