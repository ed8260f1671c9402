import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { ensureBinaries } from '../../lab/binaries.ts';
import { STRONGSWAN } from '../../lab/packages.ts';
import { until } from '../../lab/wait.ts';
import { whyNoTunnels } from './support/requirements.ts';
import { type ClusterName, podAddress6, TwoClusters } from './support/two-clusters.ts';

const skip = await whyNoTunnels(['iputils-ping', 'wireguard-tools', ...STRONGSWAN]);

/** A busy machine must not look like a dead one. */
const PATIENT = { missed: 10 };
/** Between the gateways: so much a router takes; so much is in it of a tunnel's packet at least, and at most. */
const NARROW = 1300;
const LEAST_COST = 90;
const MOST_COST = 150;
const KIB_64 = 65_536;
/** The largest payload of a UDP packet. */
const UDP_MOST = 65_507;

/** The largest packet that a gateway says gets through, once it is within these bounds. */
async function mtuOf(
  clusters: TwoClusters,
  cluster: ClusterName,
  isRight: (mtu: number) => boolean,
): Promise<number> {
  return until(`a sound MTU in the status of ${cluster}`, 60_000, async () => {
    const [connection] = await clusters.connections(cluster, 'gw1');
    const mtu = connection?.mtu ?? 0;
    if (!isRight(mtu)) throw new Error(JSON.stringify(connection));
    return mtu;
  });
}

const isNarrow = (mtu: number): boolean => mtu >= NARROW - MOST_COST && mtu <= NARROW - LEAST_COST;

/** 64 KiB both ways by TCP and UDP and both families, and who sends too much is told how much it may be. */
async function assertNoHole(clusters: TwoClusters, mtu: number): Promise<void> {
  for (const to of [undefined, podAddress6('east')]) {
    await clusters.echo('tcp', KIB_64, to);
    // A lost packet is lost with all of the 60 that it is cut into.
    await until(`64 KiB by UDP to ${to ?? 'IPv4'}`, 60_000, async () => {
      await clusters.echo('udp', UDP_MOST, to);
      return true;
    });
  }
  const ofSize = (size: number): Promise<string> =>
    clusters.ping(['-M', 'do', '-c', '3', '-i', '0.2', '-W', '5', '-s', String(size - 28)]);
  assert.match(await ofSize(mtu), / 0% packet loss/);
  const told = await ofSize(mtu + 1).catch((error: Error) => error.message);
  assert.match(
    told,
    new RegExp(`Frag needed and DF set \\(mtu = ${mtu}\\)|message too long, mtu[=:] ?${mtu}`),
  );
}

/** What is used while it is looked for may be a little less than what is used in the end. */
async function untilNoHole(clusters: TwoClusters): Promise<void> {
  await until('no black hole', 120_000, async () => {
    const mtu = await mtuOf(clusters, 'west', isNarrow);
    // The pod's kernel keeps what it was told meanwhile for ten minutes, and would not try more by itself.
    await clusters.node('west', 'w1').run(['ip', 'route', 'flush', 'cache']);
    await assertNoHole(clusters, mtu);
    return true;
  });
}

for (const driver of ['ipsec', 'wireguard'] as const) {
  describe(`a narrow way between gateways, with ${driver}`, { skip }, () => {
    const create = async (): Promise<TwoClusters> => {
      const { 'wireguard-go': program } = await ensureBinaries(['wireguard-go']);
      return TwoClusters.create({ path: dirname(program) });
    };

    test('of which routers tell is measured before anybody uses it', async () => {
      await using clusters = await create();
      const { privateIP } = await clusters.putBehindNarrowLink('east', 'gw1', NARROW, { areSilent: false });
      await clusters.serveEcho('east');
      clusters.start('west', 'gw1', driver, PATIENT);
      clusters.start('east', 'gw1', driver, { ...PATIENT, privateIP });
      await clusters.untilConnected(1);
      await clusters.untilReachable();
      const mtu = await mtuOf(clusters, 'west', isNarrow);
      await mtuOf(clusters, 'east', isNarrow);
      await assertNoHole(clusters, mtu);
    });

    test('that comes to be while all is well, and of which nobody tells, is found out by large packets that vanish', async () => {
      await using clusters = await create();
      const { privateIP, setMtu } = await clusters.putBehindNarrowLink('east', 'gw1', 1500, {
        areSilent: true,
      });
      await clusters.serveEcho('east');
      const gateway = clusters.start('west', 'gw1', driver, PATIENT);
      clusters.start('east', 'gw1', driver, { ...PATIENT, privateIP });
      await clusters.untilConnected(1);
      await clusters.untilReachable();
      const wide = await mtuOf(clusters, 'west', (mtu) => mtu > NARROW);
      await assertNoHole(clusters, wide);
      await setMtu(NARROW);
      await mtuOf(clusters, 'east', isNarrow);
      await untilNoHole(clusters);
      // What was found out is in force when another process takes over.
      await gateway.end('SIGKILL');
      clusters.start('west', 'gw1', driver, PATIENT);
      await clusters.untilConnected(1);
      await mtuOf(clusters, 'west', isNarrow);
      await untilNoHole(clusters);
    });
  });
}
