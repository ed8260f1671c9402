/**
 * `npm run bench:tunnel`: what tunnels cost and how fast gateways are left, on this machine. Takes root.
 *
 *   --trials 20    fail-overs to measure
 *   --seconds 5    of each TCP stream
 *   --peers 50     other clusters to configure at once
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Kinds } from '../../src/api/kinds.ts';
import { parseClusterId } from '../../src/api/identity.ts';
import { innerAddress } from '../../src/tunnel/gateway-ref.ts';
import { lossOf, afterAWhile, silenceOf } from '../integration/tunnel/support/node-state.ts';
import { whyNoTunnels } from '../integration/tunnel/support/requirements.ts';
import {
  type GatewayName,
  GATEWAYS,
  TwoClusters,
  wanAddress,
} from '../integration/tunnel/support/two-clusters.ts';
import { until } from '../lab/wait.ts';
import { clusterRecord, endpointRecord } from '../unit/tunnel/records.ts';

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '5' },
    peers: { type: 'string', default: '50' },
  },
});
const [trials, peers] = [Number(values.trials), Number(values.peers)];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const reason = await whyNoTunnels(['iputils-ping', 'iperf3']);
if (reason !== undefined) throw new Error(reason);

const clusters = await TwoClusters.create();
clusters.startAll('vxlan');
await clusters.untilConnected();
await clusters.untilReachable();

async function leaderOfEast(): Promise<GatewayName> {
  return until('a leader', 60_000, async () => {
    for (const gateway of GATEWAYS) {
      if ((await clusters.gatewayObject('east', gateway))?.status?.haStatus === 'active') return gateway;
    }
    return undefined;
  });
}

/** Bit/s of one TCP stream from west's first gateway to an address of east's. */
async function throughput(to: string): Promise<number> {
  const server = clusters.node('east', 'gw1').run(['iperf3', '-s', '-1']);
  await afterAWhile(300);
  const output = await clusters.node('west', 'gw1').run(['iperf3', '-J', '-t', values.seconds, '-c', to]);
  await server;
  return (JSON.parse(output) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received
    .bits_per_second;
}

async function roundTripMs(to: string): Promise<number> {
  const output = await clusters.node('west', 'gw1').run(['ping', '-q', '-c', '50', '-i', '0.02', to]);
  return Number(/= [\d.]+\/([\d.]+)\//.exec(output)?.[1]);
}

// The same VXLAN by hand, beside Pharos's, between the same two nodes.
for (const [own, other, address] of [
  ['west', 'east', '198.18.0.1/30'],
  ['east', 'west', '198.18.0.2/30'],
] as const) {
  await clusters
    .node(own, 'gw1')
    .ip([
      `link add byhand mtu 1450 type vxlan id 7 local ${wanAddress(own, 'gw1')} remote ${wanAddress(other, 'gw1')} dstport 4999`,
      `addr add ${address} dev byhand`,
      'link set byhand up',
    ]);
}
const inner = innerAddress({ cluster: parseClusterId('east'), gateway: 'gw1' });
const rates = { veth: 0, byHand: 0, pharos: 0 };
for (let round = 0; round < 3; round++) {
  rates.veth = Math.max(rates.veth, await throughput(wanAddress('east', 'gw1')));
  rates.byHand = Math.max(rates.byHand, await throughput('198.18.0.2'));
  rates.pharos = Math.max(rates.pharos, await throughput(inner));
}
const mbit = (rate: number): string => `${Math.round(rate / 1e6)} Mbit/s`;
print(
  `throughput, best of 3: veth ${mbit(rates.veth)}, VXLAN by hand ${mbit(rates.byHand)}, Pharos ${mbit(rates.pharos)}: ratio ${(rates.pharos / rates.byHand).toFixed(2)}`,
);
const [byHandMs, pharosMs] = [await roundTripMs('198.18.0.2'), await roundTripMs(inner)];
print(`round trip: VXLAN by hand ${byHandMs} ms, Pharos ${pharosMs} ms`);

const silences: number[] = [];
for (let trial = 0; trial < trials; trial++) {
  const leader = await leaderOfEast();
  const flood = clusters.ping(['-D', '-i', '0.01', '-c', '300']).catch((error: Error) => error.message);
  await afterAWhile(1000);
  await clusters.setWan('east', leader, 'down');
  silences.push(silenceOf(await flood).longestMs);
  await clusters.setWan('east', leader, 'up');
  await clusters.untilConnected();
}
silences.sort((a, b) => a - b);
print(
  `loss of the active gateway, ${trials} trials: median ${silences[Math.floor(trials / 2)]} ms, maximum ${silences.at(-1)} ms of silence`,
);

const leader = await leaderOfEast();
const handOver = clusters.ping(['-i', '0.01', '-c', '400', '-q']);
await clusters.setDrained('east', leader, true);
print(`planned hand-over: ${lossOf(await handOver)} % of 400 packets lost`);
await clusters.setDrained('east', leader, false);

const crash = clusters.ping(['-i', '0.01', '-c', '400', '-q']);
await clusters.process('west', 'gw1').end('SIGKILL');
clusters.start('west', 'gw1', 'vxlan');
print(`crash of the process and restart: ${lossOf(await crash)} % of 400 packets lost`);
await clusters.untilConnected();

const { broker, west } = clusters.stores;
const stop = new AbortController();
const appeared = Promise.withResolvers<number>();
const connected = Promise.withResolvers<number>();
await clusters.process('east', 'gw2').end('SIGTERM');
await broker.remove(Kinds.TunnelEndpoint, { name: 'east.gw2', namespace: 'pharos-broker' });
await until('one tunnel less', 60_000, async () =>
  (await clusters.connections('west', 'gw1')).length === 1 ? true : undefined,
);
void broker.watch(
  Kinds.TunnelEndpoint,
  {},
  (event) => {
    if (event.type === 'set' && event.object.metadata.name === 'east.gw2')
      appeared.resolve(performance.now());
  },
  stop.signal,
);
void west.watch(
  Kinds.Gateway,
  {},
  (event) => {
    if (event.type !== 'set' || event.object.metadata.name !== 'gw1') return;
    const up = event.object.status?.connections?.some(
      ({ gateway, state }) => gateway === 'gw2' && state === 'connected',
    );
    if (up === true) connected.resolve(performance.now());
  },
  stop.signal,
);
clusters.start('east', 'gw2', 'vxlan');
print(
  `Endpoint record to first packet: ${Math.round((await connected.promise) - (await appeared.promise))} ms`,
);
stop.abort();

const begun = performance.now();
for (let peer = 0; peer < peers; peer++) {
  await broker.apply(Kinds.Cluster, clusterRecord(`peer-${peer}`, `10.${110 + peer}.0.0/16`));
  await broker.apply(Kinds.TunnelEndpoint, endpointRecord(`peer-${peer}`, 'gw1', `203.0.113.${peer + 1}`));
}
await until(`${peers} more tunnels`, 120_000, async () => {
  const links = await clusters.node('west', 'gw1').run(['ip', '-oneline', 'link', 'show', 'type', 'vxlan']);
  return (links.match(/ph-t/g)?.length ?? 0) >= peers + 2 ? true : undefined;
});
print(`${peers} peers configured in ${Math.round(performance.now() - begun)} ms`);
const status = await readFile(`/proc/${clusters.process('west', 'gw1').pid}/status`, 'utf8');
print(
  `resident memory of the gateway with them: ${Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)} MB`,
);
await clusters[Symbol.asyncDispose]();
process.exit(0);
