import { isRedisUrl, parseRedisUrl, type RedisUrl } from '../api/redis-url.ts';

/** Where `pharos dns` reads objects from. */
export type StoreUrl =
  | { readonly type: 'kubernetes' }
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'redis'; readonly url: RedisUrl };

/** @throws Error that says what is wrong */
export function parseStoreUrl(text: string): StoreUrl {
  if (text === 'kubernetes') return { type: 'kubernetes' };
  if (text.startsWith('directory:')) {
    const path = text.slice('directory:'.length);
    if (path !== '') return { type: 'directory', path };
    throw new Error('names no directory; write directory:DIR');
  }
  if (isRedisUrl(text)) return { type: 'redis', url: parseRedisUrl(text) };
  throw new Error('must be kubernetes, directory:DIR or redis://HOST');
}
