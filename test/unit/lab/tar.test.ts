import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { must } from '../../lab/command.ts';
import { tarEnd, tarHeader, tarPadding, type TarEntry } from '../../lab/tar.ts';

const file = (path: string, size: number): TarEntry => ({ type: 'file', path, mode: 0o640, size });

async function listedByTar(...parts: Buffer[]): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'lab-tar-'));
  try {
    await writeFile(join(dir, 'archive.tar'), Buffer.concat(parts));
    const listed = await must('tar', ['--utc', '--numeric-owner', '-tvf', join(dir, 'archive.tar')]);
    return listed
      .trimEnd()
      .split('\n')
      .map((line) => line.replaceAll(/\s+/g, ' '));
  } finally {
    await rm(dir, { recursive: true });
  }
}

suite('archives of the lab, as tar(1) reads them', () => {
  test('hold files, folders and links, all of root and of 1970', async () => {
    const text = Buffer.from('hello\n');
    const listed = await listedByTar(
      tarHeader({ type: 'directory', path: 'bin', mode: 0o1777 }),
      tarHeader(file('bin/hello', text.length)),
      text,
      tarPadding(text.length),
      tarHeader({ type: 'link', path: 'bin/hi', target: 'hello' }),
      tarEnd,
    );
    assert.deepEqual(listed, [
      'drwxrwxrwt 0/0 0 1970-01-01 00:00 bin/',
      '-rw-r----- 0/0 6 1970-01-01 00:00 bin/hello',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/hi -> hello',
    ]);
  });

  test('hold paths of more than a hundred bytes', async () => {
    const path = `app/node_modules/${'a'.repeat(60)}/${'b'.repeat(60)}/${'c'.repeat(90)}.js`;
    assert.deepEqual(await listedByTar(tarHeader(file(path, 0)), tarEnd), [
      `-rw-r----- 0/0 0 1970-01-01 00:00 ${path}`,
    ]);
  });

  test('refuse a path that the format has no room for', () => {
    assert.throws(() => tarHeader(file('x'.repeat(101), 0)), /Path too long/);
  });

  test('need no padding after a content that ends with its block', () => {
    assert.equal(tarPadding(512).length, 0);
    assert.equal(tarPadding(0).length, 0);
    assert.equal(tarPadding(513).length, 511);
  });
});
