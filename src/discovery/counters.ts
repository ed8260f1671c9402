/** Plain numbers that the agent counts as it goes; metrics.ts says what they mean. */
export class AgentCounters {
  /** Writes that were accepted, by side. */
  readonly writes = { member: 0, broker: 0 };
  /** Writes that were refused or did not arrive, by side. */
  readonly writeErrors = { member: 0, broker: 0 };
  /** Records and slices from the broker that cannot be used, seen so far. */
  rejected = 0;
}
