import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseIp } from '../../../src/api/cidr.ts';
import type { Run } from '../../../src/host/run.ts';
import { sysctlsBy } from '../../../src/host/sysctl.ts';
import { removeRouting } from '../../../src/routing/cleanup.ts';
import { LooseFilter } from '../../../src/routing/loose-filter.ts';
import type { Netns } from '../../lab/netns.ts';
import { requirePackages } from '../../lab/packages.ts';
import { Daemon } from '../../lab/processes.ts';
import { until } from '../../lab/wait.ts';
import { noNamespaces } from '../../support/namespaces.ts';
import { Fabric, POD, POD6, clusterObject, gatewayObject } from './fabric.ts';

const skip =
  noNamespaces() ??
  (await requirePackages(['iproute2', 'nftables', 'conntrack', 'iputils-ping', 'procps', 'socat'])) ??
  false;

/** What a host looks like, in the words of its own tools; counters and handles apart. */
async function host(run: Run): Promise<string> {
  const outputs = await Promise.all([
    run('ip', ['link', 'show']),
    run('ip', ['address', 'show']),
    run('ip', ['-4', 'rule', 'show']),
    run('ip', ['-6', 'rule', 'show']),
    run('ip', ['-4', 'route', 'show', 'table', 'all']),
    run('ip', ['-6', 'route', 'show', 'table', 'all']),
    run('ip', ['nexthop', 'show']),
    run('ip', ['neighbour', 'show', 'nud', 'permanent']),
    run('bridge', ['fdb', 'show']),
    run('nft', ['list', 'ruleset']),
    run('sysctl', ['-a', '-r', 'rp_filter']),
  ]);
  return outputs.join('\n').replaceAll(/packets \d+ bytes \d+/g, 'packets 0 bytes 0');
}

/** Answers what `bytes` bytes sent to a port of the pod came to there. */
const bytesThrough = (from: Netns, ip: string, bytes: number): Promise<string> =>
  from.run(['sh', '-c', `head -c ${bytes} /dev/zero | socat -t60 - TCP:${ip}:8081`]);

const peerSeenBy = async (from: Netns, ip: string): Promise<string> =>
  (await from.run(['socat', '-t60', '-', `TCP:${ip}:8080`], '')).trim();

/** In a pod: port 8080 tells who asks, port 8081 how much was sent. */
function serve(fabric: Fabric, pod: Netns): void {
  const daemon = (...args: string[]): Daemon => {
    const [program, ...rest] = pod.enter(['socat', ...args]);
    return new Daemon(program, rest, 'socat', {
      lab: fabric.namespaces.lab,
      logFile: join(fabric.namespaces.dir, 'socat.log'),
    });
  };
  daemon('TCP6-LISTEN:8080,fork,reuseaddr,ipv6only=0', 'SYSTEM:echo $SOCAT_PEERADDR');
  daemon('TCP6-LISTEN:8081,fork,reuseaddr,ipv6only=0', 'SYSTEM:wc -c');
}

