import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './command.ts';
import type { LabNode } from './node.ts';
import { until } from './wait.ts';

/** What a tcpdump on a node's cable has seen between its beginning and its end. */
export interface Captured {
  /** A line for each packet, with addresses as numbers. */
  readonly packets: readonly string[];
  /** All bytes of them. */
  readonly bytes: Buffer;
}

/** Starts tcpdump on the node's cable; it captures when this resolves. `end` stops it. */
export async function captureWire(
  node: LabNode,
  dir: string,
  filter: string,
): Promise<{ end(): Promise<Captured> }> {
  const file = join(dir, `wire-${node.name}-${Date.now()}.pcap`);
  const daemon = node.spawn(
    'tcpdump',
    ['-i', 'eth0', '-Z', 'root', '-s', '0', '-U', '-B', '16384', '-w', file, filter],
    { name: `tcpdump-${Date.now()}` },
  );
  await until('tcpdump', 30_000, () => (daemon.tail().includes('listening on') ? true : undefined));
  return {
    async end() {
      await daemon.stop('SIGINT');
      const text = await must('tcpdump', ['-nn', '-r', file]);
      // What a packet carries, where tcpdump knows it, is on further lines, which have no time.
      const packets = text.split('\n').filter((line) => /^\d\d:\d\d:/.test(line));
      return { packets, bytes: await readFile(file) };
    },
  };
}
