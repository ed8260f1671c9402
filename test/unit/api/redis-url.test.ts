import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { parseRedisUrl } from '../../../src/api/redis-url.ts';

describe('a Redis URL', () => {
  const host = { host: 'redis', port: 6379 };
  const rows: readonly (readonly [text: string, wanted: object])[] = [
    [
      'rediss+sentinel://agent:s%40crt@[fd00::1]:26380,b/mymaster/3?ca=ca.pem&cert=c.pem&key=k.pem&servername=redis.example&prefix=east:&sentinel-username=s&sentinel-password-file=pw',
      {
        shown: 'rediss+sentinel://[fd00::1]:26380,b/mymaster/3',
        hosts: [
          { host: 'fd00::1', port: 26380 },
          { host: 'b', port: 26379 },
        ],
        login: { username: 'agent', password: 's@crt' },
        db: 3,
        sentinel: { master: 'mymaster', username: 's', passwordFile: 'pw' },
        tls: { ca: 'ca.pem', cert: 'c.pem', key: 'k.pem', servername: 'redis.example' },
        prefix: 'east:',
      },
    ],
    ['redis://redis', { shown: 'redis://redis', hosts: [host], login: {}, db: 0 }],
    ['redis://redis/', { shown: 'redis://redis', hosts: [host], login: {}, db: 0 }],
    ['redis://:pw@redis/1', { shown: 'redis://redis/1', hosts: [host], login: { password: 'pw' }, db: 1 }],
    ['redis://u@redis', { shown: 'redis://redis', hosts: [host], login: { username: 'u' }, db: 0 }],
    ['rediss://redis', { shown: 'rediss://redis', hosts: [host], login: {}, db: 0, tls: {} }],
    [
      'redis://u@redis?password-file=f',
      { shown: 'redis://redis', hosts: [host], login: { username: 'u', passwordFile: 'f' }, db: 0 },
    ],
  ];
  for (const [text, wanted] of rows) {
    it(`is read from ${text}`, () => {
      const url = parseRedisUrl(text);
      const password = url.login.password?.reveal();
      const login = { ...url.login, ...(password !== undefined && { password }) };
      assert.deepEqual({ ...url, login }, wanted);
    });
  }

  const wrong: readonly (readonly [text: string, problem: RegExp])[] = [
    ['redis://', /must be redis:\/\//],
    ['redis://a b', /must be HOST or HOST:PORT/],
    ['redis://a:0', /must be HOST or HOST:PORT/],
    ['redis://a:70000', /must be HOST or HOST:PORT/],
    ['redis://a,b', /several Sentinels are written redis\+sentinel/],
    ['redis://a/x', /a database that must be a number/],
    ['redis://a/1/2', /too long a path/],
    ['redis+sentinel://a', /names no master/],
    ['redis://a?ca=x', /ca without TLS; write rediss/],
    ['rediss://a?cert=x', /cert and key, or neither/],
    ['redis://a?pasword=hush', /unknown parameter; known are ca, /],
    ['redis://a?prefix=', /empty parameter prefix/],
    ['redis://a?prefix=%20', /printable characters/],
    ['redis://u:100%@a', /write %25/],
  ];
  for (const [text, problem] of wrong) {
    it(`is not ${text}`, () => {
      assert.throws(() => parseRedisUrl(text), problem);
    });
  }

  it('shows its secrets nowhere', () => {
    const url = parseRedisUrl('redis+sentinel://u:hush@a/m?sentinel-password=hush');
    for (const text of [inspect(url, { depth: 9 }), JSON.stringify(url), url.shown]) {
      assert.ok(!text.includes('hush'), text);
    }
  });
});