describe('route agents on nodes of two clusters', { skip }, () => {
  for (const cni of ['routes', 'vxlan'] as const) {
    it(`pods speak to each other under their own addresses, where the CNI has ${cni} between nodes`, async () => {
      await using fabric = await Fabric.create(cni);
      await assert.rejects(fabric.pod('a').run(['ping', '-n', '-c1', '-W1', POD.b]));
      await fabric.startAgents();
      await fabric.reaches(fabric.pod('a'), POD.b);
      await fabric.reaches(fabric.pod('b'), POD.a);
      await fabric.reaches(fabric.pod('a'), POD6.b);
    });
  }

  it('the source is kept, for pods; node processes get the address of their node among the pods', async () => {
    await using fabric = await Fabric.create();
    const [a, b] = [fabric.pod('a'), fabric.pod('b')];
    serve(fabric, b);
    serve(fabric, a);
    await fabric.startAgents();
    await fabric.reaches(a, POD.b);
    await fabric.reaches(a, POD6.b);
    const v4 = (text: string): string => text.replaceAll(/^\[?::ffff:|\]$/g, '');
    const mapped = async (from: Netns, ip: string): Promise<string> => {
      const seen = await peerSeenBy(from, ip.includes(':') ? `[${ip}]` : ip);
      // socat writes what it heard on an IPv6 socket as [0000:…:ffff:0a01:1502].
      const words = seen.replaceAll(/[[\]]/g, '').split(':');
      if (words.length !== 8) return v4(seen);
      if (words.slice(0, 6).join('') !== '00000000000000000000ffff') return parseIp(words.join(':'));
      return words
        .slice(6)
        .flatMap((word) => [word.slice(0, 2), word.slice(2)].map((byte) => Number.parseInt(byte, 16)))
        .join('.');
    };
    assert.equal(await mapped(a, POD.b), POD.a);
    assert.equal(await mapped(b, POD.a), POD.b);
    assert.equal(await mapped(a, POD6.b), POD6.a);
    assert.equal(await mapped(b, POD6.a), POD6.b);
    assert.equal(await mapped(fabric.node('a-w1'), POD.b), '10.1.21.1');
    assert.equal(await mapped(fabric.node('a-gw1'), POD.b), '10.1.11.1');
    assert.equal(await mapped(fabric.node('b-gw1'), POD.a), '10.2.11.1');
    assert.equal(await mapped(fabric.node('a-w1'), POD6.b), 'fd10:1:0:21::1');

    // 64 KiB at once, by TCP and in pieces that the network has to cut; and what must not be cut is told of.
    assert.equal((await bytesThrough(a, POD.b, 65_536)).trim(), '65536');
    assert.equal((await bytesThrough(a, `[${POD6.b}]`, 65_536)).trim(), '65536');
    await fabric.reaches(a, POD.b, ['-s', '65000']);
    await assert.rejects(a.run(['ping', '-n', '-c1', '-W2', '-M', 'do', '-s', '1380', POD.b]));
    await fabric.reaches(a, POD.b, ['-M', 'do', '-s', '1372']);
    assert.match(await a.run(['ip', 'route', 'get', POD.b]), /mtu 1400/);
  });

  it('a network of nodes with an MTU of 1300 is no black hole, whatever the pods think', async () => {
    await using fabric = await Fabric.create();
    for (const name of ['a-w1', 'a-gw1', 'a-gw2'] as const) {
      await fabric.node(name).ip(['link set eth0 mtu 1300']);
    }
    const [a, b] = [fabric.pod('a'), fabric.pod('b')];
    serve(fabric, a);
    serve(fabric, b);
    await fabric.startAgents();
    await fabric.reaches(a, POD.b);
    await fabric.reaches(a, POD6.b);
    for (const ip of [POD.b, `[${POD6.b}]`])
      assert.equal((await bytesThrough(a, ip, 65_536)).trim(), '65536');
    for (const ip of [POD.a, `[${POD6.a}]`])
      assert.equal((await bytesThrough(b, ip, 65_536)).trim(), '65536');
    await fabric.reaches(a, POD.b, ['-s', '65000']);
    // What must not be cut is told of: the second time the sender knows.
    await assert.rejects(a.run(['ping', '-n', '-c1', '-W2', '-M', 'do', '-s', '1400', POD.b]));
    assert.match(await a.run(['ip', 'route', 'get', POD.b]), /mtu 1280/);
    await assert.rejects(b.run(['ping', '-n', '-c1', '-W2', '-M', 'do', '-s', '1360', POD.a]));
    assert.match(await b.run(['ip', 'route', 'get', POD.a]), /mtu 1300/);
  });

  it('drift is put back, and nothing of others is touched', async () => {
    await using fabric = await Fabric.create();
    await fabric.startAgents();
    await fabric.reaches(fabric.pod('a'), POD.b);
    const run = fabric.run('a-w1');
    const agent = fabric.agent('a-w1');
    await agent.until('gateways that answer', ({ verdicts }) => verdicts['a-gw1'] === 'answers');
    // Somebody else's, as near to ours as can be.
    await fabric
      .node('a-w1')
      .ip([
        'route add 10.9.0.0/16 dev eth0 table 1491 protocol 78',
        'nexthop add id 1999 dev eth0 protocol 78',
        'rule add priority 1491 to 10.9.0.0/16 lookup 1491 protocol 78',
        'link add ph-other type bridge',
      ]);
    await fabric.node('a-w1').run(['nft', 'table ip other { comment "owner=other"; }']);
    const good = await host(run);
    const damages: readonly (readonly string[])[] = [
      ['ip', 'route', 'del', '10.2.0.0/16', 'table', '1491', 'protocol', '77'],
      ['ip', 'rule', 'del', 'priority', '1491', 'protocol', '77'],
      ['ip', '-6', 'rule', 'del', 'priority', '1491', 'protocol', '77'],
      [
        'sh',
        '-c',
        'for id in $(ip nexthop show protocol 77 | grep -o "id [0-9]*" | cut -c4-); do ip nexthop del id $id; done',
      ],
      ['ip', 'link', 'set', 'ph-vx', 'mtu', '1300'],
      ['ip', 'link', 'del', 'ph-vx'],
      ['nft', 'delete', 'table', 'inet', 'pharos'],
      ['nft', 'flush', 'chain', 'inet', 'pharos', 'ph_post'],
      ['nft', 'add', 'element', 'inet', 'pharos', 'ph_remote4', '{ 0.0.0.0/1 }'],
    ];
    const stable = (text: string): string[] =>
      // Interface numbers and what follows from them change when a link is made again; so does the order.
      text
        .replaceAll(/^\d+: |pref medium|scope link proto kernel_ll|inet6 fe80.*|\bfe80\S*.*/gm, '')
        .split('\n')
        .sort();
    for (const damage of damages) {
      const { repairs } = await agent.ask();
      const before = Object.values(repairs).reduce((sum, n) => sum + n, 0);
      await fabric.node('a-w1').run(damage);
      await agent.until(
        `repair after ${damage.join(' ')}`,
        (report) => Object.values(report.repairs).reduce((sum, n) => sum + n, 0) > before,
      );
      await until(`the host as before after ${damage.join(' ')}`, 60_000, async () => {
        assert.deepEqual(stable(await host(run)), stable(good));
        return true;
      });
      await fabric.reaches(fabric.pod('a'), POD.b);
    }
  });

  it('a stopped or killed agent leaves the data path up; cleaning up removes all of it and nothing else', async () => {
    await using fabric = await Fabric.create();
    const run = fabric.run('a-w1');
    // A bridge that has just got its first port takes a moment to say that it is up.
    await until('a bridge that is up', 60_000, async () =>
      /cni0: .* state UP/.test(await run('ip', ['link'])) ? true : undefined,
    );
    const before = await host(run);
    await fabric.startAgents();
    await fabric.reaches(fabric.pod('a'), POD.b);
    for (const name of ['a-w1', 'a-gw1', 'a-gw2'] as const) {
      if (name === 'a-gw2') fabric.agent(name).kill();
      else await fabric.agent(name).stop();
    }
    const left = await host(run);
    assert.notEqual(left, before);
    await fabric.pod('a').run(['ping', '-n', '-c1', '-W5', POD.b]);

    // Another one takes over what it finds, and changes nothing.
    await fabric.startAgents(['a-w1']);
    assert.equal(await host(run), left);
    await fabric.agent('a-w1').stop();

    const sysctls = sysctlsBy(run);
    await removeRouting(run, new LooseFilter(sysctls, fabric.stateFile('a-w1')));
    assert.equal(await host(run), before);
    await removeRouting(run, new LooseFilter(sysctls, fabric.stateFile('a-w1')));
    assert.equal(await host(run), before);
  });

  it('when the node of the active gateway dies, a worker leaves it by its own probes', async () => {
    await using fabric = await Fabric.create();
    await fabric.startAgents();
    const [a, agent] = [fabric.pod('a'), fabric.agent('a-w1')];
    await fabric.reaches(a, POD.b);
    await agent.until(
      'gateways that answer',
      ({ verdicts }) => verdicts['a-gw1'] === 'answers' && verdicts['a-gw2'] === 'answers',
    );
    // The process alone: nothing moves.
    fabric.agent('a-gw1').kill();
    await fabric.switchTunnel(2);
    await fabric.power('a-gw1', 'down');
    const moved = await agent.until('the other gateway', ({ choices }) => choices['b']?.node === 'a-gw2');
    assert.deepEqual(moved.choices['b'], { node: 'a-gw2', reason: 'active-is-silent' });
    assert.equal(moved.failovers, 1);
    await fabric.reaches(a, POD.b);
    // The election follows: nothing moves any more.
    fabric.set('a', gatewayObject('a-gw2', true));
    fabric.set('a', gatewayObject('a-gw1', false));
    await agent.until('the active gateway', ({ choices }) => choices['b']?.reason === 'active');
    await fabric.power('a-gw1', 'up');
    const back = await agent.until(
      'the first gateway back',
      ({ verdicts }) => verdicts['a-gw1'] === 'answers',
    );
    assert.equal(back.choices['b']?.node, 'a-gw2');
    assert.equal(back.failovers, 1);
  });

  it('a gateway whose tunnel is down hands over to the other one, and no packet goes round', async () => {
    await using fabric = await Fabric.create();
    await fabric.startAgents();
    const a = fabric.pod('a');
    await fabric.reaches(a, POD.b);
    await fabric.switchTunnel(2);
    // The gateway process takes its routes out; the worker does not know yet.
    await fabric.node('a-gw1').ip(['route del 10.2.0.0/16 table 1490', 'route del 10.152.0.0/16 table 1490']);
    await fabric.reaches(a, POD.b);
    // Nor does the other one have a tunnel: gateways must not play ball.
    await fabric.node('a-gw2').ip(['route del 10.2.0.0/16 table 1490', 'route del 10.152.0.0/16 table 1490']);
    await assert.rejects(a.run(['ping', '-n', '-c3', '-i0.2', '-W1', POD.b]));
    const guard = await fabric.run('a-gw2')('nft', ['list', 'chain', 'inet', 'pharos', 'ph_guard']);
    assert.match(guard, /ether saddr @ph_gateways counter packets [1-9]/);
  });

  it("networks that are somebody else's are refused with both owners named, all else goes on", async () => {
    await using fabric = await Fabric.create();
    await fabric.startAgents();
    const overlapping = { ...clusterObject('b'), metadata: { name: 'zebra', namespace: 'pharos-system' } };
    fabric.set('a', {
      ...overlapping,
      spec: {
        clusterId: 'zebra',
        podCIDRs: ['10.1.0.0/17', '10.2.3.0/24', '10.77.0.0/16'],
        serviceCIDRs: [],
      },
    } as never);
    const { refused, choices } = await fabric
      .agent('a-w1')
      .until('refusals', ({ refused, choices }) => refused.length > 0 && 'zebra' in choices);
    assert.deepEqual(refused, [
      '10.1.0.0/17 of cluster "zebra" overlaps 10.1.0.0/16, the pods of this cluster "a"',
      '10.2.3.0/24 of cluster "zebra" overlaps 10.2.0.0/16, the pods of cluster "b", which was there first',
    ]);
    assert.deepEqual(Object.keys(choices), ['b', 'zebra']);
    await fabric.reaches(fabric.pod('a'), POD.b);
  });
});
