import type { ConnectionState } from '../api/tunnel.ts';

export interface ProbeTimes {
  readonly intervalMs: number;
  /** Silence of so many intervals means that the other end is gone. */
  readonly missed: number;
}

/** Answers in a row after which a tunnel that was silent has settled. */
const SETTLED_AFTER = 10;
/** Probes that the loss is counted over. */
const WINDOW = 50;
const DEGRADED_FROM = 0.05;
const SOUND_BELOW = 0.02;
/** A tunnel that has never answered for so long is in error; it goes on being tried. */
const CONNECT_MS = 10_000;

/** What probes tell of one tunnel. Times are of a monotonic clock, in milliseconds. */
export class LinkHealth {
  readonly #times: ProbeTimes;
  readonly #sent = new Map<number, number>(); // sequence number → when it was sent, while it may be answered
  /** Of the last probes whose fate is known, the latest last. */
  #fates: boolean[] = [];
  #sequence = 0;
  #inARow = 0;
  /** When the first probe of {@link #inARow} was sent. */
  #rowSince = 0;
  #wasUp = false;
  #lastAnswer: number | undefined;
  /** Probes since the last answer. */
  #unanswered = 0;
  /** Until then a tunnel that was in use before this process started counts as alive. */
  readonly #trustedUntil: number;
  readonly #startedAt: number;
  #smoothed: number | undefined;
  #jitter = 0;
  #state: ConnectionState = 'connecting';
  #reason: string | undefined;
  #since: number;

  constructor(times: ProbeTimes, now: number, trustMs = 0) {
    this.#times = times;
    this.#startedAt = now;
    this.#since = now;
    this.#trustedUntil = now + trustMs;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** When it came into this state. */
  get since(): number {
    return this.#since;
  }

  /** Smoothed, as TCP does it (RFC 6298). */
  get roundTripMs(): number | undefined {
    return this.#smoothed;
  }

  get jitterMs(): number {
    return this.#jitter;
  }

  /** 0 to 1, of the last 50 probes. */
  get loss(): number {
    return this.#fates.length === 0
      ? 0
      : this.#fates.filter((answered) => !answered).length / this.#fates.length;
  }

  /**
   * Whether it was answered of late, or is trusted to be.
   * @param patience how much longer a silence than usual is borne
   */
  isAlive(now: number, patience = 1): boolean {
    if (this.#lastAnswer === undefined) return now < this.#trustedUntil;
    // Who did not ask has no silence to complain of: this process may have been stopped for a while.
    return now - this.#lastAnswer <= this.#silenceMs * patience || this.#unanswered < this.#times.missed - 1;
  }

  isSettled(now: number): boolean {
    return this.isAlive(now) && (this.#inARow >= SETTLED_AFTER || this.#state !== 'error');
  }

  /** When, if no answer comes, it will be dead. */
  get deadline(): number {
    return this.#lastAnswer === undefined ? this.#trustedUntil : this.#lastAnswer + this.#silenceMs;
  }

  /** @returns the number that the probe must carry. */
  send(now: number): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#sent.set(this.#sequence, now);
    this.#unanswered++;
    return this.#sequence;
  }

  /** An answer to a probe of ours came back. Others are ignored. @returns whether it was one. */
  receive(sequence: number, now: number): boolean {
    const sentAt = this.#sent.get(sequence);
    if (sentAt === undefined) return false;
    this.#sent.delete(sequence);
    const roundTrip = now - sentAt;
    if (this.#smoothed === undefined) this.#smoothed = roundTrip;
    else {
      this.#jitter += (Math.abs(roundTrip - this.#smoothed) - this.#jitter) / 4;
      this.#smoothed += (roundTrip - this.#smoothed) / 8;
    }
    this.#fate(true);
    if (this.#inARow++ === 0) this.#rowSince = sentAt;
    this.#lastAnswer = now;
    this.#unanswered = 0;
    return true;
  }

  /** Looks at what has become due. To be called after each answer, and when {@link deadline} has passed. */
  evaluate(now: number): void {
    // A probe counts as lost once silence of that length would mean the end: it may be slow until then.
    for (const [sequence, sentAt] of this.#sent) {
      if (now - sentAt <= this.#silenceMs) break;
      this.#sent.delete(sequence);
      this.#fate(false);
      // What was lost before the answers in a row began does not interrupt them.
      if (sentAt > this.#rowSince) this.#inARow = 0;
    }
    const { state, reason } = this.#judge(now);
    if (state !== this.#state) this.#since = now;
    this.#state = state;
    this.#reason = reason;
  }

  #judge(now: number): { readonly state: ConnectionState; readonly reason: string | undefined } {
    if (this.#lastAnswer === undefined) {
      if (now - this.#startedAt < CONNECT_MS)
        return { state: 'connecting', reason: 'no probe was answered yet' };
      return { state: 'error', reason: 'no probe was ever answered' };
    }
    if (!this.isAlive(now)) return { state: 'error', reason: 'probes are no longer answered' };
    if (this.#state === 'error' && this.#inARow < SETTLED_AFTER && this.#wasUp) {
      return { state: 'error', reason: 'probes are answered again, not yet for long enough' };
    }
    this.#wasUp = true;
    const { loss } = this;
    const isLossy = loss >= (this.#state === 'degraded' ? SOUND_BELOW : DEGRADED_FROM);
    if (isLossy && this.#fates.length >= WINDOW / 2) {
      return { state: 'degraded', reason: `${Math.round(loss * 100)} of 100 probes are lost` };
    }
    return { state: 'connected', reason: undefined };
  }

  /** At least three round trips, so that a long way is not taken for a broken one. */
  get #silenceMs(): number {
    return Math.max(this.#times.intervalMs * this.#times.missed, 3 * (this.#smoothed ?? 0));
  }

  #fate(answered: boolean): void {
    this.#fates.push(answered);
    if (this.#fates.length > WINDOW) this.#fates.shift();
  }
}
