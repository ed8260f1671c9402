import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readManifests } from '../../../src/store/directory-file.ts';

const examples = globSync(join(import.meta.dirname, '../../../examples/clusters/**/*.yaml')).map((file) =>
  readFileSync(file, 'utf8'),
);
const example = fc.constantFrom(...examples);

/** Whatever stands in a file, reading it ends with objects or with problems that name a line of it. */
function isRead(file: string, text: string): void {
  const { manifests, errors } = readManifests(file, text);
  const lines = text.split('\n').length;
  for (const { line, reason } of errors) {
    assert.ok(line !== undefined && line >= 1 && line <= lines, `line ${line} of ${lines}: ${reason}`);
    assert.ok(reason.length > 0);
  }
  for (const { object } of manifests) assert.ok(object.metadata.name);
}

test('any text is read without an exception', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
  fc.assert(fc.property(fc.constantFrom('a.yaml', 'a.json'), text, isRead));
});

test('a manifest that is cut off anywhere is read without an exception', () => {
  fc.assert(
    fc.property(example, fc.double({ min: 0, max: 1, noNaN: true }), (text, part) => {
      isRead('a.yaml', text.slice(0, Math.floor(text.length * part)));
    }),
  );
});

test('a manifest with a line lost, doubled or indented is read without an exception', () => {
  const change = fc.constantFrom<(line: string) => string[]>(
    () => [],
    (line) => [line, line],
    (line) => [`  ${line}`],
    (line) => [line.replace(':', '')],
  );
  fc.assert(
    fc.property(example, fc.nat(), change, (text, at, change) => {
      const lines = text.split('\n');
      isRead(
        'a.yaml',
        lines.flatMap((line, index) => (index === at % lines.length ? change(line) : [line])).join('\n'),
      );
    }),
  );
});

test('aliases that multiply without end are refused', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level++) {
    const [is, was] = [String.fromCodePoint(97 + level), String.fromCodePoint(96 + level)];
    bomb.push(`${is}: &${is} [${Array(10).fill(`*${was}`).join(', ')}]`);
  }
  const { errors } = readManifests('a.yaml', bomb.join('\n'));
  assert.match(errors[0]?.reason ?? '', /alias/i);
});

test('the same objects come from JSON as from YAML', () => {
  const item = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { ports: [{ port: 80 }] },
  };
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item, { ...item, kind: 'Pod' }] });
  const [json, yaml] = [readManifests('a.json', text), readManifests('a.yaml', text)];
  assert.deepEqual(json.manifests[0]?.object, yaml.manifests[0]?.object);
  assert.deepEqual([json.ignored, json.errors], [yaml.ignored, yaml.errors]);
});

test('JSON with a mistake names the line of it', () => {
  const text =
    '{\n "apiVersion": "v1",\n "kind": "Service",\n "metadata": { "name": "web" },\n "spec": { "clusterIP": "10" }\n}';
  const { errors } = readManifests('a.json', text);
  assert.deepEqual(errors, [
    { file: 'a.json', line: 5, reason: 'spec.clusterIP is "10", must be an IP address or None' },
  ]);
});
