/**
 * Two clusters in network namespaces, with everything but Kubernetes: nodes with pods behind a bridge and a
 * masquerade, as CNIs make them, a network among the nodes of each, and one between the gateways. Tunnels are
 * made by hand here, unless gateways are to make them: VXLANs with the names, table and nexthops that a gateway uses.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Kinds } from '../../../src/api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import type { KubeObject, Node } from '../../../src/api/objects.ts';
import type { Cluster, ConnectionState, Gateway } from '../../../src/api/tunnel.ts';
import type { Run } from '../../../src/host/run.ts';
import type { Netns } from '../../lab/netns.ts';
import { until } from '../../lab/wait.ts';
import { Namespaces, runIn } from '../../support/namespaces.ts';
import type { AgentReport, ToAgent } from '../../support/route-agent-process.ts';

/** How pods of other nodes are reached: by routes through the nodes' network, or by a VXLAN of the CNI's. */
export type Cni = 'routes' | 'vxlan';

export type NodeName = 'a-gw1' | 'a-gw2' | 'a-w1' | 'b-gw1';
export type ClusterName = 'a' | 'b';

const NODES: Readonly<Record<NodeName, { cluster: ClusterName; host: number; gateway: boolean }>> = {
  'a-gw1': { cluster: 'a', host: 11, gateway: true },
  'a-gw2': { cluster: 'a', host: 12, gateway: true },
  'a-w1': { cluster: 'a', host: 21, gateway: false },
  'b-gw1': { cluster: 'b', host: 11, gateway: true },
};
export const NODE_NAMES = Object.keys(NODES) as NodeName[];
const number = (cluster: ClusterName): number => (cluster === 'a' ? 1 : 2);
/** A gateway's address in the network between the clusters. */
export const wan = (node: NodeName): string =>
  `203.0.113.${number(NODES[node].cluster) * 100 + NODES[node].host}`;
const lan = (node: NodeName): string => `192.168.${number(NODES[node].cluster)}.${NODES[node].host}`;
const podNet = (node: NodeName): string => `10.${number(NODES[node].cluster)}.${NODES[node].host}`;
const podNet6 = (node: NodeName): string => `fd10:${number(NODES[node].cluster)}:0:${NODES[node].host}:`;
/** Pods stand on these nodes, one on each. */
export const POD = { a: `${podNet('a-w1')}.2`, b: `${podNet('b-gw1')}.2` } as const;
export const POD6 = { a: `${podNet6('a-w1')}:2`, b: `${podNet6('b-gw1')}:2` } as const;
const POD_NODE = { a: 'a-w1', b: 'b-gw1' } as const;

const meta = (name: string) => ({ name, namespace: SYSTEM_NAMESPACE });

export function clusterObject(cluster: ClusterName, extra: Partial<Cluster['spec']> = {}): Cluster {
  const i = number(cluster);
  return {
    apiVersion: Kinds.Cluster.apiVersion,
    kind: 'Cluster',
    metadata: { ...meta(cluster), creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      clusterId: cluster,
      podCIDRs: [`10.${i}.0.0/16`, `fd10:${i}::/48`],
      serviceCIDRs: [`10.15${i}.0.0/16`],
      ...extra,
    },
  };
}

export function gatewayObject(
  node: NodeName,
  active: boolean,
  state: ConnectionState = 'connected',
  mtu = 1400,
): Gateway {
  const cluster = NODES[node].cluster === 'a' ? 'b' : 'a';
  return {
    apiVersion: Kinds.Gateway.apiVersion,
    kind: 'Gateway',
    metadata: meta(node),
    status: {
      haStatus: active ? 'active' : 'passive',
      nodeIP: lan(node),
      leaseEpoch: 1,
      connections: [{ cluster, state, mtu }],
    },
  };
}

const nodeObject = (node: NodeName): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: node },
  spec: { podCIDRs: [`${podNet(node)}.0/24`, `${podNet6(node)}:/64`] },
  status: {
    addresses: [
      { type: 'InternalIP', address: lan(node) },
      { type: 'Hostname', address: node },
    ],
  },
});

