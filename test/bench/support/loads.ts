/** What the servers are asked, and how. */
import type { Contestant } from './dns-servers.ts';
import type { LoadOptions } from './dnsperf.ts';
import type { Asked } from './services.ts';

export interface Load {
  readonly name: string;
  readonly asked: Asked;
  readonly how?: Pick<LoadOptions, 'edns' | 'tcp'>;
  /** While the zone changes a hundred times a second. */
  readonly changing?: boolean;
}

export const loads: readonly Load[] = [
  { name: 'a', asked: 'a' },
  { name: 'a-edns', asked: 'a', how: { edns: true } },
  { name: 'mixed', asked: 'mixed' },
  { name: 'mixed-changing', asked: 'mixed', changing: true },
  { name: 'nxdomain', asked: 'nxdomain' },
  { name: 'headless-10', asked: 'headless-10' },
  { name: 'headless-300', asked: 'headless-300', how: { edns: true } },
  { name: 'tcp', asked: 'a', how: { tcp: true } },
];

export function takesPart({ basic, changes, cores = 1 }: Contestant, load: Load): boolean {
  if (load.changing === true) return changes === true;
  if (changes === true) return load.name === 'mixed';
  if (cores > 1) return load.name.startsWith('a');
  return basic !== true || load.name === 'a';
}
