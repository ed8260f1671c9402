import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the lab keeps what outlives a run (binaries, images) and what a run leaves to be swept: never in the checkout. */
export const cacheDir: string = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'pharos-lab',
);

/** A short name for a content: equal parts, equal key. */
export function contentKey(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update(':').update(part);
  return hash.digest('hex').slice(0, 16);
}
