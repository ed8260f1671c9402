import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { ServiceImport } from '../../../src/api/objects.ts';
import { SeverableStore } from '../../../src/commands/playground/severable-store.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { type LoadedSnapshot, readSnapshot } from '../../../src/store/snapshot-file.ts';
import { SnapshotStore } from '../../../src/store/snapshot-store.ts';
import type { ObjectStore } from '../../../src/store/store.ts';
import { until } from '../../lab/wait.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { record } from '../support/recording.ts';

const folder = mkdtempSync(join(tmpdir(), 'pharos-snapshot-'));
after(() => rmSync(folder, { recursive: true }));

const { ServiceImport: Imports } = Kinds;
const imported = (name: string): ServiceImport => ({
  apiVersion: Imports.apiVersion,
  kind: 'ServiceImport',
  metadata: { name, namespace: 'shop' },
  spec: { type: 'Headless', ports: [] },
});
const zones = ['clusterset.local.'];
let files = 0;

function setUp(loaded?: LoadedSnapshot) {
  const clock = new FakeClock();
  const path = join(folder, `snapshot-${files++}`);
  const memory = new MemoryStore({ location: 'memory', clock });
  const severable = new SeverableStore(memory);
  const inner = Promise.withResolvers<ObjectStore>();
  const store = new SnapshotStore({
    path,
    cluster: 'east',
    zones,
    sources: [
      {
        kind: Imports,
        cut: ({ metadata, ...rest }) => ({ ...rest, metadata: { name: metadata.name, namespace: 'shop' } }),
      },
    ],
    inner: inner.promise,
    ...(loaded !== undefined && { loaded }),
    log: silentLog,
    clock,
    pauseMs: 10_000,
  });
  const stop = new AbortController();
  const seen = record(store, Imports, {}, stop.signal);
  const inFile = (): string[] | string => {
    const read = readSnapshot(path, { cluster: 'east', zones });
    return read.is === 'loaded'
      ? Array.from(read.snapshot.objects.get('serviceimports') ?? [], ({ metadata }) => metadata.name).sort()
      : read.is;
  };
  return { clock, memory, severable, store, seen, stop, inFile, path, found: () => inner.resolve(severable) };
}

const written = (store: SnapshotStore, times: number): Promise<true> =>
  until(`write ${times}`, 60_000, () => (store.counters.writes === times ? true : undefined), 2);

describe('a store with a snapshot', () => {
  it('writes what the store tells soon, then no more often than it may', async () => {
    const { clock, memory, store, found, inFile, seen, stop } = setUp();
    await memory.apply(Imports, imported('a'));
    found();
    await seen.until('snapshot a');
    assert.equal(inFile(), 'absent');
    await clock.advance(1000);
    await written(store, 1);
    assert.deepEqual(inFile(), ['a']);
    for (const name of ['b', 'c', 'd']) await memory.apply(Imports, imported(name));
    await memory.remove(Imports, { namespace: 'shop', name: 'b' });
    await clock.advance(9_999);
    assert.equal(store.counters.writes, 1);
    await clock.advance(1);
    await written(store, 2);
    assert.deepEqual(inFile(), ['a', 'c', 'd']);
    await clock.advance(60_000);
    assert.equal(store.counters.writes, 2, 'nothing new, nothing written');
    await memory.apply(Imports, imported('late'));
    await clock.advance(0);
    await store.close();
    assert.deepEqual(inFile(), ['a', 'c', 'd', 'late'], 'an orderly end loses nothing');
    stop.abort();
  });

  it('begins with what was loaded, as out of sight, and goes on with the store', async () => {
    const objects = new Map([['serviceimports', [imported('old')]]]);
    const { memory, severable, seen, found, stop, store, inFile, clock } = setUp({
      cluster: 'east',
      savedAt: '2026-01-01T00:00:00.000Z',
      objects,
    });
    assert.deepEqual(seen.lines, ['snapshot old', 'interrupted']);
    assert.equal(objects.size, 0, 'what was told is not held on to');
    severable.cut();
    found();
    await clock.advance(60_000);
    assert.equal(store.counters.writes, 0, 'what was read from the file is not written back');
    await memory.apply(Imports, imported('new'));
    severable.mend();
    await seen.until('live');
    assert.deepEqual(
      seen.lines
        .slice(2)
        .filter((line) => line !== 'interrupted')
        .slice(0, 2),
      ['snapshot new', 'live'],
    );
    await clock.advance(1000);
    await written(store, 1);
    assert.deepEqual(inFile(), ['new']);
    stop.abort();
  });

  it('tells nothing, and ends when told, while the store is not to be had', async () => {
    const { seen, stop } = setUp();
    assert.deepEqual(seen.lines, []);
    stop.abort();
    await seen.stop();
  });

  it('tries again to write where it cannot', async () => {
    const { clock, memory, store, found, seen, stop, path, inFile } = setUp();
    mkdirSync(path);
    await memory.apply(Imports, imported('a'));
    found();
    await seen.until('snapshot a');
    await clock.advance(1000);
    await until('failure', 60_000, () => (store.counters.failures === 1 ? true : undefined), 2);
    rmSync(path, { recursive: true });
    await until('the next is planned', 60_000, () => (clock.pending > 0 ? true : undefined), 2);
    await clock.advance(10_000);
    await written(store, 1);
    assert.deepEqual(inFile(), ['a']);
    stop.abort();
  });
});
