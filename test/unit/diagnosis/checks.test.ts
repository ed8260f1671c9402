import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FactValues } from '../../../src/diagnosis/facts.ts';
import { checks } from '../../../src/diagnosis/checks.ts';

const root = join(import.meta.dirname, '../../..');

/** As GitHub makes anchors of headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

test('every check leads to a heading of the documentation that exists', () => {
  const broken: string[] = [];
  for (const { id, docs } of checks) {
    const [page = '', anchor] = docs.split('#');
    if (globSync(page, { cwd: root }).length === 0) {
      broken.push(`${id}: there is no ${page}`);
      continue;
    }
    const headings = [...readFileSync(join(root, page), 'utf8').matchAll(/^#+ (.*)$/gm)];
    if (!headings.some(([, heading = '']) => anchorOf(heading) === anchor)) {
      broken.push(`${id}: ${page} has no heading #${anchor}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('ids are unique, and every text is a sentence', () => {
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
  for (const { id, proves, how, mend } of checks) {
    assert.match(id, /^(versions|broker|dns|tunnel|host)\.[a-z-]+$/);
    assert.match(proves, /[^.]$/, `${id}: proves goes on in a line of its own, without a full stop`);
    for (const text of [how, mend]) assert.match(text, /^\S.*[.`]$/, `${id}: ${text}`);
  }
});

test('Kubernetes before 1.30 fails, in the member and on the broker; a version that is none is unknown', () => {
  for (const id of ['versions.member', 'versions.broker']) {
    const each = checks.find((check) => check.id === id);
    const verdict = (version: string): string | undefined =>
      each?.decide({ memberVersion: version, brokerVersion: version } as FactValues, {
        now: 0,
        version: '0.1.0',
        zone: 'clusterset.local',
      }).is;
    assert.deepEqual(
      ['v1.29.14', 'v1.30.0', 'v1.34.1+k3s1', 'v2.0.0', 'v0.99', 'strange'].map(verdict),
      ['failed', 'ok', 'ok', 'ok', 'failed', 'unknown'],
      id,
    );
  }
});
