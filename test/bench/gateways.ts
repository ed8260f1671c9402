/**
 * `npm run build && npm run bench:gateways [DRIVER] [SECONDS]`, as root: what gateways and route agents of the
 * published package take in memory, at real API servers, with tunnels up and after so many seconds of traffic.
 * Prints one JSON line.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CableDriverName } from '../../src/api/tunnel.ts';
import { GATEWAY_NODES, RealClusters } from '../integration/tunnel/support/real-clusters.ts';
import { NODE_NAMES, POD } from '../integration/routing/fabric.ts';

const [driver = 'ipsec', seconds = '60'] = process.argv.slice(2);

/** Resident memory in MB. */
async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024);
}

await using clusters = await RealClusters.create(
  driver as CableDriverName,
  join(import.meta.dirname, '../../dist/cli.js'),
);
clusters.startAll();
await clusters.untilConnected();
const pod = clusters.fabric.pod('a');
await clusters.fabric.reaches(pod, POD.b);
await pod.run(['ping', '-n', '-q', '-i', '0.1', '-w', seconds, POD.b]);
const memory = async (part: 'gateway' | 'route-agent', nodes: typeof NODE_NAMES): Promise<number[]> =>
  Promise.all(nodes.map((node) => residentOf(clusters.process(part, node).pid)));
console.log(
  JSON.stringify({
    bench: 'memory of gateways and route agents',
    driver,
    gatewayMB: await memory('gateway', [...GATEWAY_NODES]),
    routeAgentMB: await memory('route-agent', NODE_NAMES),
  }),
);
