import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { checkServerCookie, parseCookieSecrets, writeServerCookie } from '../../../src/dns/cookies.ts';
import { sipHash24 } from '../../../src/dns/siphash.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const secretA = hex('e5e973e5a6b2a43f48e7dc849e37bfcf');

test('SipHash-2-4 gives the numbers of its paper', () => {
  const key = Buffer.from(Array.from({ length: 16 }, (_, index) => index));
  const message = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index));
  // Those of https://github.com/veorq/SipHash, by length.
  const rows: readonly (readonly [number, string])[] = [
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [7, '37d1018bf50002ab'],
    [8, '6224939a79f5f593'],
    [15, 'e545be4961ca29a1'],
    [63, '724506eb4c328a95'],
  ];
  for (const [length, hash] of rows) assert.equal(sipHash24(key, message(length)).toString('hex'), hash);
});

suite('server cookies of RFC 9018, appendix A', () => {
  const rows = {
    'A.1, a new one': {
      secret: secretA,
      client: '2464c4abcf10c957',
      address: '198.51.100.100',
      at: 1559731985,
      cookie: '010000005cf79f111f8130c3eee29480',
    },
    'A.2, the same client renews it': {
      secret: secretA,
      client: '2464c4abcf10c957',
      address: '198.51.100.100',
      at: 1559734385,
      cookie: '010000005cf7a871d4a564a1442aca77',
    },
    'A.3, another client': {
      secret: secretA,
      client: 'fc93fc62807ddb86',
      address: '203.0.113.203',
      at: 1559734700,
      cookie: '010000005cf7a9acf73a7810aca2381e',
    },
    'A.4, IPv6, after the secret was rolled over': {
      secret: hex('445536bcd2513298075a5d379663c962'),
      client: '22681ab97d52c298',
      address: '2001:db8:220:1:59de:d0f4:8769:82b8',
      at: 1559741961,
      cookie: '010000005cf7c609a6bb79d16625507a',
    },
  };
  for (const [what, { secret, client, address, at, cookie }] of Object.entries(rows)) {
    test(what, () => {
      const out = Buffer.alloc(16, 0xff);
      writeServerCookie(secret, hex(client), address, at, out, 0);
      assert.equal(out.toString('hex'), cookie);
      assert.equal(checkServerCookie([secret], hex(client), out, address, at), 'good');
    });
  }
});

test('how a cookie ages, and what is none', () => {
  const client = hex('2464c4abcf10c957');
  const made = 1559731985;
  const cookie = hex('010000005cf79f111f8130c3eee29480');
  const check = (now: number, address = '198.51.100.100', given = cookie, secrets = [secretA]) =>
    checkServerCookie(secrets as [Buffer], client, given, address, now);
  assert.equal(check(made + 1800), 'good');
  assert.equal(check(made + 1801), 'renew');
  assert.equal(check(made + 3600), 'renew');
  assert.equal(check(made + 3601), 'bad');
  assert.equal(check(made - 300), 'good');
  assert.equal(check(made - 301), 'bad');
  assert.equal(check(made, '198.51.100.101'), 'bad', 'of another client');
  assert.equal(check(made, undefined, cookie.subarray(0, 15)), 'bad');
  const other = Buffer.from(cookie);
  other[0] = 2;
  assert.equal(check(made, undefined, other), 'bad', 'of another version');
  const rolled = [hex('445536bcd2513298075a5d379663c962'), secretA];
  assert.equal(check(made, undefined, cookie, rolled), 'renew', 'of the secret before');
  assert.equal(check(made, undefined, cookie, rolled.slice(0, 1)), 'bad', 'of a secret that is forgotten');
});

test('a cookie with any bit changed is none', () => {
  const client = hex('2464c4abcf10c957');
  const out = Buffer.alloc(16);
  writeServerCookie(secretA, client, '192.0.2.1', 1000, out, 0);
  fc.assert(
    fc.property(fc.nat(127), (bit) => {
      const changed = Buffer.from(out);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(checkServerCookie([secretA], client, changed, '192.0.2.1', 1000), 'bad');
    }),
  );
});

test('a file of secrets has one per line, the one in use first', () => {
  const text = `# rolled over on Monday\n445536bcd2513298075a5d379663c962\n\nE5E973E5A6B2A43F48E7DC849E37BFCF\n`;
  assert.deepEqual(parseCookieSecrets(text), [hex('445536bcd2513298075a5d379663c962'), secretA]);
  assert.throws(
    () => parseCookieSecrets('\n# nothing\n'),
    /there is no secret in it; make one with: openssl/,
  );
  assert.throws(
    () => parseCookieSecrets(`${'a'.repeat(32)}\n${'b'.repeat(31)}`),
    (error: Error) =>
      error.message.startsWith('line 2 is not a secret of 32') && !error.message.includes('bbb'),
  );
});
