/**
 * Two clusters of two gateways and a worker each, in network namespaces: a wide-area bridge between the
 * gateways, a bridge in each cluster. A worker has a pod's address; its way out is a gateway, and a gateway
 * that has no way of its own takes the other one - which route agents see to elsewhere.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kinds } from '../../../../src/api/kinds.ts';
import type { Node } from '../../../../src/api/objects.ts';
import { SYSTEM_NAMESPACE } from '../../../../src/api/names.ts';
import { type CableDriverName, type Connection, type Gateway, isUp } from '../../../../src/api/tunnel.ts';
import { systemClock } from '../../../../src/runtime/clock.ts';
import { MemoryStore } from '../../../../src/store/memory.ts';
import { DRAIN_ANNOTATION, ROTATE_ANNOTATION } from '../../../../src/tunnel/settings.ts';
import { Netns } from '../../../lab/netns.ts';
import { Daemon, killProcesses } from '../../../lab/processes.ts';
import { until } from '../../../lab/wait.ts';
import type { ChildSettings } from './gateway-child.ts';
import { serveStores } from './remote-store.ts';

export type ClusterName = 'west' | 'east';
export type GatewayName = 'gw1' | 'gw2';
type NodeName = GatewayName | 'w1';

const NUMBERS: Readonly<Record<ClusterName, number>> = { west: 1, east: 2 };
const HOSTS: Readonly<Record<NodeName, number>> = { gw1: 11, gw2: 12, w1: 21 };
const CLUSTERS: readonly ClusterName[] = ['west', 'east'];
export const GATEWAYS: readonly GatewayName[] = ['gw1', 'gw2'];

export const wanAddress = (cluster: ClusterName, gateway: GatewayName): string =>
  `203.0.113.${NUMBERS[cluster] * 100 + HOSTS[gateway]}`;
export const podAddress = (cluster: ClusterName): string => `10.${NUMBERS[cluster]}.21.2`;
export const podAddress6 = (cluster: ClusterName): string => `fd00:${NUMBERS[cluster]}:21::2`;
const lanAddress = (cluster: ClusterName, node: NodeName): string =>
  `192.168.${NUMBERS[cluster]}.${HOSTS[node]}`;
const lanAddress6 = (cluster: ClusterName, node: NodeName): string =>
  `fd01:${NUMBERS[cluster]}::${HOSTS[node]}`;

/** A gateway's process. */
export class GatewayProcess {
  readonly #child: ChildProcess;
  readonly logFile: string;

  constructor(child: ChildProcess, logFile: string) {
    this.#child = child;
    this.logFile = logFile;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.once('exit', () => resolve());
    this.#child.kill(signal);
    await promise;
  }

  log(): Promise<string> {
    return readFile(this.logFile, 'utf8');
  }
}

const ECHO = join(import.meta.dirname, 'echo.ts');

let labs = 0;

