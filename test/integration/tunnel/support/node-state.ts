import { setTimeout as sleep } from 'node:timers/promises';
import type { Netns } from '../../../lab/netns.ts';

/** A node's network in the kernel's own words: what one process leaves behind shows as a difference. */
export async function nodeState(node: Netns): Promise<string> {
  const parts = await Promise.all(
    [
      ['ip', '-details', '-oneline', 'link', 'show'],
      ['ip', '-oneline', 'address', 'show'],
      ['ip', '-4', 'route', 'show', 'table', 'all'],
      ['ip', '-6', 'route', 'show', 'table', 'all'],
      ['ip', '-4', 'rule', 'show'],
      ['ip', '-6', 'rule', 'show'],
      ['ip', 'nexthop', 'show'],
      ['ip', 'neighbour', 'show', 'nud', 'permanent'],
      ['nft', 'list', 'ruleset'],
    ].map((args) => node.run(args)),
  );
  // Counters and timers move by themselves.
  return parts.join('\n').replaceAll(/counter packets \d+ bytes \d+|expires \d+sec/g, '');
}

/** What `ping -D -i …` saw: how many answers, and the longest time without one. */
export function silenceOf(output: string): { readonly answers: number; readonly longestMs: number } {
  const times = [...output.matchAll(/^\[(\d+\.\d+)\].*bytes from/gm)].map(([, time]) => Number(time) * 1000);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time));
  return { answers: times.length, longestMs: Math.round(Math.max(0, ...gaps)) };
}

/** Share of a flood of `ping` that came back, by its own summary. */
export const lossOf = (output: string): number => Number(/([\d.]+)% packet loss/.exec(output)?.[1] ?? 100);

/** For what happens in the middle of a measurement that runs meanwhile; nothing is asserted of the time. */
export const afterAWhile = (ms: number): Promise<void> => sleep(ms);
