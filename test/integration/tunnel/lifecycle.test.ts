import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import { runner } from '../../../src/host/run.ts';
import { vxlanDriver } from '../../../src/tunnel/drivers/vxlan.ts';
import { Tunnels } from '../../../src/tunnel/tunnels.ts';
import { until } from '../../lab/wait.ts';
import { clusterRecord, endpointRecord } from '../../unit/tunnel/records.ts';
import { afterAWhile, lossOf, nodeState, silenceOf } from './support/node-state.ts';
import { whyNoTunnels } from './support/requirements.ts';
import {
  type ClusterName,
  type GatewayName,
  GATEWAYS,
  podAddress,
  TwoClusters,
} from './support/two-clusters.ts';

/** A busy machine must not look like a dead one; how fast the defaults are is measured by the benchmark. */
const PATIENT = { missed: 10 };

const skip = await whyNoTunnels(['iputils-ping']);

describe('the life of gateways', { skip }, () => {
  let clusters: TwoClusters;
  const virgin = new Map<string, string>(); // gateway of west → its node's state before anything ran

  before(async () => {
    clusters = await TwoClusters.create();
    for (const gateway of GATEWAYS) virgin.set(gateway, await nodeState(clusters.node('west', gateway)));
    clusters.startAll('vxlan', PATIENT);
    await clusters.untilConnected();
    await clusters.untilReachable();
  });
  after(() => clusters?.[Symbol.asyncDispose]());

  async function leaderOf(cluster: ClusterName): Promise<GatewayName> {
    return until(`a leader of ${cluster}`, 60_000, async () => {
      for (const gateway of GATEWAYS) {
        if ((await clusters.gatewayObject(cluster, gateway))?.status?.haStatus === 'active') return gateway;
      }
      return undefined;
    });
  }
  const otherOf = (gateway: GatewayName): GatewayName => (gateway === 'gw1' ? 'gw2' : 'gw1');

  /** To which gateway of east a gateway of west sends. */
  async function targetOf(gateway: GatewayName): Promise<string> {
    const nexthops = await clusters.node('west', gateway).run(['ip', 'nexthop', 'show', 'id', '2000']);
    const device = /dev (\S+)/.exec(nexthops)?.[1] ?? '';
    const connections = await clusters.connections('west', gateway);
    return connections.find((connection) => connection.device === device)?.gateway ?? 'none';
  }

  test('all gateways send to the one that the other cluster prefers', async () => {
    const leader = await leaderOf('east');
    for (const gateway of GATEWAYS) {
      await until(`west ${gateway} sends to ${leader}`, 60_000, async () => {
        const target = await targetOf(gateway);
        if (target !== leader) throw new Error(`it sends to ${target}`);
        return true;
      });
    }
  });

  test('a planned hand-over loses nothing', async () => {
    const leader = await leaderOf('east');
    const flood = clusters.ping(['-i', '0.01', '-c', '600', '-q']);
    await clusters.setDrained('east', leader, true);
    const next = await until('the other one to lead', 60_000, async () => {
      const now = await leaderOf('east');
      return now === leader ? undefined : now;
    });
    for (const gateway of GATEWAYS) {
      await until(`west ${gateway} to send to ${next}`, 60_000, async () =>
        (await targetOf(gateway)) === next ? true : undefined,
      );
    }
    assert.equal(lossOf(await flood), 0);
    await clusters.setDrained('east', leader, false);
  });

  test('a process that is killed takes no packet with it, and the next one takes over what is there', async () => {
    const flood = clusters.ping(['-i', '0.01', '-c', '400', '-q']);
    const node = clusters.node('west', 'gw1');
    const before = await node.run(['ip', '-oneline', 'link', 'show', 'type', 'vxlan']);
    await clusters.process('west', 'gw1').end('SIGKILL');
    const restarted = clusters.start('west', 'gw1', 'vxlan', PATIENT);
    await until('the next process to take over', 60_000, async () =>
      (await restarted.log()).includes('Took over the tunnels of an earlier process') ? true : undefined,
    );
    await until('its first probes', 60_000, async () => {
      const up = (await clusters.connections('west', 'gw1')).filter(({ state }) => state !== 'connecting');
      return up.length === 2 ? true : undefined;
    });
    assert.equal(lossOf(await flood), 0);
    assert.equal(await node.run(['ip', '-oneline', 'link', 'show', 'type', 'vxlan']), before);
  });

  test('the active gateway is cut off: traffic finds the other one, and nothing moves back by itself', async () => {
    const leader = await leaderOf('east');
    const flood = clusters.ping(['-D', '-i', '0.01', '-c', '500']).catch((error: Error) => error.message);
    await afterAWhile(1000);
    await clusters.setWan('east', leader, 'down');
    const silence = silenceOf(await flood);
    process.stderr.write(`tunnel: longest silence after the loss of a gateway: ${silence.longestMs} ms\n`);
    assert.ok(silence.answers > 100, `${silence.answers} answers`);
    for (const gateway of GATEWAYS) assert.equal(await targetOf(gateway), otherOf(leader));
    const cut = (await clusters.connections('west', 'gw1')).find(({ gateway }) => gateway === leader);
    assert.deepEqual([cut?.state, cut?.reason?.split(';')[0]], ['error', 'probes are no longer answered']);
    await clusters.setWan('east', leader, 'up');
    await clusters.untilConnected();
  });

  test('with the broker away a gateway is left just the same', async () => {
    clusters.setBrokerAway(true);
    const target = (await targetOf('gw1')) as GatewayName;
    await clusters.setWan('east', target, 'down');
    await until('another target', 60_000, async () =>
      (await targetOf('gw1')) === otherOf(target) ? true : undefined,
    );
    await clusters.untilReachable();
    await clusters.setWan('east', target, 'up');
    clusters.setBrokerAway(false);
    await clusters.untilConnected();
  });

  test('what somebody changes by hand is put back', async () => {
    const node = clusters.node('west', 'gw2');
    const state = async (): Promise<string> =>
      (await nodeState(node)).replaceAll(/^\d+: /gm, '').replaceAll(/if\d+|qlen \d+/g, '');
    const before = await state();
    const [connection] = await clusters.connections('west', 'gw2');
    await node.run(['ip', 'rule', 'del', 'priority', '1490']);
    await node.run(['ip', 'route', 'del', '10.2.0.0/16', 'table', '1490']);
    await node.run(['ip', 'link', 'del', connection?.device ?? '']);
    await node.run(['nft', 'delete', 'table', 'inet', 'ph_gateway']);
    await until(
      'the node as it was',
      60_000,
      async () => {
        const now = await state();
        const lines = new Set(before.split('\n'));
        const missing = before.split('\n').filter((line) => !now.includes(line));
        if (missing.length === 0 && now.split('\n').every((line) => lines.has(line))) return true;
        throw new Error(missing.join('\n'));
      },
      200,
    );
    await clusters.untilConnected();
  });

  test("a stranger's records are refused one by one, with the reason in the status", async () => {
    const { broker } = clusters.stores;
    const evil = clusterRecord('evil', '0.0.0.0/0');
    const thief = clusterRecord('thief', '10.2.7.0/24');
    const forged = endpointRecord('east', 'gw9', '127.0.0.1');
    await broker.apply(Kinds.Cluster, evil);
    await broker.apply(Kinds.Cluster, thief);
    await broker.apply(Kinds.TunnelEndpoint, forged);
    const leader = await leaderOf('west');
    await until('the reasons', 60_000, async () => {
      const refused = (await clusters.gatewayObject('west', leader))?.status?.refused ?? [];
      const told = refused.map(({ record, reason }) => `${record} ${reason}`).sort();
      assert.deepEqual(told, [
        'Cluster evil too-large',
        'Cluster thief overlap',
        'Endpoint east.gw9 bad-address',
      ]);
      return true;
    });
    const copies = await clusters.stores.west.list(Kinds.Cluster, { namespace: SYSTEM_NAMESPACE });
    assert.deepEqual(
      copies.map(({ metadata }) => metadata.name),
      ['east'],
    );
    await clusters.untilConnected();
    for (const { metadata } of [evil, thief])
      await broker.remove(Kinds.Cluster, { name: metadata.name, namespace: 'pharos-broker' });
    await broker.remove(Kinds.TunnelEndpoint, { name: 'east.gw9', namespace: 'pharos-broker' });
  });

  test('packets that claim to be of somebody else do not come out of a tunnel', async () => {
    const from = clusters.node('east', 'w1');
    await from.ip(['addr add 10.9.9.9/32 dev lo']);
    // East's own gateways would let it pass.
    for (const gateway of GATEWAYS) {
      await clusters.node('east', gateway).ip(['route add 10.9.9.9/32 via 192.168.2.21']);
    }
    await assert.rejects(from.run(['ping', '-I', '10.9.9.9', '-c', '2', '-W', '1', podAddress('west')]));
    const dropped = await Promise.all(
      GATEWAYS.map((gateway) =>
        clusters.node('west', gateway).run(['nft', 'list', 'table', 'inet', 'ph_gateway']),
      ),
    );
    assert.match(dropped.join('\n'), /saddr != .* counter packets [1-9]/);
  });

  test('the largest packets arrive whole, and what must not be cut is told its size', async () => {
    assert.equal(lossOf(await clusters.ping(['-s', '60000', '-c', '3', '-i', '0.2', '-q'])), 0);
    const told = await clusters
      .ping(['-M', 'do', '-s', '1440', '-c', '2', '-W', '1'])
      .catch((error: Error) => error.message);
    assert.match(told, /Frag needed and DF set \(mtu = 1450\)|message too long, mtu=1450/);
  });

  test('a member that leaves is out at once', async () => {
    const { broker } = clusters.stores;
    for (const gateway of GATEWAYS) await clusters.process('east', gateway).end('SIGTERM');
    await broker.remove(Kinds.Cluster, { name: 'east', namespace: 'pharos-broker' });
    for (const gateway of GATEWAYS) {
      await broker.remove(Kinds.TunnelEndpoint, { name: `east.${gateway}`, namespace: 'pharos-broker' });
    }
    for (const gateway of GATEWAYS) {
      await until(`no tunnel of ${gateway}`, 60_000, async () => {
        const links = await clusters
          .node('west', gateway)
          .run(['ip', '-oneline', 'link', 'show', 'type', 'vxlan']);
        return links === '' ? true : undefined;
      });
    }
    for (const gateway of GATEWAYS) clusters.start('east', gateway, 'vxlan', PATIENT);
    await clusters.untilConnected();
    await clusters.untilReachable();
  });

  test('stopping removes nothing; cleaning up removes everything, and nothing else', async () => {
    for (const gateway of GATEWAYS) await clusters.process('west', gateway).end('SIGTERM');
    await clusters.untilReachable();
    for (const gateway of GATEWAYS) {
      const node = clusters.node('west', gateway);
      const run = runner(node.enter([]));
      await Tunnels.cleanup(run, vxlanDriver());
      await Tunnels.cleanup(run, vxlanDriver());
      assert.equal(await nodeState(node), virgin.get(gateway));
    }
  });
});
