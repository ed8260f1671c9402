import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { KubeObject } from '../../../src/api/objects.ts';
import {
  parseSnapshot,
  readSnapshot,
  type SnapshotRead,
  writeSnapshot,
} from '../../../src/store/snapshot-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'pharos-snapshot-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'snapshot');

const zones = ['clusterset.local.', 'example.org.'];
const head = { cluster: 'east', zones, savedAt: '2026-01-31T12:00:00.000Z' };
const owner = { cluster: 'east', zones };
const object = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name } });
const write = (objects: Record<string, readonly KubeObject[]>): Promise<number> =>
  writeSnapshot(
    path,
    head,
    new Map(
      Object.entries(objects).map(([plural, list]) => [plural, list.map((each) => JSON.stringify(each))]),
    ),
  );
const reasonOf = (read: SnapshotRead): string => (read.is === 'refused' ? read.reason : read.is);

describe('a snapshot file', () => {
  it('is read as it was written, whatever the objects say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' })), fc.nat(1200), async (names, many) => {
        const objects = {
          serviceimports: names.map(object),
          endpointslices: Array.from({ length: many }, (_, n) => object(`slice-${n}`)),
          gateways: [object('\n]\n')],
        };
        const length = await write(objects);
        assert.equal(readFileSync(path).length, length);
        const read = readSnapshot(path, owner);
        assert.ok(read.is === 'loaded', reasonOf(read));
        const found = [...read.snapshot.objects].map(([plural, list]) => [plural, [...list]]);
        assert.deepEqual(Object.fromEntries(found), objects);
        assert.deepEqual([read.snapshot.cluster, read.snapshot.savedAt], ['east', head.savedAt]);
      }),
      { numRuns: 20 },
    );
    assert.deepEqual(readdirSync(folder), ['snapshot'], 'nothing temporary is left');
  });

  it('is refused when it ends too early, wherever that is, or any byte of it is another', async () => {
    await write({ serviceimports: [object('a'), object('b')], endpointslices: [] });
    const whole = readFileSync(path);
    assert.equal(reasonOf(parseSnapshot(whole, owner)), 'loaded');
    for (let length = 0; length < whole.length; length++) {
      assert.equal(
        parseSnapshot(whole.subarray(0, length), owner).is,
        'refused',
        `the first ${length} bytes`,
      );
    }
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      assert.equal(parseSnapshot(damaged, owner).is, 'refused', `byte ${at}`);
    }
  });

  it('is refused by name when it is not one of this server’s', async () => {
    await write({ serviceimports: [] });
    const reasons = [
      readSnapshot(path, { ...owner, cluster: 'west' }),
      readSnapshot(path, { ...owner, zones: ['clusterset.local.'] }),
      readSnapshot(path, { cluster: undefined, zones }),
      readSnapshot(path, { cluster: undefined, zones: zones.toReversed() }),
      readSnapshot(join(folder, 'none'), owner),
      readSnapshot(folder, owner),
    ].map(reasonOf);
    assert.deepEqual(reasons.slice(0, 5), [
      'it is of cluster east, not of west',
      'it is of zone clusterset.local., example.org., not of clusterset.local.',
      'loaded',
      'loaded',
      'absent',
    ]);
    assert.match(reasons[5] ?? '', /^it cannot be read: EISDIR/);
    const later = readFileSync(path, 'utf8').replace('"pharosSnapshot":1', '"pharosSnapshot":2');
    assert.equal(reasonOf(parseSnapshot(Buffer.from(later), owner)), 'it is of version 2, must be 1');
    assert.match(reasonOf(parseSnapshot(Buffer.from('apiVersion: v1\n'), owner)), /no snapshot of Pharos/);
  });

  it('of before stays where a new one cannot be written', async () => {
    await write({ serviceimports: [object('a')] });
    const nowhere = join(folder, 'no/such/folder');
    await assert.rejects(writeSnapshot(nowhere, head, new Map()), { code: 'ENOENT' });
    writeFileSync(join(folder, 'blocked'), '');
    assert.equal(readSnapshot(path, owner).is, 'loaded');
    rmSync(join(folder, 'blocked'));
  });
});
