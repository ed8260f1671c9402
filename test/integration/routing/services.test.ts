import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { drainedManifest } from '../../../src/api/drained.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { Annotation, Label, SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import type { EndpointSlice, ServiceImport } from '../../../src/api/objects.ts';
import type { Netns } from '../../lab/netns.ts';
import { requirePackages } from '../../lab/packages.ts';
import { Daemon } from '../../lab/processes.ts';
import { until } from '../../lab/wait.ts';
import { noNamespaces } from '../../support/namespaces.ts';
import { Fabric, POD, gatewayObject } from './fabric.ts';

const skip =
  noNamespaces() ??
  (await requirePackages(['iproute2', 'nftables', 'conntrack', 'iputils-ping', 'procps', 'socat'])) ??
  false;

const VIP = '243.0.0.10';
const REMOTE_SERVICE = '10.152.0.5';

const serviceImport = (exports: readonly object[], affinity = false): ServiceImport => ({
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: {
    name: 'web',
    namespace: 'shop',
    annotations: { [Annotation.exports]: JSON.stringify(exports) },
  },
  spec: {
    type: 'ClusterSetIP',
    ips: [VIP],
    ports: [
      { name: 'who', protocol: 'TCP', port: 80 },
      { name: 'echo', protocol: 'TCP', port: 81 },
      { name: 'udp', protocol: 'UDP', port: 80 },
    ],
    sessionAffinity: affinity ? 'ClientIP' : 'None',
  },
});
const east = { cluster: 'b', ips: [REMOTE_SERVICE], weight: 1 };
const west = { cluster: 'a', ips: ['10.151.0.5'], weight: 1 };

const slice = (
  name: string,
  labels: Record<string, string>,
  ip: string,
  ready: boolean,
  ports: [number, number],
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'shop', labels },
  addressType: 'IPv4',
  endpoints: [{ addresses: [ip], conditions: { ready } }],
  ports: [
    { name: 'who', protocol: 'TCP', port: ports[0] },
    { name: 'echo', protocol: 'TCP', port: ports[1] },
    { name: 'udp', protocol: 'UDP', port: ports[0] },
  ],
});
const remote = (ready: boolean): EndpointSlice =>
  slice('web-b', { [Label.serviceName]: 'web', [Label.sourceCluster]: 'b' }, REMOTE_SERVICE, ready, [80, 81]);
const own = (ready: boolean): EndpointSlice =>
  slice('web-x1', { [Label.ownServiceName]: 'web' }, POD.a, ready, [8080, 8081]);

/** In a pod: 8080 says which cluster it is and who asks, 8081 says back what it is told. */
function serve(fabric: Fabric, cluster: 'a' | 'b'): void {
  const daemon = (...args: string[]): Daemon => {
    const [program, ...rest] = fabric.pod(cluster).enter(['socat', ...args]);
    return new Daemon(program, rest, 'socat', {
      lab: fabric.namespaces.lab,
      logFile: join(fabric.namespaces.dir, 'socat.log'),
    });
  };
  daemon('TCP4-LISTEN:8080,fork,reuseaddr', `SYSTEM:echo ${cluster} $SOCAT_PEERADDR`);
  daemon('TCP4-LISTEN:8081,fork,reuseaddr', 'EXEC:cat');
  daemon('UDP4-LISTEN:8080,fork,reuseaddr', `SYSTEM:echo ${cluster} $SOCAT_PEERADDR`);
}

/** What kube-proxy makes of b's Service, in its nftables mode. */
const kubeProxy = (pod: string): string => `table ip kube-proxy {
 chain services {
  ip daddr ${REMOTE_SERVICE} tcp dport 80 dnat to ${pod}:8080
  ip daddr ${REMOTE_SERVICE} udp dport 80 dnat to ${pod}:8080
  ip daddr ${REMOTE_SERVICE} tcp dport 81 dnat to ${pod}:8081
 }
 chain pre {
  type nat hook prerouting priority -100; policy accept;
  jump services
 }
 chain out {
  type nat hook output priority -100; policy accept;
  jump services
 }
}
`;

const who = async (from: Netns, ip = VIP): Promise<string> =>
  (await from.run(['socat', '-t60', '-', `TCP4:${ip}:80,connect-timeout=5`], '')).trim();

const whoUdp = async (from: Netns): Promise<string> =>
  (await from.run(['socat', '-T2', '-t2', '-', `UDP4:${VIP}:80`], 'x')).trim();

/** A connection that is kept open, told a word at a time. */
class Conversation {
  readonly #child: ChildProcess;
  #heard = '';
  ended = false;

