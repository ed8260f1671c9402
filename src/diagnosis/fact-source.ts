import { StoreError } from '../store/store.ts';
import type { Clock } from '../runtime/clock.ts';
import type { FactName, FactValues, Gathered } from './facts.ts';

/** Thrown by who gathers a fact that this cluster or this place has not: its checks are skipped. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}

/** Thrown by who can't find a fact out: its checks do not know. */
export class NotKnown extends Error {
  override readonly name = 'NotKnown';
}

/** Hands out facts to those that are made of others. Rejects with {@link NotHere} or {@link NotKnown}. */
export type Get = <N extends FactName>(name: N) => Promise<FactValues[N]>;

/** Fact → who reads it. What it throws is told; only bugs come through. */
export type Gatherers = { readonly [N in FactName]: (get: Get) => Promise<FactValues[N]> };

/** Reads each fact when it is first asked for, and once. None takes longer than `limitMs`. */
export class FactSource {
  readonly #gatherers: Partial<Gatherers>;
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #found = new Map<FactName, Promise<Gathered<unknown>>>();

  /** @param gatherers a fact that none of them reads can't be known from where this is */
  constructor(
    gatherers: Partial<Gatherers>,
    { clock, limitMs }: { readonly clock: Clock; readonly limitMs: number },
  ) {
    this.#gatherers = gatherers;
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  get<N extends FactName>(name: N): Promise<Gathered<FactValues[N]>> {
    let found = this.#found.get(name);
    if (found === undefined) {
      found = this.#gather(name);
      this.#found.set(name, found);
    }
    return found as Promise<Gathered<FactValues[N]>>;
  }

  async #gather(name: FactName): Promise<Gathered<unknown>> {
    const gather = this.#gatherers[name] as ((get: Get) => Promise<unknown>) | undefined;
    if (gather === undefined) return { is: 'unknown', why: 'it is not looked at from here' };
    const { promise: late, resolve } = Promise.withResolvers<Gathered<unknown>>();
    const cancel = this.#clock.after(this.#limitMs, () =>
      resolve({ is: 'unknown', why: `no answer within ${this.#limitMs / 1000} s` }),
    );
    const work = gather((other) => this.#require(other)).then(
      (value): Gathered<unknown> => ({ is: 'known', value }),
      (error: unknown): Gathered<unknown> => {
        if (error instanceof NotHere) return { is: 'skipped', why: error.message };
        if (error instanceof NotKnown || error instanceof StoreError) {
          return { is: 'unknown', why: error.message };
        }
        throw error;
      },
    );
    return Promise.race([work, late]).finally(cancel);
  }

  async #require<N extends FactName>(name: N): Promise<FactValues[N]> {
    const gathered = await this.get(name);
    switch (gathered.is) {
      case 'known':
        return gathered.value;
      case 'skipped':
        throw new NotHere(gathered.why);
      case 'unknown':
        throw new NotKnown(gathered.why);
      default:
        return gathered satisfies never;
    }
  }
}
