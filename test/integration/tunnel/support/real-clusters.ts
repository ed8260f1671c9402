/**
 * Two clusters' nodes in network namespaces, and on them the commands as users run them: `pharos gateway` and
 * `pharos route-agent`, each with a token of the rights that are shipped, against real API servers of both
 * clusters and of the broker that both have joined.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Kinds } from '../../../../src/api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../../../src/api/names.ts';
import type { Node } from '../../../../src/api/objects.ts';
import { type CableDriverName, type Connection, type Gateway, isUp } from '../../../../src/api/tunnel.ts';
import type { AuditedRequest } from '../../../lab/audit-log.ts';
import { ensureBinaries } from '../../../lab/binaries.ts';
import { type Lab, openLab } from '../../../lab/lab.ts';
import { Daemon } from '../../../lab/processes.ts';
import { startRelayInto } from '../../../lab/relay.ts';
import { GivenUp, until } from '../../../lab/wait.ts';
import { deploy, joinAs, type Site, site } from '../../membership/lab-clusterset.ts';
import { type ClusterName, Fabric, NODE_NAMES, type NodeName, wan } from '../../routing/fabric.ts';

type GatewayStatus = NonNullable<Gateway['status']>;
export type Part = 'gateway' | 'route-agent';

export const GATEWAY_NODES: readonly NodeName[] = NODE_NAMES.filter((name) => name.includes('gw'));
export const clusterOf = (node: NodeName): ClusterName => (node.startsWith('a') ? 'a' : 'b');

const PARTS: readonly Part[] = ['gateway', 'route-agent'];
const CLUSTERS: readonly ClusterName[] = ['a', 'b'];
const source = join(import.meta.dirname, '../../../../src/cli.ts');
const rightsOf = (part: Part): string =>
  join(import.meta.dirname, `../../../../deploy/charts/pharos/files/${part}-rbac.yaml`);

/** A busy machine must not look like a dead one. */
const PATIENT = ['--probe-missed=10'];

export class RealClusters implements AsyncDisposable {
  readonly fabric: Fabric;
  readonly lab: Lab;
  readonly sites: Readonly<Record<ClusterName | 'broker', Site>>;
  readonly driver: CableDriverName;
  readonly #path: string;
  readonly #cli: string;
  readonly #running = new Map<string, { readonly daemon: Daemon; readonly since: number }>(); // part on node → process
  readonly #kubeconfigs = new Map<string, string>(); // part in cluster → path

  private constructor(
    fabric: Fabric,
    lab: Lab,
    sites: Readonly<Record<ClusterName | 'broker', Site>>,
    driver: CableDriverName,
    path: string,
    cli: string,
  ) {
    this.fabric = fabric;
    this.lab = lab;
    this.sites = sites;
    this.driver = driver;
    this.#path = path;
    this.#cli = cli;
  }

