/**
 * Stub domains of GKE's kube-dns: JSON in key `stubDomains` of ConfigMap kube-system/kube-dns, `{"zone": ["address"]}`.
 * JSON has no comments, so that Pharos's entries stand between two lines of blanks that nobody else writes: taken
 * out again, every other byte is as it was. Pure.
 */
import type { Stub } from './corefile.ts';

const MARK = '\n \t \n';
const OURS = new RegExp(`${MARK}[^]*?${MARK}`, 'g');

/**
 * @param text what stands there; '' where nothing does
 * @returns the same with Pharos's entries first; undefined where it is no JSON object
 */
export function withStubDomains(text: string, { zones, servers }: Stub): string | undefined {
  const before = withoutStubDomains(text);
  const others = entriesOf(before);
  if (others === undefined) return undefined;
  const entries = zones.map((zone) => `${JSON.stringify(zone)}: ${JSON.stringify(servers)}`).join(',\n');
  if (before.trim() === '') return `${before}${MARK}{${entries}}${MARK}`;
  return before.replace('{', () => `{${MARK}${entries}${others.length === 0 ? '' : ','}${MARK}`);
}

/** @returns the text as it was before {@link withStubDomains} */
export const withoutStubDomains = (text: string): string => text.replace(OURS, '');

/** Zones that somebody else's entries have. */
export function stubDomainsOfOthers(text: string, zones: readonly string[]): string[] {
  const taken = new Set((entriesOf(withoutStubDomains(text)) ?? []).map((zone) => zone.toLowerCase()));
  return zones.filter((zone) => taken.has(zone));
}

/** The zones of a JSON object; none of an empty text, undefined of anything else. */
function entriesOf(text: string): string[] | undefined {
  if (text.trim() === '') return [];
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.keys(value)
      : undefined;
  } catch {
    return undefined;
  }
}
