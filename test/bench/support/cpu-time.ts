/** How much processor time a server has used, its children's included (NSD answers in one). */
import { readdir, readFile } from 'node:fs/promises';

/** What `/proc` counts in: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds in user and kernel mode since the start of the process and of its living descendants. */
export async function cpuSeconds(pid: number): Promise<number> {
  // pid → parent and ticks
  const processes = new Map<number, { readonly parent: number; readonly ticks: number }>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => undefined);
    if (stat !== undefined) processes.set(Number(entry), parseStat(stat));
  }
  let ticks = 0;
  for (const [each, process] of processes) {
    for (let at: number | undefined = each; at !== undefined; at = processes.get(at)?.parent) {
      if (at !== pid) continue;
      ticks += process.ticks;
      break;
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** The fields after the command's name, which is in parentheses and may hold anything, are proc(5)'s 3 and on. */
function parseStat(stat: string): { parent: number; ticks: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return { parent: field(4), ticks: field(14) + field(15) };
}
