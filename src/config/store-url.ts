/** Where `pharos dns` reads objects from. */
export type StoreUrl =
  { readonly type: 'kubernetes' } | { readonly type: 'directory'; readonly path: string };

/** @throws Error that says what is wrong */
export function parseStoreUrl(text: string): StoreUrl {
  if (text === 'kubernetes') return { type: 'kubernetes' };
  if (text.startsWith('directory:')) {
    const path = text.slice('directory:'.length);
    if (path !== '') return { type: 'directory', path };
    throw new Error('names no directory; write directory:DIR');
  }
  if (/^rediss?:/.test(text))
    throw new Error('Redis is not in this version; use kubernetes or directory:DIR');
  throw new Error('must be kubernetes or directory:DIR');
}
