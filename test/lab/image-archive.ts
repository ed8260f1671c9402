import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { contentKey } from './cache.ts';
import { imagesDir, isFresh, type Layer } from './layers.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';

/** An image as `docker save` describes one. */
export interface Image {
  /** With registry and tag, as pods name it: `docker.io/library/busybox:1`. */
  readonly reference: string;
  /** From the bottom up. */
  readonly layers: readonly Layer[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly workingDir?: string;
}

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

function imageConfig(image: Image): string {
  return JSON.stringify({
    architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      WorkingDir: image.workingDir ?? '/',
      ...(image.entrypoint ? { Entrypoint: image.entrypoint } : {}),
      ...(image.command ? { Cmd: image.command } : {}),
    },
    rootfs: { type: 'layers', diff_ids: image.layers.map((layer) => `sha256:${layer.digest}`) },
  });
}

async function* archive(images: readonly Image[]): AsyncGenerator<Buffer> {
  const text = function* (path: string, content: string): Generator<Buffer> {
    const bytes = Buffer.from(content);
    yield tarHeader({ type: 'file', path, mode: 0o644, size: bytes.length });
    yield bytes;
    yield tarPadding(bytes.length);
  };
  const configs = images.map((image) => {
    const content = imageConfig(image);
    return { content, name: `${createHash('sha256').update(content).digest('hex')}.json` };
  });
  for (const { name, content } of configs) yield* text(name, content);
  // A layer that several images share is in the archive once.
  const layers = new Map(images.flatMap((image) => image.layers).map((layer) => [layer.digest, layer]));
  for (const layer of layers.values()) {
    yield tarHeader({ type: 'file', path: `${layer.digest}.tar`, mode: 0o644, size: layer.size });
    yield* createReadStream(layer.path) as AsyncIterable<Buffer>;
    yield tarPadding(layer.size);
  }
  const manifest = images.map((image, index) => ({
    Config: configs[index]?.name,
    RepoTags: [image.reference],
    Layers: image.layers.map((layer) => `${layer.digest}.tar`),
  }));
  yield* text('manifest.json', JSON.stringify(manifest));
  yield tarEnd;
}

/** Writes images into one archive that `ctr images import` and `docker load` read, and answers its path in the cache. For one caller at a time. */
export async function writeArchive(images: readonly Image[]): Promise<string> {
  const key = contentKey(JSON.stringify(images.map((image) => [image.reference, imageConfig(image)])));
  const path = join(imagesDir, `images-${key}.tar`);
  if (!(await isFresh(path))) {
    const temporary = `${path}.new`;
    await pipeline(Readable.from(archive(images)), createWriteStream(temporary));
    await rename(temporary, path);
  }
  return path;
}