  /** @param cli the program, where it is not to run from the source */
  static async create(driver: CableDriverName, cli = source): Promise<RealClusters> {
    const { 'wireguard-go': program } = await ensureBinaries(['wireguard-go']);
    const lab = await openLab({ name: 'gateways' });
    let fabric: Fabric | undefined;
    try {
      const [broker, a, b] = await Promise.all(
        (['broker', 'a', 'b'] as const).map((name) => site(lab, name, { audit: true })),
      );
      fabric = await Fabric.create('routes', 'none');
      if (broker === undefined || a === undefined || b === undefined) throw new Error('no API servers');
      const clusters = new RealClusters(fabric, lab, { broker, a, b }, driver, dirname(program), cli);
      await clusters.#join();
      await clusters.#connect();
      return clusters;
    } catch (error) {
      await fabric?.[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  start(part: Part, node: NodeName, flags: readonly string[] = []): Daemon {
    const cluster = clusterOf(node);
    const i = cluster === 'a' ? 1 : 2;
    const dir = join(this.lab.dir, node);
    const shared = [
      `--kubeconfig=${this.#kubeconfigs.get(`${part} ${cluster}`)}`,
      `--cluster-id=${cluster}`,
      `--node=${node}`,
      `--state-dir=${join(dir, part)}`,
    ];
    const own =
      part === 'route-agent'
        ? []
        : [
            `--node-ip=${wan(node)}`,
            `--cable-driver=${this.driver}`,
            ...[`10.${i}.0.0/16`, `fd10:${i}::/48`].map((cidr) => `--pod-cidr=${cidr}`),
            `--service-cidr=10.15${i}.0.0/16`,
            ...PATIENT,
            '--rotate-keys-announce=3s',
          ];
    // wireguard-go has its sockets at a path that is the same for all: each node has a directory of its own there.
    const wireguard = join(dir, 'wireguard');
    const [file, ...args] = this.fabric
      .node(node)
      .enter([
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mkdir -p "$0" /run/wireguard && mount --bind "$0" /run/wireguard && exec "$@"',
        wireguard,
        process.execPath,
        this.#cli,
        part,
        ...shared,
        ...own,
        ...flags,
      ]);
    const daemon = new Daemon(file, args, `${part} on ${node}`, {
      lab: this.fabric.namespaces.lab,
      logFile: join(dir, `${part}.log`),
      env: { PATH: `${this.#path}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    });
    this.#running.set(`${part} ${node}`, { daemon, since: Date.now() });
    return daemon;
  }

  startAll(): void {
    for (const node of GATEWAY_NODES) this.start('gateway', node);
    for (const node of NODE_NAMES) this.start('route-agent', node);
  }

  process(part: Part, node: NodeName): Daemon {
    return this.#run(part, node).daemon;
  }

  async connections(node: NodeName): Promise<readonly Connection[]> {
    return (await this.#statusOf(node))?.connections ?? [];
  }

  /** Waits until every gateway says that it holds a working connection to every one of the other cluster. */
  async untilConnected(nodes: readonly NodeName[] = GATEWAY_NODES): Promise<void> {
    for (const node of nodes) {
      const gateway = this.process('gateway', node);
      const wanted = GATEWAY_NODES.filter((other) => clusterOf(other) !== clusterOf(node)).length;
      await until(`connections of ${node}`, 120_000, async () => {
        const status = await this.#statusOf(node);
        const connections = this.#isOfThisRun(node, status) ? (status?.connections ?? []) : [];
        const up = connections.filter(isUp);
        if (up.length === wanted) return true;
        const said = `${JSON.stringify(connections)}\n${gateway.tail()}`;
        throw gateway.running ? new Error(said) : new GivenUp(`${gateway.name} has ended: ${said}`);
      });
    }
  }

  /** The node of the gateway that leads in a cluster. */
  async leaderOf(cluster: ClusterName): Promise<NodeName> {
    return until(`a leader of ${cluster}`, 60_000, async () => {
      const gateways = await this.sites[cluster].store.list(Kinds.Gateway, { namespace: SYSTEM_NAMESPACE });
      return gateways.find(
        ({ metadata, status }) =>
          status?.haStatus === 'active' && this.#isOfThisRun(metadata.name as NodeName, status),
      )?.metadata.name as NodeName | undefined;
    });
  }

  #run(part: Part, node: NodeName): { readonly daemon: Daemon; readonly since: number } {
    const run = this.#running.get(`${part} ${node}`);
    if (run === undefined) throw new Error(`No ${part} runs on ${node}`);
    return run;
  }

  async #statusOf(node: NodeName): Promise<GatewayStatus | undefined> {
    const ref = { name: node, namespace: SYSTEM_NAMESPACE };
    return (await this.sites[clusterOf(node)].store.get(Kinds.Gateway, ref))?.status;
  }

  /** Stopping takes nothing back: what the process before this one said is still to be read. */
  #isOfThisRun(node: NodeName, status: GatewayStatus | undefined): boolean {
    return Date.parse(status?.heartbeat ?? '') >= this.#run('gateway', node).since;
  }

  /** All that gateways and route agents asked of an API server, as its audit log has it. */
  async requests(of: ClusterName | 'broker'): Promise<AuditedRequest[]> {
    const requests = await this.sites[of].api.requests();
    const isOurs =
      /^system:serviceaccount:(pharos-system:pharos-(gateway|route-agent)|pharos-broker:cluster-)/;
    return requests.filter(({ user }) => isOurs.test(user));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fabric[Symbol.asyncDispose]();
    for (const each of Object.values(this.sites)) each[Symbol.dispose]();
    await this.lab[Symbol.asyncDispose]();
  }

  async #join(): Promise<void> {
    const { broker } = this.sites;
    await deploy(broker);
    for (const cluster of CLUSTERS) {
      const member = this.sites[cluster];
      await joinAs(cluster, member, broker);
      for (const object of this.fabric.objects(cluster)) {
        if (object.kind !== 'Node') continue;
        const { status, ...node } = object as Node;
        await member.store.apply(Kinds.Node, node);
        await member.store.applyStatus(Kinds.Node, { ...node, ...(status !== undefined && { status }) });
      }
      for (const part of PARTS) {
        await member.api.apply(await readFile(rightsOf(part), 'utf8'));
        this.#kubeconfigs.set(`${part} ${cluster}`, await this.#kubeconfigOf(part, member));
      }
    }
  }

  /** A kubeconfig with the token of a ServiceAccount, as a pod of its has it. */
  async #kubeconfigOf(part: Part, { api }: Site): Promise<string> {
    const { stdout: token } = await api.kubectl([
      '-n',
      SYSTEM_NAMESPACE,
      'create',
      'token',
      `pharos-${part}`,
    ]);
    const admin = JSON.parse(await readFile(api.kubeconfig, 'utf8')) as {
      users: readonly { name: string }[];
    };
    const users = admin.users.map(({ name }) => ({ name, user: { token: token.trim() } }));
    const file = join(this.lab.dir, `${api.name}-${part}.kubeconfig`);
    await writeFile(file, JSON.stringify({ ...admin, users }));
    return file;
  }

  /** Nodes have a loopback of their own: the API servers come to be there, too. */
  async #connect(): Promise<void> {
    await Promise.all(
      NODE_NAMES.flatMap((node) =>
        [this.sites.broker, this.sites[clusterOf(node)]].map(({ api }) =>
          startRelayInto({
            lab: this.fabric.namespaces.lab,
            dir: join(this.lab.dir, node, api.name),
            netns: this.fabric.node(node),
            port: Number(new URL(api.url).port),
          }),
        ),
      ),
    );
  }
}
