import { type Kind, Kinds } from '../api/kinds.ts';
import type { Lease } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from './clock.ts';

/** What an election needs of a store. Failures carry a `code`, of which `conflict` has a meaning here. */
interface LeaseStore {
  get(
    kind: Kind<Lease>,
    ref: { readonly name: string; readonly namespace: string },
  ): Promise<Lease | undefined>;
  apply(
    kind: Kind<Lease>,
    lease: Lease,
    options: { readonly if: 'absent' | { readonly resourceVersion: string } },
  ): Promise<Lease>;
}

export interface LeaseTimes {
  /** For so long after its last renewal a silent leader is left in peace by others. */
  readonly leaseMs: number;
  /** A leader that could not renew for so long stops to lead; well below `leaseMs`. */
  readonly renewDeadlineMs: number;
  /** Between attempts, to become leader as well as to renew. */
  readonly retryMs: number;
}

/** For Leases of so many seconds; for 15 these are Kubernetes' own defaults. */
export const leaseTimes = (seconds: number): LeaseTimes => ({
  leaseMs: seconds * 1000,
  renewDeadlineMs: (seconds * 1000 * 2) / 3,
  retryMs: (seconds * 1000 * 2) / 15,
});

export interface LeaderElectionOptions {
  readonly store: LeaseStore;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process. */
  readonly identity: string;
  readonly times?: LeaseTimes;
  /** What the one that leads tells with each renewal. */
  readonly annotations?: () => Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/**
 * Leader election by a Lease (coordination.k8s.io), as client-go does it: at most one of the processes that
 * use the same Lease leads, provided that their clocks run at about the same speed. What the clocks show
 * does not matter: a leader counts as silent when its Lease has not *changed* for `leaseMs` by our own clock.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #times: LeaseTimes;
  /** The Lease as last seen, and when that state of it was seen first (monotonic). */
  #seen: { readonly lease: Lease; readonly since: number } | undefined;
  /** When our last successful renewal was sent (monotonic). */
  #renewedAt = -Infinity;
  #leading = false;
  /** How often this process became leader, and stopped to be, since its start. */
  transitions = 0;
  #failures = 0;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#times = options.times ?? leaseTimes(15);
  }

  /**
   * Whether this process leads at this very moment. A process that was asleep hears of its lost leadership
   * late: the time since the last renewal counts, too, so that who asks before each write is fenced off.
   */
  get isLeader(): boolean {
    return this.#leading && this.#options.clock.monotonic() < this.#renewedAt + this.#times.renewDeadlineMs;
  }

  /**
   * A number that rises with each change of leader, by the API server's clock also where the Lease was made
   * anew: what a leader writes elsewhere may carry it, so that the late write of an earlier one shows.
   */
  get epoch(): number {
    const { metadata, spec } = this.#seen?.lease ?? {};
    const created = Date.parse(metadata?.creationTimestamp ?? '') || 0;
    return epochOf(created, spec?.leaseTransitions ?? 0);
  }

  /** Who held the Lease when it was last seen; undefined where nobody did. */
  get holder(): string | undefined {
    const holder = this.#seen?.lease.spec.holderIdentity;
    return holder === '' ? undefined : holder;
  }

  /**
   * Runs `lead` whenever this process is leader. Its signal aborts when leadership is lost or `signal`
   * aborts; it must stop then and resolve. Afterwards this process stands for election again, until
   * `signal` aborts or `lead` ends by itself. The Lease is given back before this resolves.
   *
   * @throws what `lead` throws
   */
  async run(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      const acquired = await this.#attempt('acquire');
      if (acquired !== 'held') {
        await this.#options.clock.sleep(this.#pauseMs(), signal);
        continue;
      }
      let ended = false;
      try {
        ended = await this.#term(signal, lead);
      } finally {
        if (this.holder === this.#options.identity) await this.#release();
      }
      if (ended) return;
    }
  }

  /** @returns whether `lead` ended by itself. */
  async #term(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<boolean> {
    const { clock, log, identity, namespace, name } = this.#options;
    const lost = new AbortController();
    const leading = AbortSignal.any([signal, lost.signal]);
    let cancel: () => void = () => {};
    const watchDeadline = (): void => {
      const leftMs = this.#renewedAt + this.#times.renewDeadlineMs - clock.monotonic();
      if (leftMs <= 0) lost.abort();
      else cancel = clock.after(leftMs, watchDeadline);
    };
    watchDeadline();
    this.#setLeading(true);
    log.info({ namespace, lease: name, identity }, 'Became leader');
    const ended = new AbortController();
    const renewing = this.#renew(AbortSignal.any([leading, ended.signal]), lost);
    try {
      if (!leading.aborted) await lead(leading);
      return !leading.aborted;
    } finally {
      cancel();
      ended.abort();
      this.#setLeading(false);
      await renewing;
      if (lost.signal.aborted) log.warn({ namespace, lease: name, identity }, 'Lost leadership');
    }
  }

  async #renew(signal: AbortSignal, lost: AbortController): Promise<void> {
    const { clock } = this.#options;
    await clock.sleep(this.#times.retryMs, signal);
    while (!signal.aborted) {
      const result = await this.#attempt('renew');
      if (result === 'taken') lost.abort();
      await clock.sleep(this.#times.retryMs, signal);
    }
  }

  /** One try to get or keep the Lease. `failed` = unknown, to be tried again. */
  async #attempt(action: 'acquire' | 'renew'): Promise<'held' | 'taken' | 'failed'> {
    const { log, namespace, name } = this.#options;
    try {
      const result = await this.#acquireOrRenew();
      this.#failures = 0;
      return result;
    } catch (err) {
      this.#failures++;
      const fields = { namespace, lease: name, action, failures: this.#failures, err };
      if (this.#failures === 1) log.warn(fields, 'Lease can not be reached and will be tried again');
      else log.debug(fields, 'Lease still can not be reached');
      return 'failed';
    }
  }

  async #acquireOrRenew(): Promise<'held' | 'taken'> {
    const { store, namespace, name, identity, clock } = this.#options;
    // As leader we know the Lease; where that turns out stale the conflict makes us look.
    if (!this.#leading) this.#observe(await store.get(Kinds.Lease, { namespace, name }));
    for (let attempt = 1; ; attempt++) {
      const known = this.#seen?.lease;
      if (this.#seen !== undefined && !this.#mayTake(this.#seen)) return 'taken';
      const sentAt = clock.monotonic();
      try {
        const wanted = this.#claim(known);
        const resourceVersion = known?.metadata.resourceVersion;
        const condition = resourceVersion === undefined ? ('absent' as const) : { resourceVersion };
        this.#observe(await store.apply(Kinds.Lease, wanted, { if: condition }));
        this.#renewedAt = sentAt;
        return 'held';
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'conflict' || attempt === 2) throw error;
        this.#observe(await store.get(Kinds.Lease, { namespace, name }));
        if (this.holder !== undefined && this.holder !== identity) return 'taken';
      }
    }
  }

  #observe(lease: Lease | undefined): void {
    if (lease === undefined) this.#seen = undefined;
    else if (this.#seen === undefined || !sameSpec(this.#seen.lease, lease)) {
      this.#seen = { lease, since: this.#options.clock.monotonic() };
    } else this.#seen = { lease, since: this.#seen.since };
  }

  #mayTake({ lease, since }: { readonly lease: Lease; readonly since: number }): boolean {
    if (this.holder === undefined || this.holder === this.#options.identity) return true;
    return this.#options.clock.monotonic() >= since + this.#holdMs(lease);
  }

  /** For how long a holder's silence is respected: what it asked for, since its times may differ from ours. */
  #holdMs({ spec }: Lease): number {
    return spec.leaseDurationSeconds === undefined ? this.#times.leaseMs : spec.leaseDurationSeconds * 1000;
  }

  #claim(known: Lease | undefined): Lease {
    const { namespace, name, identity, annotations, clock } = this.#options;
    const now = microTime(clock.now());
    const mine = known?.spec.holderIdentity === identity;
    const transitions = known?.spec.leaseTransitions ?? 0;
    return {
      apiVersion: Kinds.Lease.apiVersion,
      kind: 'Lease',
      metadata: {
        name,
        namespace,
        ...(annotations && { annotations: { ...annotations() } }),
        ...(known?.metadata.uid !== undefined && { uid: known.metadata.uid }),
      },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#times.leaseMs / 1000),
        acquireTime: mine ? (known.spec.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: known === undefined || mine ? transitions : transitions + 1,
      },
    };
  }

  /** Lets the next one lead at once. Where that fails, it will after `leaseMs`. */
  async #release(): Promise<void> {
    const { store, log, namespace, name, clock } = this.#options;
    const known = this.#seen?.lease;
    const resourceVersion = known?.metadata.resourceVersion;
    if (known === undefined || resourceVersion === undefined) return;
    const { holderIdentity: _us, ...spec } = this.#claim(known).spec;
    const free: Lease = { ...this.#claim(known), spec: { ...spec, leaseDurationSeconds: 1 } };
    try {
      const released = store.apply(Kinds.Lease, free, { if: { resourceVersion } });
      const tooLong = clock.sleep(this.#times.retryMs).then(() => undefined);
      const lease = await Promise.race([released, tooLong]);
      if (lease !== undefined) this.#observe(lease);
    } catch (err) {
      log.debug({ namespace, lease: name, err }, 'Lease could not be given back; it ends by itself');
    }
  }

  #setLeading(leading: boolean): void {
    this.#leading = leading;
    this.transitions++;
  }

  /** Until the next look: no later than the holder's time is up, and spread, so that not all come at once. */
  #pauseMs(): number {
    const { clock, random } = this.#options;
    const pause = this.#times.retryMs * (1 + random() / 5);
    if (this.#seen === undefined || this.holder === undefined) return pause;
    const leftMs = this.#seen.since + this.#holdMs(this.#seen.lease) - clock.monotonic();
    return leftMs > 0 ? Math.min(pause, leftMs) : pause;
  }
}

/** @param startedAt ms since 1970, of the Lease or of a process that leads without one */
export const epochOf = (startedAt: number, transitions: number): number =>
  Math.floor(startedAt / 1000) * 1_000_000 + Math.min(transitions, 999_999);

function sameSpec({ spec: a }: Lease, { spec: b }: Lease): boolean {
  return (
    a.holderIdentity === b.holderIdentity &&
    a.renewTime === b.renewTime &&
    a.leaseTransitions === b.leaseTransitions
  );
}

/** metav1.MicroTime. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
