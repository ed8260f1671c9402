import type { Secret } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import type { Log } from '../observability/log.ts';
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';
import type { TokenIssuer } from '../store/token-issuer.ts';
import type { BrokerCredentials } from './credentials.ts';
import { credentialsSecret, parseCredentials, readCredentialsSecret } from './credentials.ts';
import { newToken } from './join.ts';
import { identityName } from './names.ts';
import { renewalDelayMs } from './renewal.ts';

/** The Secret is read again this often at least: another replica, or `pharos join`, may have renewed it. */
const REREAD_MS = 3_600_000;
const BACKOFF = { baseMs: 1000, maxMs: 5 * 60_000 };

export interface KeepCredentialsDeps {
  /** The member's own cluster, where the Secret is. */
  readonly member: ObjectStore;
  /** The broker, acting with the newest credentials that `onCredentials` was given. */
  readonly issuer: TokenIssuer;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Whether this replica may write: the Secret has one writer, the leader. The others follow it. */
  readonly mayRenew: () => boolean;
  /** Called with the first credentials and with each newer ones, to be used from now on. Must not throw. */
  readonly onCredentials: (credentials: BrokerCredentials) => void;
}

/**
 * Keeps a member's access to the broker alive until `signal` aborts: renews the token in time, writes it back
 * to the Secret, and hands each new one to `onCredentials`. Failures are logged and tried again; it never
 * rejects.
 */
export async function keepCredentials(deps: KeepCredentialsDeps, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = deps;
  const spread = random();
  let token: string | undefined;
  let failures = 0;
  const use = (credentials: BrokerCredentials): void => {
    if (credentials.token.reveal() === token) return;
    token = credentials.token.reveal();
    deps.onCredentials(credentials);
  };
  while (!signal.aborted) {
    let waitMs: number;
    try {
      const secret = await readCredentialsSecret(deps.member);
      let credentials = parseCredentials(secret);
      use(credentials);
      let dueMs = renewalDelayMs(clock.now(), credentials, spread);
      if (dueMs === 0 && deps.mayRenew()) {
        credentials = await renew(deps, credentials, secret);
        use(credentials);
        dueMs = renewalDelayMs(clock.now(), credentials, spread);
        log.info({ expiresAt: new Date(credentials.expiresAt).toISOString() }, 'broker token renewed');
      }
      failures = 0;
      waitMs = dueMs === 0 ? REREAD_MS : Math.min(dueMs, REREAD_MS);
    } catch (err) {
      failures++;
      waitMs = backoffMs(BACKOFF, failures, random());
      // On a conflict somebody else was faster, and what they wrote is read next.
      if (!(err instanceof StoreError && err.code === 'conflict')) {
        log.warn({ err }, 'cannot renew the broker token, will try again');
      }
    }
    await clock.sleep(waitMs, signal);
  }
}

/** @param secret where `before` was read from: nothing is written if it changed since. */
async function renew(
  { member, issuer, clock }: KeepCredentialsDeps,
  before: BrokerCredentials,
  secret: Secret,
): Promise<BrokerCredentials> {
  const { cluster, namespace, identityUid: uid } = before;
  const account = { metadata: { name: identityName(cluster), namespace, uid } };
  const after = { ...before, ...(await newToken(issuer, account, clock)) };
  const { resourceVersion = '' } = secret.metadata;
  await member.apply(Kinds.Secret, credentialsSecret(after), { if: { resourceVersion } });
  return after;
}