export class TwoClusters implements AsyncDisposable {
  readonly stores: Readonly<Record<ClusterName | 'broker', MemoryStore>>;
  readonly dir: string;
  readonly #lab = `tunnel-${process.pid}-${++labs}`;
  readonly #nodes = new Map<string, Netns>(); // cluster-node → namespace
  readonly #running = new Map<string, GatewayProcess>(); // cluster-gateway → process
  #fabric: Netns | undefined;
  #isBrokerAway = false;

  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
    this.dir = mkdtempSync(join(tmpdir(), 'pharos-tunnel-'));
    const store = (location: string): MemoryStore => new MemoryStore({ location, clock: systemClock });
    this.stores = { west: store('west'), east: store('east'), broker: store('broker') };
  }

  /** @param options.path where programs are looked for first */
  static async create({ path = '/usr/sbin' } = {}): Promise<TwoClusters> {
    const clusters = new TwoClusters(path);
    try {
      await clusters.#build();
    } catch (error) {
      await clusters[Symbol.asyncDispose]();
      throw error;
    }
    return clusters;
  }

  node(cluster: ClusterName, node: NodeName): Netns {
    const netns = this.#nodes.get(`${cluster}-${node}`);
    if (netns === undefined) throw new Error(`no node ${cluster}-${node}`);
    return netns;
  }

  get fabric(): Netns {
    if (this.#fabric === undefined) throw new Error('no fabric');
    return this.#fabric;
  }

  /** Whether the broker answers writes and reads; watches go on, as those of a slow server. */
  setBrokerAway(isAway: boolean): void {
    this.#isBrokerAway = isAway;
  }

  start(
    cluster: ClusterName,
    gateway: GatewayName,
    driver: CableDriverName,
    change: Partial<ChildSettings> = {},
  ): GatewayProcess {
    const number = NUMBERS[cluster];
    const settings: ChildSettings = {
      cluster,
      gateway,
      driver,
      privateIP: wanAddress(cluster, gateway),
      podCIDRs: [`10.${number}.0.0/16`, `fd00:${number}::/32`],
      serviceCIDRs: [`10.10${number}.0.0/16`],
      stateDir: join(this.dir, `${cluster}-${gateway}`),
      intervalMs: 100,
      missed: 3,
      ...change,
    };
    const script = join(import.meta.dirname, 'gateway-child.ts');
    // wireguard-go has its socket at a path that is the same for all: each node has a directory of its own there.
    const run = join(this.dir, `${cluster}-${gateway}-run`);
    mkdirSync(run, { recursive: true });
    mkdirSync('/run/wireguard', { recursive: true });
    const [file, ...args] = this.node(cluster, gateway).enter([
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount --bind "$0" /run/wireguard && exec "$@"',
      run,
      process.execPath,
      script,
      JSON.stringify(settings),
    ]);
    const logFile = join(this.dir, `${cluster}-${gateway}.log`);
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...process.env,
        PATH: `${this.#path}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
        PHAROS_LAB_RUN: this.#lab,
      },
      detached: true,
    });
    child.stderr?.pipe(createWriteStream(logFile, { flags: 'a' }));
    serveStores(child, { member: this.stores[cluster], broker: this.stores.broker }, (store) => {
      return store === 'broker' && this.#isBrokerAway;
    });
    const running = new GatewayProcess(child, logFile);
    this.#running.set(`${cluster}-${gateway}`, running);
    return running;
  }

  startAll(driver: CableDriverName, change: Partial<ChildSettings> = {}): void {
    for (const cluster of CLUSTERS)
      for (const gateway of GATEWAYS) this.start(cluster, gateway, driver, change);
  }

  process(cluster: ClusterName, gateway: GatewayName): GatewayProcess {
    const running = this.#running.get(`${cluster}-${gateway}`);
    if (running === undefined) throw new Error(`${cluster}-${gateway} does not run`);
    return running;
  }

  async gatewayObject(cluster: ClusterName, gateway: GatewayName): Promise<Gateway | undefined> {
    return this.stores[cluster].get(Kinds.Gateway, { name: gateway, namespace: SYSTEM_NAMESPACE });
  }

  /** As `pharos gateway drain` does it, and its --undo. */
  setDrained(cluster: ClusterName, gateway: GatewayName, isDrained: boolean): Promise<void> {
    return this.#annotate(cluster, gateway, isDrained ? { [DRAIN_ANNOTATION]: 'true' } : {});
  }

  /** As `pharos gateway rotate-keys` does it. */
  async rotateKeys(cluster: ClusterName, gateway: GatewayName): Promise<void> {
    await this.#annotate(cluster, gateway, { [ROTATE_ANNOTATION]: `request-${Date.now()}` });
    await until(`new keys of ${cluster} ${gateway}`, 120_000, async () => {
      const { annotations } = (await this.gatewayObject(cluster, gateway))?.metadata ?? {};
      return annotations?.[ROTATE_ANNOTATION] === undefined ? true : undefined;
    });
  }

  /** The keys that a gateway has published, the one in use first. */
  async publishedKeys(cluster: ClusterName, gateway: GatewayName): Promise<readonly string[]> {
    const ref = { name: `${cluster}.${gateway}`, namespace: 'pharos-broker' };
    return (await this.stores.broker.get(Kinds.TunnelEndpoint, ref))?.spec.publicKeys ?? [];
  }

  async #annotate(
    cluster: ClusterName,
    gateway: GatewayName,
    annotations: Record<string, string>,
  ): Promise<void> {
    const object = await this.gatewayObject(cluster, gateway);
    if (object === undefined) throw new Error(`no Gateway ${gateway}`);
    const { apiVersion, kind, metadata } = object;
    const { name, namespace = SYSTEM_NAMESPACE, labels = {} } = metadata;
    await this.stores[cluster].apply(Kinds.Gateway, {
      apiVersion,
      kind,
      metadata: { name, namespace, labels, annotations },
    });
  }

  async connections(cluster: ClusterName, gateway: GatewayName): Promise<readonly Connection[]> {
    return (await this.gatewayObject(cluster, gateway))?.status?.connections ?? [];
  }

  /** Waits until every gateway holds a working connection to every gateway of the other cluster. */
  async untilConnected(count = 2): Promise<void> {
    for (const cluster of CLUSTERS) {
      for (const gateway of GATEWAYS) {
        if (!this.#running.has(`${cluster}-${gateway}`)) continue;
        await until(`connections of ${cluster} ${gateway}`, 90_000, async () => {
          const connections = await this.connections(cluster, gateway);
          const up = connections.filter(isUp);
          if (up.length === count) return true;
          throw new Error(JSON.stringify(connections));
        });
      }
    }
  }

  /** What a gateway's node says of how it is reached from outside. */
  async setExternalIp(cluster: ClusterName, gateway: GatewayName, address: string): Promise<void> {
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: gateway } };
    const addresses = [{ type: 'ExternalIP', address }];
    await this.stores[cluster].apply(Kinds.Node, node);
    await this.stores[cluster].applyStatus(Kinds.Node, { ...node, status: { addresses } });
  }

  /** Cuts or mends a gateway's way to the other cluster. */
  async setWan(cluster: ClusterName, gateway: GatewayName, state: 'up' | 'down'): Promise<void> {
    await this.fabric.ip([`link set wan-${cluster}-${gateway} ${state}`]);
  }

  /**
   * Puts a gateway that has not been started behind an address translation: `1:1`, as public clouds have it,
   * where all that comes to the outer address goes to the gateway; or `masquerade`, where nothing comes in that
   * was not asked for. @returns the gateway's own address then
   */
  async putBehindNat(
    cluster: ClusterName,
    gateway: GatewayName,
    kind: '1:1' | 'masquerade',
  ): Promise<{ readonly privateIP: string; readonly router: Netns }> {
    const outer = wanAddress(cluster, gateway);
    const [inner, privateIP] = [`10.99.${NUMBERS[cluster]}.1`, `10.99.${NUMBERS[cluster]}.2`];
    const end = `wan-${cluster}-${gateway}`;
    const node = this.node(cluster, gateway);
    const router = await Netns.create(this.#lab, this.dir, `nat-${cluster}-${gateway}`);
    await this.fabric.ip([
      `link del ${end}`,
      `link add ${end} type veth peer name out netns ${router.path}`,
      `link set ${end} master wan up`,
    ]);
    await router.ip([`link add in type veth peer name wan0 netns ${node.path}`]);
    await router.sysctl({ 'ipv4.ip_forward': 1 });
    await router.ip([
      `addr add ${outer}/24 dev out`,
      'link set out up',
      `addr add ${inner}/24 dev in`,
      'link set in up',
    ]);
    await node.ip([
      `addr add ${privateIP}/24 dev wan0`,
      'link set wan0 up',
      `route add 203.0.113.0/24 via ${inner}`,
    ]);
    const inbound = kind === '1:1' ? `iifname "out" ip daddr ${outer} dnat to ${privateIP}` : '';
    await router.run(
      ['nft', '-f', '-'],
      `table ip nat {
 chain pre {
  type nat hook prerouting priority dstnat; policy accept;
  ${inbound}
 }
 chain post {
  type nat hook postrouting priority srcnat; policy accept;
  oifname "out" masquerade
 }
}
`,
    );
    return { privateIP, router };
  }

  /**
   * Puts a gateway that has not been started behind two routers with a narrow link between them.
   * @param routers.areSilent whether they tell nobody what does not fit, as where a firewall filters ICMP
   * @returns the gateway's own address then, which is routed to, and how to set what the link takes
   */
  async putBehindNarrowLink(
    cluster: ClusterName,
    gateway: GatewayName,
    mtu: number,
    { areSilent }: { readonly areSilent: boolean },
  ): Promise<{ readonly privateIP: string; readonly setMtu: (mtu: number) => Promise<void> }> {
    const outer = wanAddress(cluster, gateway);
    const number = NUMBERS[cluster];
    const [inner, privateIP] = [`10.99.${number}.1`, `10.99.${number}.2`];
    const [near, far] = [`10.98.${number}.1`, `10.98.${number}.2`];
    const end = `wan-${cluster}-${gateway}`;
    const node = this.node(cluster, gateway);
    const [first, second] = await Promise.all(
      ['near', 'far'].map((name) => Netns.create(this.#lab, this.dir, `${name}-${cluster}-${gateway}`)),
    );
    if (first === undefined || second === undefined) throw new Error('no routers');
    await this.fabric.ip([
      `link del ${end}`,
      `link add ${end} type veth peer name out netns ${second.path}`,
      `link set ${end} master wan up`,
    ]);
    await first.ip([
      `link add in type veth peer name wan0 netns ${node.path}`,
      `link add narrow type veth peer name narrow netns ${second.path}`,
      `addr add ${inner}/24 dev in`,
      'link set in up',
      `addr add ${near}/24 dev narrow`,
      'link set narrow up',
      `route add 203.0.113.0/24 via ${far}`,
    ]);
    await second.ip([
      `addr add ${outer}/24 dev out`,
      'link set out up',
      `addr add ${far}/24 dev narrow`,
      'link set narrow up',
      `route add ${privateIP}/32 via ${near}`,
    ]);
    await node.ip([
      `addr add ${privateIP}/24 dev wan0`,
      'link set wan0 up',
      `route add 203.0.113.0/24 via ${inner}`,
    ]);
    for (const other of GATEWAYS)
      await this.node(cluster === 'west' ? 'east' : 'west', other).ip([
        `route add ${privateIP}/32 via ${outer}`,
      ]);
    const setMtu = async (most: number): Promise<void> => {
      for (const router of [first, second]) await router.ip([`link set narrow mtu ${most}`]);
    };
    for (const router of [first, second]) {
      await router.sysctl({ 'ipv4.ip_forward': 1 });
      if (!areSilent) continue;
      await router.run(
        ['nft', '-f', '-'],
        `table ip silent {
 chain out {
  type filter hook output priority 0; policy accept;
  icmp type destination-unreachable drop
 }
}
`,
      );
    }
    await setMtu(mtu);
    return { privateIP, setMtu };
  }

  /** Starts what gives back everything at a cluster's pod address: see {@link echo}. */
  async serveEcho(cluster: ClusterName): Promise<void> {
    const logFile = join(this.dir, `echo-${cluster}.log`);
    const [file, ...args] = this.node(cluster, 'w1').enter([
      process.execPath,
      ECHO,
      'serve',
      podAddress(cluster),
      podAddress6(cluster),
    ]);
    const server = new Daemon(file, args, 'echo', { lab: this.#lab, logFile });
    await until(server.name, 60_000, async () =>
      (await readFile(logFile, 'utf8')).includes('serving') ? true : undefined,
    );
  }

  /** Sends so many bytes from west's pod to east's, where {@link serveEcho} is, and has them back; else it rejects. */
  async echo(protocol: 'tcp' | 'udp', bytes: number, to = podAddress('east')): Promise<void> {
    const from = to.includes(':') ? podAddress6('west') : podAddress('west');
    await this.node('west', 'w1').run([process.execPath, ECHO, protocol, from, to, String(bytes)]);
  }

  /** What `ping` says from west's pod to east's; the answer is in the kernel's own words. */
  async ping(args: readonly string[], to = podAddress('east')): Promise<string> {
    const from = to.includes(':') ? podAddress6('west') : podAddress('west');
    return this.node('west', 'w1').run(['ping', '-I', from, ...args, to]);
  }

  async untilReachable(to = podAddress('east')): Promise<void> {
    await until(`an answer of ${to}`, 60_000, async () => {
      await this.ping(['-c', '1', '-W', '1'], to);
      return true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running.values()) await running.end('SIGKILL');
    await killProcesses(this.#lab);
    if (process.env['PHAROS_KEEP'] === undefined) await rm(this.dir, { recursive: true, force: true });
  }

  async #build(): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    const fabric = await Netns.create(this.#lab, this.dir, 'fabric');
    this.#fabric = fabric;
    await fabric.ip(
      ['wan', ...CLUSTERS.map((name) => `lan-${name}`)].flatMap((bridge) => [
        `link add ${bridge} type bridge`,
        `link set ${bridge} up`,
      ]),
    );
    for (const cluster of CLUSTERS) {
      for (const name of ['gw1', 'gw2', 'w1'] as const) await this.#buildNode(fabric, cluster, name);
    }
  }

  async #buildNode(fabric: Netns, cluster: ClusterName, name: NodeName): Promise<void> {
    const node = await Netns.create(this.#lab, this.dir, `${cluster}-${name}`);
    this.#nodes.set(`${cluster}-${name}`, node);
    await node.sysctl({
      'ipv4.ip_forward': 1,
      'ipv6.conf.all.forwarding': 1,
      'ipv6.conf.default.accept_dad': 0,
      // Strict, as distributions have it: what needs it loose must see to that.
      'ipv4.conf.all.rp_filter': 1,
      'ipv4.conf.default.rp_filter': 0,
      'ipv4.conf.all.send_redirects': 0,
      'ipv4.conf.default.send_redirects': 0,
    });
    const plug = async (device: string, bridge: string, prefix: string): Promise<void> => {
      const end = `${prefix}-${cluster}-${name}`;
      await fabric.ip([`link add ${end} type veth peer name ${device} netns ${node.path}`]);
      await fabric.ip([`link set ${end} master ${bridge} up`]);
    };
    const other: ClusterName = cluster === 'west' ? 'east' : 'west';
    const [own, remote] = [NUMBERS[cluster], NUMBERS[other]];
    await plug('lan0', `lan-${cluster}`, 'lan');
    await node.sysctl({ 'ipv4.conf.lan0.rp_filter': 2 });
    await node.ip([
      `addr add ${lanAddress(cluster, name)}/24 dev lan0`,
      `addr add ${lanAddress6(cluster, name)}/64 dev lan0 nodad`,
      'link set lan0 up',
    ]);
    if (name === 'w1') {
      await node.ip([
        `addr add ${podAddress(cluster)}/32 dev lo`,
        `addr add ${podAddress6(cluster)}/128 dev lo nodad`,
        `route add 10.${remote}.0.0/16 via ${lanAddress(cluster, 'gw1')}`,
        `route add fd00:${remote}::/32 via ${lanAddress6(cluster, 'gw1')}`,
      ]);
      return;
    }
    const neighbour = name === 'gw1' ? 'gw2' : 'gw1';
    await plug('wan0', 'wan', 'wan');
    await node.ip([
      `addr add ${wanAddress(cluster, name)}/24 dev wan0`,
      'link set wan0 up',
      `route add 10.${own}.21.0/24 via ${lanAddress(cluster, 'w1')}`,
      `route add fd00:${own}:21::/64 via ${lanAddress6(cluster, 'w1')}`,
      `route add 10.${remote}.0.0/16 via ${lanAddress(cluster, neighbour)}`,
      `route add fd00:${remote}::/32 via ${lanAddress6(cluster, neighbour)}`,
    ]);
  }
}
