/**
 * Lighthouse's part of somebody's Corefile, `#lighthouse-start` to `#lighthouse-end`, which Submariner's operator
 * writes anew when it thinks fit. So taking over changes nothing in it but where it forwards to: what the operator
 * would do about that is to forward to Lighthouse again, while a second block for the zone would keep CoreDNS from
 * starting. Pure.
 */

/** Whole lines, however far they are indented. */
const SECTION = /^[ \t]*#[ \t]*lighthouse-start[^\n]*\n[^]*?^[ \t]*#[ \t]*lighthouse-end[^\n]*(?:\n|$)/m;
const FORWARD = /^([ \t]*forward[ \t]+\.[ \t]+)([^\n#]*?)([ \t]*)$/gm;
const WAS = /^([ \t]*forward[ \t]+\.[ \t]+)[^\n#]*?[ \t]+# pharos: was ([^\n]*)$/gm;

export const sectionOf = (corefile: string): string | undefined => SECTION.exec(corefile)?.[0];

export const withoutSection = (corefile: string): string => corefile.replace(SECTION, '');

/** The servers that server blocks forward to, in order. */
export const forwardsOf = (blocks: string): string[] =>
  [...blocks.matchAll(/^[ \t]*forward[ \t]+\.[ \t]+([^\n#]*)/gm)].flatMap((match) =>
    (match[1] ?? '').trim().split(/\s+/),
  );

/** Blocks that forward elsewhere; each line keeps in a comment where it went before. A second time it stays so. */
export const redirect = (blocks: string, servers: readonly string[]): string =>
  restore(blocks).replace(
    FORWARD,
    (_, start: string, before: string, blank: string) =>
      `${start}${servers.join(' ')} # pharos: was ${before}${blank}`,
  );

/** As it was before {@link redirect}, to the byte. */
export const restore = (blocks: string): string => blocks.replace(WAS, '$1$2');

export const isRedirected = (blocks: string): boolean => blocks !== restore(blocks);

/** The Corefile with another section in the place of its own. */
export const withSection = (corefile: string, change: (section: string) => string): string =>
  corefile.replace(SECTION, (section) => change(section));
