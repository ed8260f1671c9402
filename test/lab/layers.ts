import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { cacheDir, contentKey } from './cache.ts';
import { tarEnd, tarHeader, tarPadding, type TarEntry } from './tar.ts';

/** What a layer of an image holds, by absolute path inside it. */
export interface LayerContent {
  /** Path in the image → file of this machine whose content and mode it gets (links are followed). */
  readonly files?: Readonly<Record<string, string>>;
  /** Path in the image → text. Executable where it starts with `#!`. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Path in the image → target of the symbolic link. */
  readonly links?: Readonly<Record<string, string>>;
  /** Empty folder → mode. Parents of everything are made without being named. */
  readonly directories?: Readonly<Record<string, number>>;
}

/** Where layers and archives are kept. */
export const imagesDir: string = join(cacheDir, 'images');

/** A finished layer: an uncompressed tar in the cache. */
export interface Layer {
  readonly path: string;
  readonly size: number;
  /** SHA-256 of the tar, in hexadecimal. */
  readonly digest: string;
}

const keepDays = 3;

/**
 * Whether the cache has these files; they count as used now. What nobody has used for some days goes: each
 * change of Pharos's sources makes an image of its own.
 */
export async function isFresh(...paths: readonly string[]): Promise<boolean> {
  const now = new Date();
  if (paths.every((path) => existsSync(path))) {
    for (const path of paths) await utimes(path, now, now);
    return true;
  }
  for (const name of await readdir(imagesDir).catch(() => [])) {
    const path = join(imagesDir, name);
    const used = await stat(path).catch(() => undefined);
    if (used && now.getTime() - used.mtimeMs > keepDays * 86_400_000) await rm(path, { force: true });
  }
  return false;
}

type Source = TarEntry & { readonly from?: string; readonly changed?: number; readonly text?: string };

async function entriesOf(content: LayerContent): Promise<Source[]> {
  const byPath = new Map<string, Source>();
  const relative = (path: string): string => path.replace(/^\/+/, '');
  const addParents = (path: string): void => {
    for (let dir = posix.dirname(path); dir !== '.'; dir = posix.dirname(dir)) {
      if (!byPath.has(dir)) byPath.set(dir, { type: 'directory', path: dir, mode: 0o755 });
    }
  };
  const add = (source: Source): void => {
    addParents(source.path);
    byPath.set(source.path, source);
  };
  for (const [path, mode] of Object.entries(content.directories ?? {})) {
    add({ type: 'directory', path: relative(path), mode });
  }
  const files = Object.entries(content.files ?? {}).map(async ([path, from]): Promise<Source> => {
    const { size, mode, mtimeMs } = await stat(from);
    return { type: 'file', path: relative(path), mode: mode & 0o777, size, from, changed: mtimeMs };
  });
  for (const file of await Promise.all(files)) add(file);
  for (const [path, text] of Object.entries(content.texts ?? {})) {
    const mode = text.startsWith('#!') ? 0o755 : 0o644;
    add({ type: 'file', path: relative(path), mode, size: Buffer.byteLength(text), text });
  }
  for (const [path, target] of Object.entries(content.links ?? {})) {
    add({ type: 'link', path: relative(path), target });
  }
  // In order of path a folder comes before what is in it.
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Small files whole: packages bring thousands, and a stream for each takes ten times as long. */
async function* contentOf(path: string, size: number): AsyncGenerator<Buffer> {
  if (size < 1_000_000) yield await readFile(path);
  else yield* createReadStream(path) as AsyncIterable<Buffer>;
}

async function* bytesOf(entries: readonly Source[]): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    yield tarHeader(entry);
    if (entry.type !== 'file') continue;
    if (entry.text !== undefined) yield Buffer.from(entry.text);
    else if (entry.from !== undefined) yield* contentOf(entry.from, entry.size);
    yield tarPadding(entry.size);
  }
  yield tarEnd;
}

/** The layer with this content; made once, and kept in the cache as long as no file changes in size or time. For one caller at a time. */
export async function makeLayer(content: LayerContent): Promise<Layer> {
  const entries = await entriesOf(content);
  const path = join(imagesDir, `layer-${contentKey(JSON.stringify(entries))}.tar`);
  if (!(await isFresh(`${path}.sha256`, path))) {
    await mkdir(imagesDir, { recursive: true });
    const temporary = `${path}.new`;
    const hash = createHash('sha256');
    await pipeline(
      Readable.from(bytesOf(entries)),
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(temporary),
    );
    await rename(temporary, path);
    await writeFile(`${path}.sha256`, hash.digest('hex'));
  }
  return {
    path,
    size: (await stat(path)).size,
    digest: await readFile(`${path}.sha256`, 'utf8'),
  };
}
