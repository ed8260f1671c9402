import type { StoreErrorCode } from '../store/store.ts';
import type { Refusal } from './reading.ts';

/** The two stores that an agent keeps in step. */
export type Side = 'member' | 'broker';

/** How a write ended. */
export type Outcome = 'applied' | 'removed' | StoreErrorCode;

/** Plain numbers that the agent counts as it goes; metrics.ts says what they mean. */
export class AgentCounters {
  readonly writes: Readonly<Record<Side, Map<Outcome, number>>> = { member: new Map(), broker: new Map() };
  /** Of what came from the broker. */
  readonly refused = new Map<Refusal, number>();

  wrote(side: Side, outcome: Outcome): void {
    this.writes[side].set(outcome, (this.writes[side].get(outcome) ?? 0) + 1);
  }

  refuse(refusal: Refusal): void {
    this.refused.set(refusal, (this.refused.get(refusal) ?? 0) + 1);
  }
}
