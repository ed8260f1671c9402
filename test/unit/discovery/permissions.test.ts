import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { PolicyRule } from '../../../src/api/administration.ts';

const root = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** `| resource | verbs |`, as the page has it. */
function rowsOf({ apiGroups, resources, resourceNames, verbs }: PolicyRule): string[] {
  return resources.flatMap((resource) =>
    apiGroups.map((group) => {
      const names = resourceNames === undefined ? '' : ` named \`${resourceNames.join('`, `')}\``;
      return `| \`${group === '' ? resource : `${resource}.${group}`}\`${names} | ${verbs.join(', ')} |`;
    }),
  );
}

it('the page on what the agent may do in its cluster lists what it is given there, and nothing else', () => {
  const rights = parseAllDocuments(read('deploy/charts/pharos/files/agent-rbac.yaml'))
    .map((document) => document.toJS() as { kind: string; rules?: PolicyRule[] })
    .flatMap(({ rules = [] }) => rules.flatMap(rowsOf));
  const [, here = ''] =
    /## In its own cluster\n([^]*?)\n## /.exec(read('docs/reference/agent-permissions.md')) ?? [];
  const listed = [...here.matchAll(/^(\| `.*?` ?(?:named `.*?` )?\| .*? \|)/gm)].map(([, row]) => row);
  assert.deepEqual(new Set(listed), new Set(rights));
});
