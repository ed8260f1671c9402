import type { SecretText } from '../api/secret-text.ts';
import type { ObjectRef } from './store.ts';

export interface IssuedToken {
  readonly token: SecretText;
  /** From the moment of issue; the server may have granted less than was asked for. */
  readonly lifetimeSeconds: number;
}

/** An API server that gives out tokens for its ServiceAccounts (TokenRequest, authentication.k8s.io/v1). */
export interface TokenIssuer {
  /**
   * A new token for the server's own audience; earlier ones stay good until they end or the account goes.
   *
   * @throws StoreError `not-found` where there is no such account
   */
  issueToken(serviceAccount: ObjectRef, lifetimeSeconds: number): Promise<IssuedToken>;
}
