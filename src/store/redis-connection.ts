import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Redis } from 'ioredis';
import type { RedisLogin, RedisUrl } from '../api/redis-url.ts';
import { StoreError } from './store.ts';

export type RedisClient = Redis;

/** How long Redis may take to answer, or a Sentinel; in ms. */
const ANSWER_MS = 10_000;

/**
 * One connection to Redis, by way of Sentinels where the URL says so. It does not mend itself: when it breaks,
 * what waits on it fails, and whoever uses it opens another, by which a new password, certificate or master
 * is found.
 *
 * @param resolvePath where paths of the URL start
 * @throws StoreError `unavailable`, or `forbidden` where the login is refused
 */
export async function connectRedis(
  url: RedisUrl,
  resolvePath: (path: string) => string,
): Promise<RedisClient> {
  // Imported only here: who has no Redis does without the client.
  const { Redis } = await import('ioredis');
  const text = (path: string): Promise<string> => readFile(resolvePath(path), 'utf8');
  let client: RedisClient | undefined;
  try {
    const tls = url.tls && (await tlsOptions(url.tls, text));
    const { username, password } = await loginOf(url.login, text);
    const [first] = url.hosts;
    client = new Redis({
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls !== undefined && { tls }),
      ...(url.sentinel === undefined
        ? { ...first }
        : {
            sentinels: url.hosts.map((host) => ({ ...host })),
            name: url.sentinel.master,
            ...(await sentinelLogin(url.sentinel, text)),
            ...(tls !== undefined && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
            sentinelRetryStrategy: () => null,
            sentinelCommandTimeout: ANSWER_MS,
            failoverDetector: true,
          }),
      db: url.db,
      protocol: 2,
      disableClientInfo: true,
      lazyConnect: true,
      connectTimeout: ANSWER_MS,
      socketTimeout: ANSWER_MS,
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
    });
    // Failures are told by the commands that fail of them, the first one by connect().
    const failed = Promise.withResolvers<never>();
    client.on('error', failed.reject);
    failed.promise.catch(() => {});
    await Promise.race([client.connect(), failed.promise]);
    return client;
  } catch (error) {
    client?.disconnect();
    throw redisError('connect to', url, error);
  }
}

/** The error as one of a store. It keeps no cause: a client's error carries the command, AUTH too. */
export function redisError(action: string, url: RedisUrl, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { message } = error as Error;
  const isRefused = /^(WRONGPASS|NOAUTH|NOPERM)/.test(message);
  const advice = isRefused ? '; check the user, its password and its ACL' : '';
  return new StoreError(
    isRefused ? 'forbidden' : 'unavailable',
    `Cannot ${action} Redis at ${url.shown}: ${message}${advice}`,
  );
}

async function tlsOptions(
  { ca, cert, key, servername }: NonNullable<RedisUrl['tls']>,
  text: (path: string) => Promise<string>,
): Promise<ConnectionOptions> {
  return {
    ...(ca !== undefined && { ca: await text(ca) }),
    ...(cert !== undefined && { cert: await text(cert) }),
    ...(key !== undefined && { key: await text(key) }),
    ...(servername !== undefined && { servername }),
  };
}

async function loginOf(
  { username, password, passwordFile }: RedisLogin,
  text: (path: string) => Promise<string>,
): Promise<{ username?: string; password?: string }> {
  const secret =
    passwordFile === undefined ? password?.reveal() : (await text(passwordFile)).replace(/\r?\n$/, '');
  return { ...(username !== undefined && { username }), ...(secret !== undefined && { password: secret }) };
}

async function sentinelLogin(
  login: RedisLogin,
  text: (path: string) => Promise<string>,
): Promise<{ sentinelUsername?: string; sentinelPassword?: string }> {
  const { username, password } = await loginOf(login, text);
  return {
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
  };
}