  constructor(from: Netns) {
    const [program, ...args] = from.enter(['socat', '-', `TCP4:${VIP}:81`]);
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdin?.on('error', () => {});
    this.#child.stdout?.on('data', (data: Buffer) => {
      this.#heard += data.toString();
    });
    this.#child.once('exit', () => {
      this.ended = true;
    });
  }

  say(word: string): void {
    this.#child.stdin?.write(`${word}\n`);
  }

  async hears(word: string): Promise<void> {
    this.say(word);
    await until(`echo of ${word}`, 60_000, () => (this.#heard.includes(word) ? true : undefined));
  }
}

describe('clusterset IPs on a node', { skip }, () => {
  it('go where they should, for pods and node processes, and leave open connections where they are', async () => {
    await using fabric = await Fabric.create();
    await fabric.node('b-gw1').run(['nft', '-f', '-'], kubeProxy(POD.b));
    serve(fabric, 'a');
    serve(fabric, 'b');
    await fabric.startAgents();
    const [pod, worker, gateway] = [fabric.pod('a'), fabric.node('a-w1'), fabric.node('a-gw2')];
    await fabric.reaches(pod, POD.b);
    assert.equal(await who(pod, REMOTE_SERVICE), `b ${POD.a}`);

    // Another cluster alone has it.
    for (const object of [serviceImport([east]), remote(true)]) fabric.set('a', object);
    await until('an answer by the clusterset IP', 60_000, async () => who(pod));
    assert.equal(await who(pod), `b ${POD.a}`);
    assert.equal(await who(worker), 'b 10.1.21.1');
    assert.equal(await who(gateway), 'b 10.1.12.1');
    assert.equal(
      await until('an answer by UDP', 60_000, async () => (await whoUdp(pod)) || undefined),
      `b ${POD.a}`,
    );

    // This one has it too: own first, and what is open stays.
    const conversation = new Conversation(pod);
    await conversation.hears('before');
    for (const object of [serviceImport([west, east]), own(true)]) fabric.set('a', object);
    await until('the own cluster first', 60_000, async () =>
      (await who(gateway)).startsWith('a ') ? true : undefined,
    );
    await conversation.hears('after');
    assert.equal(conversation.ended, false);

    // Its pods are not ready any more.
    fabric.set('a', own(false));
    await until('the other cluster again', 60_000, async () =>
      (await who(gateway)).startsWith('b ') ? true : undefined,
    );
    await conversation.hears('still');

    // An administrator drains the other cluster: nothing new goes there, and what is open stays.
    const drain = { by: 'alice', at: '2026-01-31T12:00:00Z' };
    fabric.set('a', drainedManifest(SYSTEM_NAMESPACE, new Map([['b', drain]])));
    await until('refusal of what is drained', 60_000, async () => {
      const refused = await who(pod).then(
        () => false,
        (error: Error) => error.message.includes('Connection refused'),
      );
      return refused ? true : undefined;
    });
    await conversation.hears('while drained');
    fabric.set('a', drainedManifest(SYSTEM_NAMESPACE, new Map()));
    await until('an answer of what is drained no more', 60_000, async () => who(pod));
    await conversation.hears('after the drain');

    // The tunnels are down: refused at once, and what was open is ended, not left to wait.
    for (const name of ['a-gw1', 'a-gw2'] as const)
      fabric.set('a', gatewayObject(name, name === 'a-gw1', 'error'));
    await until('refusal', 60_000, async () => {
      const refused = await who(pod).then(
        () => false,
        (error: Error) => error.message.includes('Connection refused'),
      );
      return refused ? true : undefined;
    });
    await assert.rejects(who(worker), /Connection refused/);
    await until('the end of the open connection', 60_000, () => {
      conversation.say('anybody?');
      return conversation.ended ? true : undefined;
    });
    // Connections to each port are forgotten one port after the other.
    await until('no connection that is tracked', 60_000, async () => {
      const tracked = await fabric.run('a-w1')('conntrack', ['-L', '-d', VIP]);
      return tracked.includes(REMOTE_SERVICE) ? undefined : true;
    });

    // And back.
    for (const name of ['a-gw1', 'a-gw2'] as const) fabric.set('a', gatewayObject(name, name === 'a-gw1'));
    await until('an answer again', 60_000, async () => who(pod));

    // Somebody takes the maps away, or what is in them.
    for (const damage of [
      ['delete', 'table', 'ip', 'pharos'],
      ['flush', 'map', 'ip', 'pharos', 'ph_backends'],
    ]) {
      // Not in the shadow of a change of our own.
      await fabric.agent('a-w1').until('no echo any more', ({ settled }) => settled);
      await worker.run(['nft', ...damage]);
      await until(`an answer after nft ${damage.join(' ')}`, 60_000, async () => who(pod));
    }
    // So much was somebody else's doing, and nothing more.
    for (const [name, repairs] of [
      ['a-w1', 2],
      ['a-gw2', 0],
    ] as const)
      assert.equal((await fabric.agent(name).ask()).repairs['services'], repairs, name);
    // An import that is gone leaves nothing.
    fabric.agent('a-w1').remove(serviceImport([]));
    await until('empty maps', 60_000, async () =>
      (await worker.run(['nft', 'list', 'map', 'ip', 'pharos', 'ph_backends'])).includes(VIP)
        ? undefined
        : true,
    );
  });
});
