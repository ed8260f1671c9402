import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import type { CableDriverName } from '../../../src/api/tunnel.ts';
import { ensureBinaries } from '../../lab/binaries.ts';
import { STRONGSWAN } from '../../lab/packages.ts';
import { until } from '../../lab/wait.ts';
import { lossOf } from './support/node-state.ts';
import { whyNoTunnels } from './support/requirements.ts';
import { podAddress, podAddress6, TwoClusters } from './support/two-clusters.ts';

const skip = await whyNoTunnels(['iputils-ping', 'tcpdump', 'wireguard-tools', ...STRONGSWAN]);

/** A busy machine must not look like a dead one. */
const PATIENT = { missed: 10 };
const SECRET = 'c0ffee42';

/** One ping after the other, of 100 packets each, until told to stop. */
async function flooding(clusters: TwoClusters, signal: AbortSignal): Promise<{ at: Date; loss: number }[]> {
  const rounds: { at: Date; loss: number }[] = [];
  while (!signal.aborted) {
    const at = new Date();
    const said = await clusters
      .ping(['-i', '0.01', '-c', '100', '-q'])
      .catch((error: Error) => error.message);
    rounds.push({ at, loss: lossOf(said) });
  }
  return rounds;
}

const drivers: readonly (readonly [CableDriverName, string, RegExp, number])[] = [
  ['ipsec', '4500', /no ESP|^$/, 1350],
  ['wireguard', '51840', /no WireGuard|^$/, 1370],
];

