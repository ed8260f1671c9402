/**
 * `npm run bench:routing [SERVICES] [CLUSTERS] [TRIALS]`, as root: what one changed service costs among
 * 10,000 of 10 clusters in nftables (time and netlink bytes), and how long traffic is silent when the node of
 * the active gateway dies, as a pod on another node sees it. Prints one JSON line for each.
 */
import { spawn } from 'node:child_process';
import { parseIp } from '../../src/api/cidr.ts';
import { applyNft, nft } from '../../src/host/nft.ts';
import type { Backend, VipEntry } from '../../src/routing/service-plan.ts';
import { backendText } from '../../src/routing/service-plan.ts';
import {
  NO_SERVICES,
  type ServiceState,
  entryKey,
  serviceChange,
  serviceTable,
} from '../../src/routing/service-rules.ts';
import { Fabric, POD, gatewayObject } from '../integration/routing/fabric.ts';
import { command } from '../lab/command.ts';
import { Namespaces, runIn } from '../support/namespaces.ts';

const [services = 10_000, clusters = 10, trials = 20] = process.argv.slice(2).map(Number);

function entry(service: number, skipped: number): VipEntry {
  const [high, low] = [service >> 8, service & 255];
  const slots: Backend[] = Array.from({ length: clusters }, (_, cluster) => cluster)
    .filter((cluster) => cluster !== skipped)
    .map((cluster) => ({ ip: parseIp(`10.${100 + cluster}.${high}.${low}`), port: 80 }));
  return {
    vip: parseIp(`243.0.${high}.${low}`),
    protocol: 'TCP',
    port: 80,
    affinity: false,
    slots,
    alive: new Set(slots.map(backendText)),
    own: [],
  };
}

function stateOf(entries: readonly VipEntry[]): ServiceState {
  return {
    vips: new Set(entries.map(({ vip }) => vip)),
    own: new Set(),
    entries: new Map(entries.map((given) => [entryKey(given), given])),
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const rounded = (value: number): number => Math.round(value * 10) / 10;

async function updates(): Promise<void> {
  await using namespaces = new Namespaces();
  const netns = await namespaces.create('bench');
  const run = runIn(netns);
  const all = Array.from({ length: services }, (_, i) => entry(i, -1));
  const state = stateOf(all);
  const started = performance.now();
  await applyNft(run, nft`${[serviceTable('IPv4'), serviceTable('IPv6')]}`);
  const content = serviceChange(NO_SERVICES, state);
  if (content !== undefined) await applyNft(run, content);
  const loadMs = performance.now() - started;
  const times: number[] = [];
  let text = '';
  for (let i = 0; i < 50; i++) {
    // The worst there is: every slot of the service changes, or the number of its backends does.
    const target = (i * 197) % services;
    const next = stateOf(all.with(target, entry(target, i % clusters)));
    const begin = performance.now();
    const keys = [entryKey(entry(target, -1))];
    const change = serviceChange(state, next, keys);
    if (change === undefined) throw new Error('nothing changed');
    await applyNft(run, change);
    times.push(performance.now() - begin);
    const back = serviceChange(next, state, keys);
    if (back !== undefined) await applyNft(run, back);
    if (change.text.length > text.length) text = change.text;
  }
  const traced = await command('strace', ['-e', 'trace=sendmsg', ...netns.enter(['nft', '-f', '-'])], {
    input: text,
  }).catch(() => undefined);
  const netlinkBytes = [...(traced?.stderr ?? '').matchAll(/iov_len=(\d+)/g)].reduce(
    (sum, [, bytes]) => sum + Number(bytes),
    0,
  );
  console.log(
    JSON.stringify({
      bench: 'one service among many',
      services,
      clusters,
      loadMs: rounded(loadMs),
      updateMs: { median: rounded(median(times)), max: rounded(Math.max(...times)) },
      textBytes: text.length,
      netlinkBytes: netlinkBytes === 0 ? 'strace is not installed' : netlinkBytes,
    }),
  );
}

/** Longest time without an answer, in ms, of a ping every 10 ms for so many seconds. */
async function silence(fabric: Fabric, seconds: number, meanwhile: () => Promise<void>): Promise<number> {
  const [program, ...args] = fabric
    .pod('a')
    .enter(['ping', '-n', '-D', '-i0.01', '-w', String(seconds), POD.b]);
  const ping = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  ping.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  await meanwhile();
  await new Promise((resolve) => ping.once('close', resolve));
  const times = [...said.matchAll(/^\[([\d.]+)\] .*bytes from/gm)].map(([, time]) => Number(time) * 1000);
  return Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? time)));
}

async function failover(): Promise<void> {
  const times: number[] = [];
  await using fabric = await Fabric.create();
  await fabric.startAgents();
  await fabric.reaches(fabric.pod('a'), POD.b);
  const agent = fabric.agent('a-w1');
  for (let trial = 0; trial < trials; trial++) {
    await agent.until(
      'both gateways answer',
      ({ verdicts, choices }) =>
        verdicts['a-gw1'] === 'answers' && verdicts['a-gw2'] === 'answers' && choices['b']?.node === 'a-gw1',
    );
    await fabric.reaches(fabric.pod('a'), POD.b);
    times.push(
      await silence(fabric, 4, async () => {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        // The way back is the other cluster's gateway's to move: it is moved at once, so that the worker is measured.
        await Promise.all([fabric.power('a-gw1', 'down'), fabric.switchTunnel(2)]);
      }),
    );
    await fabric.power('a-gw1', 'up');
    await fabric.switchTunnel(1);
    fabric.set('a', gatewayObject('a-gw1', true));
  }
  console.log(
    JSON.stringify({
      bench: 'the node of the active gateway dies',
      trials,
      silenceMs: { median: rounded(median(times)), max: rounded(Math.max(...times)) },
    }),
  );
}

await updates();
if (trials > 0) await failover();