export class Fabric implements AsyncDisposable {
  readonly namespaces: Namespaces;
  readonly nodes = new Map<NodeName, Netns>();
  readonly pods = new Map<ClusterName, Netns>();
  readonly #agents = new Map<NodeName, AgentProcess>();
  #wires!: Netns;

  private constructor(namespaces: Namespaces) {
    this.namespaces = namespaces;
  }

  /** @param tunnels `by-hand`, or `none` where gateways are to make them */
  static async create(cni: Cni = 'routes', tunnels: 'by-hand' | 'none' = 'by-hand'): Promise<Fabric> {
    const fabric = new Fabric(new Namespaces());
    try {
      await fabric.#build(cni);
      if (tunnels === 'by-hand') await fabric.#tunnels();
    } catch (error) {
      await fabric[Symbol.asyncDispose]();
      throw error;
    }
    return fabric;
  }

  node(name: NodeName): Netns {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  run(name: NodeName): Run {
    return runIn(this.node(name));
  }

  pod(cluster: ClusterName): Netns {
    const pod = this.pods.get(cluster);
    if (pod === undefined) throw new Error(`no pod in ${cluster}`);
    return pod;
  }

  agent(name: NodeName): AgentProcess {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error(`no agent on ${name}`);
    return agent;
  }

  /** Starts a route agent on each of the nodes, and tells it what its cluster looks like. */
  async startAgents(names: readonly NodeName[] = NODE_NAMES): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const agent = new AgentProcess(this.node(name), NODES[name].cluster, name, this.stateFile(name));
        this.#agents.set(name, agent);
        await agent.up;
        for (const object of this.objects(NODES[name].cluster)) agent.set(object);
      }),
    );
    await Promise.all(names.map((name) => this.agent(name).until('synced', ({ synced }) => synced)));
  }

  stateFile(name: NodeName): string {
    return join(this.namespaces.dir, `${name}.state`);
  }

  objects(cluster: ClusterName): KubeObject[] {
    const nodes = NODE_NAMES.filter((name) => NODES[name].cluster === cluster);
    return [
      ...nodes.map(nodeObject),
      ...nodes.filter((name) => NODES[name].gateway).map((name) => gatewayObject(name, name.endsWith('1'))),
      clusterObject('a'),
      clusterObject('b'),
    ];
  }

  /** Tells all agents of a cluster of an object. */
  set(cluster: ClusterName, object: KubeObject): void {
    for (const [name, agent] of this.#agents) if (NODES[name].cluster === cluster) agent.set(object);
  }

  /** Cuts or mends all cables of a node, as when it loses power. */
  async power(name: NodeName, state: 'up' | 'down'): Promise<void> {
    const ends = NODES[name].gateway ? [`${name}-l`, `${name}-w`] : [`${name}-l`];
    await this.#wires.ip(ends.map((end) => `link set ${end} ${state}`));
  }

  /** Waits until a pod's pings are answered. */
  async reaches(from: Netns, ip: string, options: readonly string[] = []): Promise<void> {
    await until(`ping of ${ip}`, 60_000, async () => {
      await from.run(['ping', '-n', '-c1', '-W1', ...options, ip]);
      return true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) agent.kill();
    await this.namespaces[Symbol.asyncDispose]();
  }

  async #build(cni: Cni): Promise<void> {
    const create = (name: string): Promise<Netns> => this.namespaces.create(name);
    this.#wires = await create('wires');
    await this.#wires.ip(
      ['lan1', 'lan2', 'wan'].flatMap((b) => [`link add ${b} type bridge`, `link set ${b} up`]),
    );
    await Promise.all(
      NODE_NAMES.map(async (name) => {
        const node = await create(name);
        this.nodes.set(name, node);
        await node.sysctl({
          'ipv4.ip_forward': 1,
          'ipv6.conf.all.forwarding': 1,
          'ipv6.conf.default.accept_dad': 0,
          'ipv6.conf.all.accept_dad': 0,
          // As most distributions have it: what comes in where the way back is not is dropped.
          'ipv4.conf.all.rp_filter': 1,
          'ipv4.conf.default.rp_filter': 1,
        });
        await this.#plug(name, node);
      }),
    );
    for (const name of NODE_NAMES) await this.#network(name, cni);
    for (const cluster of ['a', 'b'] as const) {
      const pod = await create(`pod-${cluster}`);
      const node = this.node(POD_NODE[cluster]);
      this.pods.set(cluster, pod);
      const [v4, v6] = [podNet(POD_NODE[cluster]), podNet6(POD_NODE[cluster])];
      await pod.sysctl({ 'ipv6.conf.all.accept_dad': 0, 'ipv6.conf.default.accept_dad': 0 });
      await pod.ip([`link add eth0 type veth peer name pod0 netns ${node.path}`]);
      await node.ip(['link set pod0 master cni0 up']);
      await pod.ip([
        'link set eth0 up',
        `addr add ${v4}.2/24 dev eth0`,
        `addr add ${v6}:2/64 dev eth0 nodad`,
        `route add default via ${v4}.1`,
        `route add default via ${v6}:1`,
      ]);
    }
  }

  async #plug(name: NodeName, node: Netns): Promise<void> {
    const { cluster, gateway } = NODES[name];
    const i = number(cluster);
    await this.#wires.ip([
      `link add ${name}-l type veth peer name eth0 netns ${node.path}`,
      `link set ${name}-l master lan${i} up`,
      `link add ${name}-w type veth peer name wan0 netns ${node.path}`,
      `link set ${name}-w master wan up`,
    ]);
    await node.ip([
      `addr add ${lan(name)}/24 dev eth0`,
      'link set eth0 up',
      `route add default via 192.168.${i}.1`,
      ...(gateway ? [`addr add ${wan(name)}/24 dev wan0`, 'link set wan0 up'] : ['link del wan0']),
      'link add cni0 type bridge',
      `addr add ${podNet(name)}.1/24 dev cni0`,
      `addr add ${podNet6(name)}:1/64 dev cni0 nodad`,
      'link set cni0 up',
    ]);
    const masquerade = (family: string, type: string, net: string): string =>
      `table ${family} cni {\n chain post {\n  type nat hook postrouting priority srcnat; policy accept;\n  ${type} saddr ${net} ${type} daddr != ${net} counter masquerade\n }\n}\n`;
    await node.run(
      ['nft', '-f', '-'],
      masquerade('ip', 'ip', `10.${i}.0.0/16`) + masquerade('ip6', 'ip6', `fd10:${i}::/48`),
    );
  }

  async #network(name: NodeName, cni: Cni): Promise<void> {
    const node = this.node(name);
    const others = NODE_NAMES.filter(
      (other) => other !== name && NODES[other].cluster === NODES[name].cluster,
    );
    const lan6 = (other: NodeName): string =>
      `fd00:168:${number(NODES[other].cluster)}::${NODES[other].host}`;
    await node.ip([`addr add ${lan6(name)}/64 dev eth0 nodad`]);
    const mac = (other: NodeName): string => `02:42:00:00:00:${NODES[other].host}`;
    if (cni === 'vxlan') {
      await node.ip([
        `link add flannel.1 type vxlan id 1 local ${lan(name)} dev eth0 dstport 8472 nolearning`,
        `link set flannel.1 address ${mac(name)} up`,
        `addr add ${podNet(name)}.0/32 dev flannel.1`,
      ]);
    }
    for (const other of others) {
      if (cni === 'vxlan') {
        await node.run(['bridge', 'fdb', 'append', mac(other), 'dev', 'flannel.1', 'dst', lan(other)]);
        await node.ip([
          `neigh replace ${podNet(other)}.0 lladdr ${mac(other)} dev flannel.1 nud permanent`,
          `route add ${podNet(other)}.0/24 via ${podNet(other)}.0 dev flannel.1 onlink`,
        ]);
      } else await node.ip([`route add ${podNet(other)}.0/24 via ${lan(other)}`]);
      await node.ip([`route add ${podNet6(other)}:/64 via ${lan6(other)}`]);
    }
  }

  /** Each gateway of a has a tunnel to the one of b; b sends to the first that is said to be active. */
  async #tunnels(): Promise<void> {
    const pairs = [
      ['a-gw1', 'ph-tb', 'b-gw1', 'ph-ta1', 1],
      ['a-gw2', 'ph-tb', 'b-gw1', 'ph-ta2', 2],
    ] as const;
    for (const [left, leftDevice, right, rightDevice, vni] of pairs) {
      const ends = [
        [left, leftDevice, right, 1, '10.2.0.0/16 10.152.0.0/16', 'fd10:2::/48'],
        [right, rightDevice, left, 2, '10.1.0.0/16 10.151.0.0/16', 'fd10:1::/48'],
      ] as const;
      for (const [self, device, peer, side, v4, v6] of ends) {
        const [own, other] = [side, 3 - side];
        const first = vni === 1;
        await this.node(self).ip([
          `link add ${device} address 02:54:00:00:0${vni}:0${own} mtu 1400 type vxlan id ${vni} local ${wan(self)} remote ${wan(peer)} dstport 4790`,
          `link set ${device} alias pharos:tunnel`,
          `link set ${device} up`,
          `addr add 241.0.${vni}.${own}/32 dev ${device}`,
          `neigh replace 241.0.${vni}.${other} lladdr 02:54:00:00:0${vni}:0${other} dev ${device} nud permanent`,
          `neigh replace fe80::${vni}:${other} lladdr 02:54:00:00:0${vni}:0${other} dev ${device} nud permanent`,
          ...(first || side === 1
            ? [
                `nexthop add id 2000 via 241.0.${vni}.${other} dev ${device} onlink protocol 77`,
                `nexthop add id 2500 via fe80::${vni}:${other} dev ${device} onlink protocol 77`,
                ...v4.split(' ').map((net) => `route add ${net} nhid 2000 table 1490 protocol 77`),
                `route add ${v6} nhid 2500 table 1490 protocol 77`,
                'rule add priority 1490 lookup 1490 protocol 77',
              ]
            : []),
        ]);
        if (first || side === 1) {
          await this.node(self).run([
            'ip',
            '-6',
            'rule',
            'add',
            'priority',
            '1490',
            'lookup',
            '1490',
            'protocol',
            '77',
          ]);
        }
        // A gateway makes its tunnels' filters loose by itself.
        await this.node(self).run(['sysctl', '-qw', `net.ipv4.conf.${device}.rp_filter=2`]);
      }
    }
  }

  /** What b's gateway does by its own probes: sends to the other gateway of a. */
  async switchTunnel(to: 1 | 2): Promise<void> {
    await this.node('b-gw1').ip([
      `nexthop replace id 2000 via 241.0.${to}.1 dev ph-ta${to} onlink protocol 77`,
      `nexthop replace id 2500 via fe80::${to}:1 dev ph-ta${to} onlink protocol 77`,
    ]);
  }
}