for (const [driver, port, caveat, mtu] of drivers) {
  describe(`gateways with ${driver}`, { skip }, () => {
    let clusters: TwoClusters;
    before(async () => {
      const { 'wireguard-go': program } = await ensureBinaries(['wireguard-go']);
      clusters = await TwoClusters.create({ path: dirname(program) });
      clusters.startAll(driver, PATIENT);
    });
    after(() => clusters?.[Symbol.asyncDispose]());

    test('every pair keeps a tunnel up, and says what it costs', async () => {
      await clusters.untilConnected();
      const [first] = await clusters.connections('west', 'gw1');
      assert.match(first?.reason ?? '', caveat);
      assert.deepEqual([first?.mtu, first?.driver], [mtu, driver]);
    });

    test('a pod reaches a pod of the other cluster by IPv4 and IPv6, with its own address', async () => {
      await clusters.untilReachable();
      await clusters.untilReachable(podAddress6('east'));
    });

    test('on the wire there is one UDP port, and nothing of what is said', async () => {
      const [file, ...args] = clusters.fabric.enter([
        'tcpdump',
        '-Z',
        'root',
        '-lnXXi',
        'wan',
        '-c',
        '60',
        'not',
        'arp',
        'and',
        'not',
        'icmp6',
      ]);
      const dump = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      let seen = '';
      let said = '';
      dump.stdout.on('data', (bytes: Buffer) => (seen += bytes.toString()));
      dump.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
      const ended = new Promise((resolve) => dump.once('exit', resolve));
      await until('tcpdump', 30_000, () => (said.includes('listening') ? true : undefined));
      assert.equal(lossOf(await clusters.ping(['-p', SECRET, '-c', '20', '-i', '0.05', '-q'])), 0);
      await ended;
      const packets = seen.split('\n').filter((line) => /^\d\d:\d\d:\d\d/.test(line));
      assert.ok(packets.length >= 60, said);
      for (const packet of packets)
        assert.match(packet, new RegExp(`IP .*\\.${port} > .*\\.${port}: `), packet);
      const bytes = seen.replaceAll(/^\s+0x[0-9a-f]+: {2}|  .*$|[\s]/gm, '');
      assert.ok(!bytes.includes(SECRET.repeat(3)), 'the payload is on the wire');
      for (const address of [podAddress('west'), podAddress('east')]) {
        const hex = address
          .split('.')
          .map((part) => Number(part).toString(16).padStart(2, '0'))
          .join('');
        assert.ok(!bytes.includes(hex), `${address} is on the wire`);
      }
    });

    test('a process that is killed takes no packet with it: what encrypts goes on', async () => {
      const flood = clusters.ping(['-i', '0.02', '-c', '200', '-q']);
      await clusters.process('west', 'gw1').end('SIGKILL');
      clusters.start('west', 'gw1', driver, PATIENT);
      assert.equal(lossOf(await flood), 0);
      await clusters.untilConnected();
    });

    test('a gateway that comes back with new keys is taken again, and nobody with the old ones', async () => {
      const store = clusters.stores.east;
      const before = (
        await clusters.stores.broker.get(Kinds.TunnelEndpoint, {
          name: 'east.gw2',
          namespace: 'pharos-broker',
        })
      )?.spec.publicKeys;
      await clusters.process('east', 'gw2').end('SIGTERM');
      await store.remove(Kinds.Secret, { name: `pharos-gateway-${driver}.gw2`, namespace: SYSTEM_NAMESPACE });
      clusters.start('east', 'gw2', driver, PATIENT);
      // West's leader was killed before: until there is another, nobody brings the new keys, and old tunnels answer.
      await until('new keys in west', 90_000, async () => {
        const ref = { name: 'east.gw2', namespace: SYSTEM_NAMESPACE };
        const now = (await clusters.stores.west.get(Kinds.TunnelEndpoint, ref))?.spec.publicKeys;
        return now === undefined || now[0] === before?.[0] ? undefined : true;
      });
      const broughtAt = Date.now();
      await until('a tunnel by them', 90_000, async () => {
        const connection = (await clusters.connections('west', 'gw1')).find(
          ({ gateway }) => gateway === 'gw2',
        );
        const since = Math.max(broughtAt, Date.parse(connection?.since ?? ''));
        if (connection?.state === 'connected' && Date.now() - since > 2000) return true;
        throw new Error(JSON.stringify(connection));
      });
      await clusters.untilConnected();
    });

    test('keys are rotated, and no packet is lost at 100 a second', async () => {
      // West sends to the one that leads, and elsewhere while that one changes its keys.
      await clusters.setDrained('east', 'gw1', true);
      await until('the other one to lead', 60_000, async () =>
        (await clusters.gatewayObject('east', 'gw2'))?.status?.haStatus === 'active' ? true : undefined,
      );
      await clusters.setDrained('east', 'gw1', false);
      await clusters.untilReachable();
      const [before] = await clusters.publishedKeys('east', 'gw2');
      const stop = new AbortController();
      const flood = flooding(clusters, stop.signal);
      await clusters.rotateKeys('east', 'gw2');
      const [now, old] = await clusters.publishedKeys('east', 'gw2');
      assert.deepEqual([old, now === before], [before, false]);
      await clusters.untilConnected();
      await until('the old key withdrawn', 60_000, async () =>
        (await clusters.publishedKeys('east', 'gw2')).length === 1 ? true : undefined,
      );
      await clusters.untilConnected();
      stop.abort();
      assert.deepEqual(
        (await flood).filter(({ loss }) => loss > 0),
        [],
      );
    });

    test('private keys are in no log', async () => {
      for (const cluster of ['west', 'east'] as const) {
        for (const gateway of ['gw1', 'gw2'] as const) {
          const log = await clusters.process(cluster, gateway).log();
          assert.doesNotMatch(log, /PRIVATE KEY/);
        }
      }
    });
  });
}

test('IPsec by a key that all members share, where a policy wants one', { skip }, async () => {
  await using clusters = await TwoClusters.create();
  const preSharedKey = 'correct horse battery staple';
  for (const cluster of ['west', 'east'] as const)
    clusters.start(cluster, 'gw1', 'ipsec', { ...PATIENT, preSharedKey });
  await clusters.untilConnected(1);
  await clusters.untilReachable();
  clusters.start('east', 'gw2', 'ipsec', { ...PATIENT, preSharedKey: 'another horse, another staple' });
  await until('refusal of another key', 60_000, async () => {
    const [connection] = await clusters.connections('east', 'gw2');
    return connection?.state === 'error' ? true : undefined;
  });
  for (const gateway of ['gw1', 'gw2'] as const)
    assert.doesNotMatch(await clusters.process('east', gateway).log(), /staple/);
});
