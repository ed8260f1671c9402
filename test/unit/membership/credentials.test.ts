import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { SecretText } from '../../../src/api/secret-text.ts';
import type { BrokerCredentials } from '../../../src/membership/credentials.ts';
import { credentialsSecret, parseCredentials } from '../../../src/membership/credentials.ts';
import { id } from './fixture.ts';

const CREDENTIALS: BrokerCredentials = {
  cluster: id('west'),
  namespace: 'pharos-broker',
  address: { server: 'https://broker:6443', certificateAuthority: 'PEM\n', tlsServerName: 'kubernetes' },
  token: new SecretText('s3cr3t'),
  issuedAt: Date.UTC(2026, 0, 1),
  expiresAt: Date.UTC(2026, 1, 1),
  identityUid: 'uid',
};

test('what is written to the Secret is read back', () => {
  fc.assert(
    fc.property(
      fc.record({
        token: fc.string({ minLength: 1, unit: 'grapheme' }),
        certificateAuthority: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        issuedAt: fc.integer({ min: 0, max: 4e12 }),
      }),
      ({ token, certificateAuthority, issuedAt }) => {
        const address = {
          server: 'https://[::1]:6443',
          ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
        };
        const written = { ...CREDENTIALS, address, token: new SecretText(token), issuedAt };
        const { token: read, ...rest } = parseCredentials(credentialsSecret(written));
        const { token: _, ...expected } = written;
        assert.deepEqual(rest, expected);
        assert.equal(read.reveal(), token);
      },
    ),
  );
});

test('all that is wrong with a Secret is said at once, and none of its content', () => {
  const secret = credentialsSecret(CREDENTIALS);
  const data = {
    ...secret.data,
    server: btoa('not a url'),
    'expires-at': btoa('s3cr3t'),
    'cluster-id': btoa('West!'),
  };
  const { token: _, ...without } = data as Record<string, string>;
  assert.throws(() => parseCredentials({ ...secret, data: without }), {
    message:
      'Cannot use Secret pharos-system/pharos-broker: "cluster-id" is not a DNS label, "server" is not a URL, ' +
      '"token" is missing, "expires-at" is not an RFC 3339 time; run "pharos join" again to renew it',
  });
});

test('a Secret without data is no credentials', () => {
  assert.throws(
    () => parseCredentials({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'b' } }),
    /^Refusal: Cannot use Secret b\/a: "cluster-id" is missing, .*"identity-uid" is missing;/,
  );
});

for (const [how, print] of [
  ['inspected', (value: unknown) => inspect(value, { depth: 9, showHidden: true })],
  ['as JSON', (value: unknown) => JSON.stringify(value)],
  ['as text', (value: unknown) => String((value as BrokerCredentials).token)],
] as const) {
  test(`a token that is printed ${how} stays secret`, () => {
    assert.match(print(CREDENTIALS), /\[secret\]/);
    assert.doesNotMatch(print(CREDENTIALS), /s3cr3t/);
  });
}
