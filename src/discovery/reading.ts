/** What was made of an object that somebody else wrote, and what of it was refused. */

/** Why something from the broker was not taken, or not all of it: a closed set, for metrics. */
export type Refusal =
  | 'misnamed'
  | 'malformed'
  | 'endpoint'
  /** An address inside this cluster's own networks. */
  | 'own-address'
  | 'import-from'
  | 'import-namespaces'
  | 'deny-namespaces'
  /** Of a cluster that is silent for longer than `--expire-after`. */
  | 'expired';

/** What was refused, in words. */
export interface Refused {
  readonly refusal: Refusal;
  readonly why: string;
}

/** Without a `value` all of the object was refused. */
export interface Reading<T> {
  readonly value?: T;
  readonly refused: readonly Refused[];
}

export const refuse = (refusal: Refusal, why: string): { refused: readonly Refused[] } => ({
  refused: [{ refusal, why }],
});
