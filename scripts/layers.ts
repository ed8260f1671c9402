/**
 * Who may import whom in src/: the house rules as a table. A folder may import itself, packages, and the
 * folders listed for it. Run directly it prints every violation and exits 1; the tests call it too.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const LAYERS: Readonly<Record<string, readonly string[] | 'everything'>> = {
  api: [],
  observability: [],
  runtime: ['api', 'observability'],
  store: ['api', 'runtime', 'observability'],
  zone: ['api'],
  dns: ['api', 'zone', 'observability'],
  discovery: ['api', 'store', 'runtime', 'observability'],
  membership: ['api', 'store', 'runtime', 'observability'],
  diagnosis: ['api', 'store', 'runtime', 'host', 'membership', 'config'],
  host: ['api', 'runtime', 'observability'],
  tunnel: ['api', 'store', 'runtime', 'host', 'observability'],
  routing: ['api', 'store', 'runtime', 'host', 'observability'],
  config: ['api'],
  explain: ['api', 'zone', 'discovery', 'membership', 'config'],
  page: ['api', 'zone', 'store', 'runtime', 'discovery', 'explain', 'observability'],
  commands: 'everything',
  'cli.ts': 'everything',
};

/** Packages that cost too much at start, or must stay behind one seam: where alone they may be imported. */
const PACKAGE_HOMES: Readonly<Record<string, string>> = {
  '@kubernetes/client-node': 'store',
  ioredis: 'store',
  dns2: 'dns',
  'lru-cache': 'dns',
  pino: 'observability',
  'prom-client': 'observability',
  commander: 'config',
};

const IMPORT = /^\s*(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm;

/** @returns one line per broken rule, empty when the house is in order. */
export function layerViolations(sourceRoot: string): string[] {
  const violations: string[] = [];
  for (const file of readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const room = file.split('/')[0] ?? file;
    const allowed = LAYERS[room];
    if (allowed === undefined) {
      violations.push(`src/${file}: no layer is called "${room}"; add it to the table in scripts/layers.ts`);
      continue;
    }
    const text = readFileSync(join(sourceRoot, file), 'utf8');
    for (const match of text.matchAll(IMPORT)) {
      const target = match[1] ?? match[2] ?? '';
      if (!target.startsWith('.')) {
        const home = PACKAGE_HOMES[target];
        const typesOnly = /^\s*import type\b/.test(match[0]);
        if (home !== undefined && room !== home && room !== 'cli.ts' && !typesOnly) {
          violations.push(`src/${file}: imports ${target}, which only src/${home} may`);
        }
        continue;
      }
      const to = relative(sourceRoot, resolve(sourceRoot, dirname(file), target));
      const toRoom = to.split('/')[0] ?? to;
      if (to.startsWith('..')) {
        if (to !== '../package.json') violations.push(`src/${file}: imports ${target}, outside of src/`);
      } else if (toRoom !== room && allowed !== 'everything' && !allowed.includes(toRoom)) {
        violations.push(`src/${file}: imports ${to}; ${room}/ may import ${allowed.join(', ') || 'nothing'}`);
      }
    }
  }
  return violations;
}

if (import.meta.main) {
  const violations = layerViolations(join(import.meta.dirname, '../src'));
  for (const violation of violations) console.error(violation);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