/** A route agent in a node, and what it has been told. */
export class AgentProcess {
  readonly up: Promise<unknown>;
  readonly #child: ChildProcess;
  #said = '';

  constructor(node: Netns, cluster: string, name: string, stateFile: string) {
    const script = join(import.meta.dirname, '../../support/route-agent-process.ts');
    const [program, ...args] = node.enter([process.execPath, script, cluster, name, stateFile]);
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.#said += data.toString();
        if (process.env['PHAROS_TEST_LOG'] !== undefined) process.stderr.write(`${name}: ${data.toString()}`);
      });
    }
    this.up = once(this.#child, 'message');
  }

  /** All that it logged. */
  get log(): string {
    return this.#said;
  }

  set(object: KubeObject): void {
    this.#send({ do: 'set', object });
  }

  remove(object: KubeObject): void {
    this.#send({ do: 'remove', object });
  }

  async ask(): Promise<AgentReport> {
    const answer = once(this.#child, 'message') as Promise<[AgentReport]>;
    this.#send({ do: 'ask' });
    return (await answer)[0];
  }

  until(what: string, test: (report: AgentReport) => boolean): Promise<AgentReport> {
    return until(`${what}; it said: ${this.#said.slice(-1500)}`, 60_000, async () => {
      const report = await this.ask();
      return test(report) ? report : undefined;
    });
  }

  /** Lets it end in order. */
  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#send({ do: 'stop' });
    await ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToAgent): void {
    if (this.#child.connected) this.#child.send(message);
  }
}
