import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { STRONGSWAN } from '../../lab/packages.ts';
import { until } from '../../lab/wait.ts';
import { runCli } from '../../support/cli-process.ts';
import { NODE_NAMES, type NodeName, POD, POD6 } from '../routing/fabric.ts';
import { lossOf } from './support/node-state.ts';
import { GATEWAY_NODES, type Part, RealClusters } from './support/real-clusters.ts';
import { whyNoTunnels } from './support/requirements.ts';

const skip = await whyNoTunnels(['conntrack', 'iputils-ping', 'procps', 'socat', ...STRONGSWAN]);

describe('gateways and route agents as commands, with the rights that are shipped', { skip }, () => {
  let clusters: RealClusters;
  before(async () => {
    clusters = await RealClusters.create('ipsec');
    clusters.startAll();
  });
  after(() => clusters?.[Symbol.asyncDispose]());

  test('pods of two clusters reach each other by IPv4 and IPv6', async () => {
    await clusters.untilConnected();
    const { fabric } = clusters;
    await fabric.reaches(fabric.pod('a'), POD.b);
    await fabric.reaches(fabric.pod('b'), POD.a);
    await fabric.reaches(fabric.pod('a'), POD6.b);
    // The node itself, by its address among the pods.
    await fabric.reaches(fabric.node('a-w1'), POD.b);
  });

  test('`pharos gateway drain` moves the lead, and no packet is lost', async () => {
    const leader = await clusters.leaderOf('a');
    const flood = clusters.fabric.pod('a').run(['ping', '-n', '-q', '-i', '0.02', '-c', '300', POD.b]);
    const { kubeconfig } = clusters.sites.a.api;
    const drained = await runCli(['gateway', 'drain', leader, `--kubeconfig=${kubeconfig}`]);
    assert.match(drained.stderr, new RegExp(`gateway ${leader} is drained`));
    assert.equal(lossOf(await flood), 0);
    const undone = await runCli(['gateway', 'drain', leader, '--undo', `--kubeconfig=${kubeconfig}`]);
    assert.equal(undone.status, 0, undone.stderr);
  });

  test('`pharos gateway rotate-keys` gives a gateway a new key, which the broker is told of, and nothing is lost', async () => {
    const leader = await clusters.leaderOf('a');
    const node = GATEWAY_NODES.find((name) => name.startsWith('a') && name !== leader) ?? leader;
    const keysOf = async (): Promise<readonly string[]> => {
      const ref = { name: `a.${node}`, namespace: 'pharos-broker' };
      return (await clusters.sites.broker.store.get(Kinds.TunnelEndpoint, ref))?.spec.publicKeys ?? [];
    };
    const [before] = await keysOf();
    const flood = clusters.fabric.pod('a').run(['ping', '-n', '-q', '-i', '0.02', '-c', '300', POD.b]);
    const { kubeconfig } = clusters.sites.a.api;
    const rotated = await runCli(['gateway', 'rotate-keys', node, `--kubeconfig=${kubeconfig}`]);
    assert.match(rotated.stderr, new RegExp(`gateway ${node} uses a new key`));
    assert.equal(rotated.status, 0);
    const [now, old] = await keysOf();
    assert.equal(old, before);
    assert.notEqual(now, before);
    assert.equal(lossOf(await flood), 0);
    const unknown = await runCli(['gateway', 'rotate-keys', 'nobody', `--kubeconfig=${kubeconfig}`]);
    assert.match(unknown.stderr, /has no gateway "nobody"; it has: /);
    await clusters.untilConnected();
  });

  test('a gateway whose tunnels end with it, as in a pod, has another one lead before', async () => {
    const linger = ['--linger=8s'];
    for (const node of GATEWAY_NODES) {
      await clusters.process('gateway', node).stop();
      clusters.start('gateway', node, linger);
    }
    await clusters.untilConnected();
    const leader = await clusters.leaderOf('a');
    const stateDir = join(clusters.lab.dir, leader, 'gateway', 'ipsec');
    const charon = Number(await readFile(join(stateDir, 'charon.pid'), 'utf8'));
    const flood = clusters.fabric.pod('a').run(['ping', '-n', '-q', '-i', '0.1', '-c', '200', POD.b]);
    await clusters.process('gateway', leader).stop();
    process.kill(charon, 'SIGKILL');
    // Without it packets are sent into the dead tunnel until the Lease and the status have run out.
    assert.ok(lossOf(await flood) < 10, 'loss in percent');
    assert.notEqual(await clusters.leaderOf('a'), leader);
    assert.deepEqual(await clusters.connections(leader), []);
    clusters.start('gateway', leader, linger);
    await clusters.untilConnected();
  });

  test('all processes killed and started again lose no packet, and take over what is there', async () => {
    const flood = clusters.fabric.pod('a').run(['ping', '-n', '-q', '-i', '0.02', '-c', '500', POD.b]);
    await Promise.all([
      ...NODE_NAMES.map((node) => clusters.process('route-agent', node).stop('SIGKILL')),
      ...GATEWAY_NODES.map((node) => clusters.process('gateway', node).stop('SIGKILL')),
    ]);
    clusters.startAll();
    assert.equal(lossOf(await flood), 0);
    await clusters.untilConnected();
  });

  test('nobody tried what it may not do, and each did what its rights are for', async () => {
    const done = new Set<string>();
    for (const site of ['a', 'b', 'broker'] as const) {
      await until(`requests to ${site}`, 60_000, async () => {
        const requests = await clusters.requests(site);
        const denied = requests.filter(({ status }) => status === 401 || status === 403);
        assert.deepEqual(denied, []);
        for (const { verb, resource } of requests)
          done.add(`${site === 'broker' ? site : 'member'} ${verb} ${resource}`);
        return true;
      });
    }
    for (const expected of [
      'member patch leases',
      'member patch gateways/status',
      'member watch nodes',
      'member watch serviceimports',
      'member watch configmaps',
      'member get secrets',
      'member patch endpoints',
      'broker patch endpoints',
      'broker patch clusters',
    ]) {
      assert.ok(done.has(expected), `${expected} in ${[...done].join(', ')}`);
    }
    for (const [part, nodes] of [
      ['gateway', GATEWAY_NODES],
      ['route-agent', NODE_NAMES],
    ] as const) {
      for (const node of nodes) {
        const log = await readFile(clusters.process(part, node).logFile, 'utf8');
        assert.doesNotMatch(log, /forbidden/i, `${part} on ${node}`);
        assert.doesNotMatch(log, /PRIVATE KEY/, `${part} on ${node}`);
      }
    }
  });

  test('`--cleanup` takes out what either made', async () => {
    const cleanUp = async (part: Part, node: NodeName): Promise<void> => {
      await clusters.process(part, node).stop();
      const daemon = clusters.start(part, node, ['--cleanup']);
      assert.equal(await daemon.ended(), 0, daemon.tail());
    };
    await Promise.all(NODE_NAMES.map((node) => cleanUp('route-agent', node)));
    await Promise.all(GATEWAY_NODES.map((node) => cleanUp('gateway', node)));
    for (const node of NODE_NAMES) {
      const run = clusters.fabric.run(node);
      const [links, rules, tables] = await Promise.all([
        run('ip', ['-oneline', 'link']),
        run('ip', ['rule']),
        run('nft', ['list', 'tables']),
      ]);
      assert.doesNotMatch(links, /ph-|ipsec0/);
      assert.doesNotMatch(rules, /1490|1491|1492|1489/);
      assert.doesNotMatch(tables, /pharos|ph_/);
      assert.equal(await run('ip', ['nexthop']), '');
    }
  });
});
