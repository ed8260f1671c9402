import { join } from 'node:path';
import type { FabricApiServer } from './api-server.ts';
import type { Cluster } from './cluster.ts';
import { defaultCorefile } from './cluster-dns.ts';
import type { Daemon } from './processes.ts';
import { GivenUp, until } from './wait.ts';

/** Pharos in one cluster: its processes run on the cluster's first node, from this checkout. */
export interface PharosMember {
  readonly cluster: Cluster;
  /** Where `pharos dns` answers, for everything in the fabric. Port 53. */
  readonly dnsAddress: string;
  readonly agent: PharosProcess;
  readonly dns: PharosProcess;
}

export interface PharosProcess {
  readonly pid: number;
  /** Path of what it logs. */
  readonly logFile: string;
  /** SIGTERM unless told otherwise; resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again as it was; resolves when it is ready. */
  start(): Promise<void>;
}

const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');

/**
 * Makes the clusters members of one clusterset: an agent and a DNS server in each, named after the cluster,
 * and cluster DNS that sends `clusterset.local` there. Resolves when all of them are ready.
 */
export async function deployPharos(
  broker: FabricApiServer,
  clusters: readonly Cluster[],
): Promise<PharosMember[]> {
  await broker.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pharos-broker' } }]);
  return Promise.all(clusters.map((cluster) => deployMember(broker, cluster)));
}

async function deployMember(broker: FabricApiServer, cluster: Cluster): Promise<PharosMember> {
  const [node] = cluster.nodes;
  const start = (command: string, metricsPort: number, flags: readonly string[]): Promise<PharosProcess> =>
    startOnNode(cluster, command, metricsPort, [
      `--cluster-id=${cluster.name}`,
      `--kubeconfig=${cluster.fabricKubeconfig}`,
      ...flags,
    ]);
  const listen = node.ips.map((ip) => `--listen=${ip.includes(':') ? `[${ip}]` : ip}:53`);
  const [agent, dns] = await Promise.all([
    start('agent', 9153, [`--broker-kubeconfig=${broker.fabricKubeconfig}`]),
    start('dns', 9154, listen),
    cluster.setClusterDns(pharosCorefile(node.ip)),
  ]);
  return { cluster, dnsAddress: node.ip, agent, dns };
}

/**
 * Cluster DNS that sends `clusterset.local` to the `pharos dns` of {@link deployPharos}. A cluster that
 * starts with it (`lab.cluster('west', { corefile: pharosCorefile })`) is spared a change of CoreDNS later.
 */
export const pharosCorefile = (nodeIp: string): string =>
  `${defaultCorefile}clusterset.local:53 {\n    errors\n    forward . ${nodeIp}\n}\n`;

async function startOnNode(
  cluster: Cluster,
  command: string,
  metricsPort: number,
  flags: readonly string[],
): Promise<PharosProcess> {
  const [node] = cluster.nodes;
  const metrics = `127.0.0.1:${metricsPort}`;
  let daemon: Daemon;
  const start = async (): Promise<void> => {
    const started = node.spawn(
      process.execPath,
      [cli, command, ...flags, `--metrics-listen=${metrics}`, '--log-format=pretty'],
      { name: `pharos-${command}` },
    );
    daemon = started;
    await until(started.name, 60_000, async () => {
      if (!started.running) throw new GivenUp(`${started.name} has ended:\n${started.tail()}`);
      const { code, stdout } = await node.exec([
        'curl',
        '-sS',
        '--fail-with-body',
        `http://${metrics}/readyz`,
      ]);
      if (code !== 0) throw new Error(stdout);
      return true;
    });
  };
  await start();
  return {
    get pid() {
      return daemon.pid;
    },
    get logFile() {
      return daemon.logFile;
    },
    stop: (signal) => daemon.stop(signal),
    start,
  };
}
