/**
 * The snapshot: what a DNS server answers from, in a file, for a start while the store is away. Lines of text:
 *
 *   1. a JSON object that says whose it is, {@link SnapshotHead}
 *   2. `[`, then the objects of one source, one a line with commas between, then `]`; and so on for each source
 *   3. `sha256:` and the digest of all lines before, in hexadecimal
 *
 * So it is written in pieces, and read object by object, with no document of it all in memory.
 */
import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { KubeObject } from '../api/objects.ts';

export interface SnapshotHead {
  readonly pharosSnapshot: typeof SNAPSHOT_VERSION;
  readonly cluster: string;
  /** Canonical, sorted. */
  readonly zones: readonly string[];
  /** RFC 3339. */
  readonly savedAt: string;
  /** Plural names of the kinds, in the order in which their objects follow. */
  readonly kinds: readonly string[];
}

export const SNAPSHOT_VERSION = 1;

export interface LoadedSnapshot {
  readonly cluster: string;
  readonly savedAt: string;
  /** Plural name of the kind → objects, which are parsed as they are walked. The file is in memory while one is left. */
  readonly objects: Map<string, Iterable<KubeObject>>;
}

/** Whose snapshot is wanted; without `cluster` any cluster's is. */
export interface SnapshotOwner {
  readonly cluster: string | undefined;
  readonly zones: readonly string[];
}

export type SnapshotRead =
  | { readonly is: 'loaded'; readonly snapshot: LoadedSnapshot }
  | { readonly is: 'absent' }
  /** What is wrong with the file. */
  | { readonly is: 'refused'; readonly reason: string };

const DIGEST_LINE = /^sha256:([0-9a-f]{64})\n$/;
const DIGEST_BYTES = 'sha256:'.length + 64 + 1;
const NEWLINE = 0x0a;

/** Reads at one go, since nothing else is worth doing meanwhile. Never throws. */
export function readSnapshot(path: string, owner: SnapshotOwner): SnapshotRead {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { is: 'absent' } : refused(`it cannot be read: ${message}`);
  }
  return parseSnapshot(bytes, owner);
}

/** @see readSnapshot */
export function parseSnapshot(bytes: Buffer, owner: SnapshotOwner): SnapshotRead {
  const headEnd = bytes.indexOf(NEWLINE);
  const head = headEnd === -1 ? undefined : parseHead(bytes.toString('utf8', 0, headEnd));
  if (head === undefined) return refused('it is no snapshot of Pharos, or the beginning of one');
  if (head.pharosSnapshot !== SNAPSHOT_VERSION) {
    return refused(`it is of version ${String(head.pharosSnapshot)}, must be ${SNAPSHOT_VERSION}`);
  }
  const bodyEnd = bytes.length - DIGEST_BYTES;
  const [, wanted] = DIGEST_LINE.exec(bytes.toString('latin1', Math.max(bodyEnd, 0))) ?? [];
  if (wanted === undefined) return refused('its end is missing');
  const digest = createHash('sha256').update(bytes.subarray(0, bodyEnd)).digest('hex');
  if (digest !== wanted) return refused('its checksum is wrong: it is damaged');
  const { cluster, zones, savedAt, kinds } = head as Partial<SnapshotHead>;
  if (
    typeof cluster !== 'string' ||
    !Array.isArray(zones) ||
    !Array.isArray(kinds) ||
    typeof savedAt !== 'string'
  ) {
    return refused('its head says not whose it is');
  }
  if (owner.cluster !== undefined && cluster !== owner.cluster) {
    return refused(`it is of cluster ${cluster}, not of ${owner.cluster}`);
  }
  if (zones.join() !== [...owner.zones].sort().join()) {
    return refused(`it is of zone ${zones.join(', ')}, not of ${owner.zones.join(', ')}`);
  }
  const objects = new Map<string, Iterable<KubeObject>>();
  let at = headEnd + 1;
  for (const kind of kinds as readonly unknown[]) {
    const end = bytes.indexOf('\n]\n', at, 'latin1');
    if (typeof kind !== 'string' || end === -1)
      return refused('it lacks a kind of objects that its head names');
    const lines = bytes.subarray(at + 1, end + 1);
    objects.set(kind, { [Symbol.iterator]: () => parseLines(lines) });
    at = end + 3;
  }
  return { is: 'loaded', snapshot: { cluster, savedAt, objects } };
}

/**
 * One at a time, so that each can be forgotten before the next is there: ten thousand at once are a heap that has to
 * be grown, copied and cleared away. The digest says that they are as Pharos wrote them.
 *
 * @param lines of one object each, with a comma at the end but for the last
 */
function* parseLines(lines: Buffer): Generator<KubeObject> {
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(NEWLINE, at);
    const isLast = end === lines.length - 1;
    if (end > at) yield JSON.parse(lines.toString('utf8', at, isLast ? end : end - 1)) as KubeObject;
    at = end + 1;
  }
}

const refused = (reason: string): SnapshotRead => ({ is: 'refused', reason });

function parseHead(line: string): { readonly pharosSnapshot: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'pharosSnapshot' in value
      ? { ...value, pharosSnapshot: value.pharosSnapshot }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Objects whose texts are joined at one go: a few hundred kilobytes, which takes a millisecond. */
const PIECE = 500;

/**
 * Replaces the file: whoever reads it, whenever a machine stops, finds the old one or the new one, whole.
 *
 * @param objects plural name of the kind → objects as JSON without line breaks
 * @returns the file's length
 * @throws Error of the file system
 */
export async function writeSnapshot(
  path: string,
  head: Omit<SnapshotHead, 'kinds' | 'pharosSnapshot'>,
  objects: ReadonlyMap<string, readonly string[]>,
): Promise<number> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const length = await writeFile(temporary, head, objects);
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return length;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeFile(
  path: string,
  { cluster, zones, savedAt }: Omit<SnapshotHead, 'kinds' | 'pharosSnapshot'>,
  objects: ReadonlyMap<string, readonly string[]>,
): Promise<number> {
  await using file = await open(path, 'w', 0o600);
  const hash = createHash('sha256');
  let length = 0;
  const write = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    length += bytes.length;
    await file.writeFile(bytes);
  };
  const head: SnapshotHead = {
    pharosSnapshot: SNAPSHOT_VERSION,
    cluster,
    zones: [...zones].sort(),
    savedAt,
    kinds: [...objects.keys()],
  };
  await write(`${JSON.stringify(head)}\n`);
  for (const list of objects.values()) {
    await write('[');
    for (let at = 0; at < list.length; at += PIECE) {
      await write(`${at === 0 ? '' : ',\n'}${list.slice(at, at + PIECE).join(',\n')}`);
    }
    await write('\n]\n');
  }
  const digest = `sha256:${hash.digest('hex')}\n`;
  await file.writeFile(digest);
  await file.sync();
  return length + digest.length;
}

/** Makes a rename in it last. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
