import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { layerViolations } from '../../scripts/layers.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('folders of src/ import only what the house rules allow', () => {
  assert.deepEqual(layerViolations(join(root, 'src')), []);
});

test('no test is left focused', () => {
  const focused = globSync('test/**/*.test.ts', { cwd: root }).filter((file) =>
    /\b(test|it|describe|suite)\.only\(|\bonly: true\b/.test(
      read(file).replaceAll(/'[^'\n]*'|\/[^/\n]+\//g, ''),
    ),
  );
  assert.deepEqual(focused, []);
});

test('every relative link in the documentation leads to a file', () => {
  const broken: string[] = [];
  for (const page of globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root })) {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const path = join(page, '..', target);
      if (globSync(path, { cwd: root }).length === 0) broken.push(`${page} -> ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('every page of the documentation is found from docs/README.md', () => {
  const listed = new Set(
    [...read('docs/README.md').matchAll(/\]\(([^)#\s]+)\)/g)].map(([, target]) => target),
  );
  const pages = globSync('*/**/*.md', { cwd: join(root, 'docs') });
  assert.deepEqual(
    pages.filter((page) => !listed.has(page)),
    [],
  );
});

test('every npm script that the documentation names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const missing: string[] = [];
  for (const page of globSync(['*.md', 'docs/**/*.md'], { cwd: root })) {
    for (const [, name = ''] of read(page).matchAll(/npm run ([a-z][a-z:-]*)/g)) {
      if (!(name in scripts)) missing.push(`${page}: npm run ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('every test that the documentation points to exists', () => {
  const missing: string[] = [];
  for (const page of globSync(['*.md', 'docs/**/*.md'], { cwd: root })) {
    for (const [, path = ''] of read(page).matchAll(/`((?:test|src)\/[\w./-]+\.ts)`/g)) {
      if (globSync(path, { cwd: root }).length === 0) missing.push(`${page}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('every test that the known pains name by its title exists', () => {
  const tests = globSync('test/**/*.test.ts', { cwd: root }).map(read).join('\n');
  const missing = read('docs/explanation/known-pains.md')
    .split('\n')
    .flatMap((line) => [...(line.split(' | ')[2] ?? '').matchAll(/"([^"]+)"/g)])
    .map(([, title = '']) => title)
    .filter((title) => !tests.includes(title));
  assert.deepEqual(missing, []);
});
