import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../../../native/build.mjs';
import { loadUdpBatch, type UdpBatchAddon } from '../../../../src/dns/udp-batch.ts';

const BUILT = join(import.meta.dirname, '../../../../native/build/udp-batch.node');

/** The addon, built if it was not yet; or why there is none. */
export function theAddon(): UdpBatchAddon | { readonly absent: string } {
  if (!existsSync(BUILT)) {
    const problem = compile(process.env['CC'] ?? 'cc', BUILT);
    if (problem !== undefined) return { absent: problem };
  }
  return loadUdpBatch();
}
