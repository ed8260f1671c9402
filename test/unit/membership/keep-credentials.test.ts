import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SecretText } from '../../../src/api/secret-text.ts';
import { CREDENTIALS_REF, credentialsSecret, parseCredentials } from '../../../src/membership/credentials.ts';
import { keepCredentials } from '../../../src/membership/keep-credentials.ts';
import { StoreError } from '../../../src/store/store.ts';
import type { TokenIssuer } from '../../../src/store/token-issuer.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { recordingLog } from '../support/recording-log.ts';
import { clusterset, join } from './fixture.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** West has joined and one replica of its agent keeps the credentials; `used` is what it acts with, in order. */
async function agent(options: { readonly mayRenew?: () => boolean; readonly issuer?: TokenIssuer } = {}) {
  const set = await clusterset();
  await join(set.deps, set.request);
  const member = new FaultyStore(set.west);
  const { log, lines } = recordingLog();
  const used: string[] = [];
  const stop = new AbortController();
  const running = keepCredentials(
    {
      member,
      issuer: options.issuer ?? set.broker,
      clock: set.clock,
      random: () => 0,
      log,
      mayRenew: options.mayRenew ?? (() => true),
      onCredentials: ({ token }) => used.push(token.reveal()),
    },
    stop.signal,
  );
  await set.clock.advance(0);
  return {
    ...set,
    member,
    used,
    warnings: () => lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
    async stored() {
      const secret = await set.west.get(Kinds.Secret, CREDENTIALS_REF);
      assert.ok(secret);
      return { secret, ...parseCredentials(secret) };
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

test('the token is used at once, and renewed, stored and used when half of its life is over', async () => {
  await using it = await agent();
  assert.deepEqual(it.used, ['token-1']);
  await it.clock.advance(15 * DAY - 1);
  assert.deepEqual(it.used, ['token-1']);
  await it.clock.advance(1);
  assert.deepEqual(it.used, ['token-1', 'token-2']);
  const { token, expiresAt } = await it.stored();
  assert.equal(token.reveal(), 'token-2');
  assert.equal(expiresAt - it.clock.now(), 30 * DAY);
  await it.clock.advance(45 * DAY);
  assert.equal(it.used.length, 2 + 45 / 15);
  assert.deepEqual(it.warnings(), []);
});

test('a replica that may not write follows what another one renewed', async () => {
  await using it = await agent({ mayRenew: () => false });
  await it.clock.advance(16 * DAY);
  assert.deepEqual(it.used, ['token-1']);
  assert.equal(it.broker.issued.length, 1);
  const { secret: _, ...credentials } = await it.stored();
  await it.west.apply(
    Kinds.Secret,
    credentialsSecret({ ...credentials, token: new SecretText('from-the-leader') }),
  );
  await it.clock.advance(60 * MINUTE);
  assert.deepEqual(it.used, ['token-1', 'from-the-leader']);
});

test('a broker that is away for days costs nothing but a warning at each attempt', async () => {
  let away = true;
  const attempts: number[] = [];
  await using it = await agent({
    issuer: {
      issueToken: (ref, lifetime) => {
        attempts.push(it.clock.now());
        if (away) return Promise.reject(new StoreError('unavailable', 'no answer'));
        return it.broker.issueToken(ref, lifetime);
      },
    },
  });
  await it.clock.advance(15 * DAY + 60 * MINUTE);
  assert.deepEqual(it.used, ['token-1']);
  assert.equal(it.warnings().length, attempts.length);
  assert.ok(attempts.length >= 12 && attempts.length <= 30, `${attempts.length} attempts in an hour`);
  away = false;
  await it.clock.advance(5 * MINUTE);
  assert.deepEqual(it.used, ['token-1', 'token-2']);
});

test('what another replica wrote in between is not overwritten, and is used', async () => {
  await using it = await agent({
    issuer: {
      issueToken: async (ref, lifetime) => {
        const { secret: _, ...credentials } = await it.stored();
        const issuedAt = it.clock.now();
        await it.west.apply(
          Kinds.Secret,
          credentialsSecret({
            ...credentials,
            token: new SecretText('faster'),
            issuedAt,
            expiresAt: issuedAt + 30 * DAY,
          }),
        );
        return it.broker.issueToken(ref, lifetime);
      },
    },
  });
  await it.clock.advance(15 * DAY);
  await it.clock.advance(MINUTE);
  assert.deepEqual(it.used, ['token-1', 'faster']);
  assert.equal((await it.stored()).token.reveal(), 'faster');
  assert.deepEqual(it.warnings(), []);
});

test("its own cluster's API server may come and go", async () => {
  await using it = await agent();
  it.member.disconnect();
  await it.clock.advance(16 * DAY);
  assert.deepEqual(it.used, ['token-1']);
  it.member.reconnect('changes');
  await it.clock.advance(5 * MINUTE);
  assert.deepEqual(it.used, ['token-1', 'token-2']);
});

test('a Secret that is removed ends nothing: the token in use stays until there is a new one', async () => {
  await using it = await agent();
  const { secret } = await it.stored();
  await it.west.remove(Kinds.Secret, CREDENTIALS_REF);
  await it.clock.advance(180 * MINUTE);
  assert.deepEqual(it.used, ['token-1']);
  assert.ok(it.warnings().length > 0);
  const { metadata, ...content } = secret;
  await it.west.apply(Kinds.Secret, {
    ...content,
    metadata: { name: metadata.name, namespace: 'pharos-system' },
  });
  await it.clock.advance(60 * MINUTE);
  assert.deepEqual(it.used, ['token-1']);
});

test('no log line shows a token', async () => {
  const { log, lines } = recordingLog();
  const set = await clusterset();
  await join(set.deps, set.request);
  const stop = new AbortController();
  const running = keepCredentials(
    {
      member: set.west,
      issuer: set.broker,
      clock: set.clock,
      random: () => 0,
      log,
      mayRenew: () => true,
      onCredentials: (credentials) => log.info({ credentials }, 'using'),
    },
    stop.signal,
  );
  await set.clock.advance(40 * DAY);
  stop.abort();
  await running;
  assert.ok(lines.length > 2);
  assert.doesNotMatch(JSON.stringify(lines), /token-\d/);
});
