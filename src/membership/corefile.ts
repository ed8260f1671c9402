/**
 * The stub domains of Pharos in somebody else's Corefile: put there, kept up to date and taken out again, with
 * every other byte as it was. Pure.
 */

/** What cluster DNS is to do: send these zones to these servers. */
export interface Stub {
  /** With or without a dot at the end. */
  readonly zones: readonly string[];
  /** Addresses, with a port where it is not 53. */
  readonly servers: readonly string[];
}

const BEGIN = '# BEGIN pharos: written by "pharos join", taken out by "pharos leave"';
const END = '# END pharos';
/** With the line break before it, which the Corefile did not end with. */
const OURS = new RegExp(`\n${BEGIN}\n[^]*?${END}\n`, 'g');

/** Server blocks that send the zones to the servers. Answers are as fast as a cache, and never old: no `cache`. */
export function stubBlocks({ zones, servers }: Stub): string {
  const block = (keys: readonly string[]): string =>
    keys.length === 0 ? '' : `${keys.join(' ')} {\n    errors\n    forward . ${servers.join(' ')}\n}\n`;
  const keyOf = (zone: string): string => `${zone.replace(/\.$/, '')}:53`;
  const forward = zones.filter((zone) => !isReverse(zone)).map((zone) => block([keyOf(zone)]));
  // A network that ends within a label is many zones.
  return [...forward, block(zones.filter(isReverse).map(keyOf))].join('');
}

const isReverse = (zone: string): boolean => /\.arpa\.?$/.test(zone);

/** @returns the Corefile with the stub, and with no other of Pharos's: a second time changes nothing */
export const withStub = (corefile: string, stub: Stub): string =>
  `${withoutStub(corefile)}\n${BEGIN}\n${stubBlocks(stub)}${END}\n`;

/** @returns the Corefile as it was before {@link withStub} */
export const withoutStub = (corefile: string): string => corefile.replace(OURS, '');

/**
 * Zones that the Corefile serves by a block that is not Pharos's. CoreDNS refuses to start with two blocks for
 * one zone and port.
 */
export function zonesOfOthers(corefile: string, zones: readonly string[]): string[] {
  const served = new Set(serverKeys(withoutStub(corefile)).map(zoneOf));
  return zones.filter((zone) => served.has(zoneOf(zone)));
}

/** Whether files beside the Corefile are read as server blocks: k3s and AKS keep the users' own there. */
export const importsServers = (corefile: string): boolean =>
  serverKeys(corefile).some((key, index, keys) => keys[index - 1] === 'import' && key.endsWith('*.server'));

/** The words outside of all braces, in order: keys of server blocks, and imports with what they import. */
function serverKeys(corefile: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (const line of corefile.split('\n')) {
    for (const word of line.replace(/(^|\s)#.*$/, '').split(/[\s,]+/)) {
      if (word === '{') depth++;
      else if (word === '}') depth = Math.max(0, depth - 1);
      else if (word !== '' && depth === 0) keys.push(word);
    }
  }
  return keys;
}

/** `clusterset.local` of `dns://Clusterset.Local.:53`. */
const zoneOf = (key: string): string =>
  key
    .toLowerCase()
    .replace(/^[a-z]+:\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/(?<=.)\.$/, '');

/** One server block: the zones that it serves, and the words of each directive in it. */
export interface ServerBlock {
  readonly zones: readonly string[];
  /** `['cache', '30']`; what stands in a directive's own braces follows as directives with two words before them. */
  readonly directives: readonly (readonly string[])[];
}

/** The server blocks of a Corefile. What a snippet or an import brings in is not among them. */
export function serverBlocks(corefile: string): ServerBlock[] {
  const blocks: { zones: string[]; directives: string[][] }[] = [];
  let keys: string[] = [];
  let depth = 0;
  let outer = '';
  for (const line of corefile.split('\n')) {
    const words = line
      .replace(/(^|\s)#.*$/, '')
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    if (words.length === 0) continue;
    const opens = words.at(-1) === '{';
    const bare = words.filter((word) => word !== '{' && word !== '}');
    if (depth === 0) {
      keys.push(...bare);
      if (opens) {
        blocks.push({ zones: keys.map(zoneOf), directives: [] });
        keys = [];
      }
    } else if (bare.length > 0) {
      blocks.at(-1)?.directives.push(depth === 1 ? bare : [outer, '{', ...bare]);
      if (depth === 1) outer = bare[0] ?? '';
    }
    if (opens) depth++;
    depth = Math.max(0, depth - words.filter((word) => word === '}').length);
  }
  return blocks;
}

/** The block that a server takes for names in `zone`: of those that hold it, the one of the longest zone. */
export function blockFor(blocks: readonly ServerBlock[], zone: string): ServerBlock | undefined {
  const wanted = zoneOf(zone);
  const holds = (served: string): boolean =>
    served === '.' || wanted === served || wanted.endsWith(`.${served}`);
  let best: { readonly block: ServerBlock; readonly length: number } | undefined;
  for (const block of blocks) {
    for (const served of block.zones.filter(holds)) {
      const length = served === '.' ? 0 : served.length;
      if (best === undefined || length > best.length) best = { block, length };
    }
  }
  return best?.block;
}

/** Whether a block is for this zone, or one around it. The default block does not count. */
export const hasBlockFor = (corefile: string, zone: string): boolean =>
  blockFor(serverBlocks(corefile), zone)?.zones.some((served) => served !== '.') === true;

/** Who answers for a zone, by what a Corefile says. */
export type ZoneServer =
  | { readonly by: 'forward'; readonly to: readonly string[] }
  /** The CoreDNS plugin of Pharos. */
  | { readonly by: 'pharos' }
  /** The option of CoreDNS's plugin kubernetes. */
  | { readonly by: 'multicluster' }
  | { readonly by: 'other' };

/** What a Corefile does with a zone; undefined where no block names it. A default block does not count. */
export function zoneServerOf(corefile: string, zone: string): ZoneServer | undefined {
  const wanted = zoneOf(zone);
  for (const { zones, directives } of serverBlocks(corefile)) {
    const isOption = directives.some(
      ([, brace, option, ...served]) =>
        brace === '{' && option === 'multicluster' && served.map(zoneOf).includes(wanted),
    );
    if (isOption) return { by: 'multicluster' };
    if (!zones.includes(wanted)) continue;
    if (directives.some(([plugin]) => plugin === 'pharos')) return { by: 'pharos' };
    const forwards = directives.filter(([plugin, brace]) => plugin === 'forward' && brace !== '{');
    const to = forwards.flatMap(([, , ...targets]) => targets);
    return to.length === 0 ? { by: 'other' } : { by: 'forward', to };
  }
  return undefined;
}
