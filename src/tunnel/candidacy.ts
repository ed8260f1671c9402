import { SYSTEM_NAMESPACE } from '../api/names.ts';
import { type Gateway, isUp } from '../api/tunnel.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { LeaderElection } from '../runtime/lease.ts';
import type { ObjectCache } from '../store/cache.ts';
import { DRAIN_ANNOTATION } from './settings.ts';

export interface CandidacyOptions {
  /** The gateway's node. */
  readonly gateway: string;
  readonly gateways: ObjectCache<Gateway>;
  readonly election: LeaderElection;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_EVERY_MS = 100;
/** For so long another gateway may take to lead, */
const SUCCESSOR_MS = 30_000;
/** and so long everybody to send to it. */
const SETTLE_MS = 10_000;

/** Stands for election, except while somebody wants this gateway drained, or it has its own reasons. */
export class Candidacy {
  readonly #options: CandidacyOptions;
  #isYielding = false;
  #withdraw = (): void => {};

  constructor(options: CandidacyOptions) {
    this.#options = options;
  }

  /** Until `signal` aborts. Each time that it leads, `lead` is called, until it does no more. */
  async run(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, election, gateways, log } = this.#options;
    while (!signal.aborted) {
      if (this.#stays) {
        await clock.sleep(LOOK_EVERY_MS, signal);
        continue;
      }
      const withdrawn = new AbortController();
      this.#withdraw = () => withdrawn.abort();
      const unsubscribe = gateways.onChange(() => {
        if (this.#stays) withdrawn.abort();
      });
      await election.run(AbortSignal.any([signal, withdrawn.signal]), lead);
      unsubscribe();
      if (this.#stays) log.info({}, 'Drained: another gateway may lead');
    }
  }

  /**
   * Has another gateway lead while `work` runs, where there is one, and waits until nobody sends through this
   * one any more.
   */
  async aside(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { clock } = this.#options;
    if (!this.#others().some(isConnected)) return work();
    this.#isYielding = true;
    this.#withdraw();
    try {
      const end = clock.monotonic() + SUCCESSOR_MS;
      const isLed = (): boolean => this.#others().some(({ status }) => status?.haStatus === 'active');
      while (!signal.aborted && !isLed() && clock.monotonic() < end) await clock.sleep(LOOK_EVERY_MS, signal);
      await clock.sleep(SETTLE_MS, signal);
      await work();
    } finally {
      this.#isYielding = false;
    }
  }

  get #stays(): boolean {
    const own = this.#options.gateways.get(`${SYSTEM_NAMESPACE}/${this.#options.gateway}`);
    return this.#isYielding || own?.metadata.annotations?.[DRAIN_ANNOTATION] === 'true';
  }

  #others(): Gateway[] {
    const { gateway, gateways } = this.#options;
    return [...gateways.values()].filter(({ metadata }) => metadata.name !== gateway);
  }
}

const isConnected = ({ status }: Gateway): boolean => (status?.connections ?? []).some(isUp);
