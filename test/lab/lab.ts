import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startApiServer, type ApiServer, type ApiServerOptions } from './api-server.ts';
import { allBinaries, ensureBinaries, ensureCrds } from './binaries.ts';
import { planAddresses } from './addressing.ts';
import { startCluster, type Cluster, type ClusterOptions } from './cluster.ts';
import { command } from './command.ts';
import { Fabric } from './fabric.ts';
import { nodeImages } from './images.ts';
import { refuse, requirePackages } from './packages.ts';
import { etcdArgs } from './control-plane.ts';
import { startCoreDns, type CoreDns } from './coredns.ts';
import { freePort } from './ports.ts';
import { Daemon } from './processes.ts';
import { beginRun, type Run } from './run.ts';
import { GivenUp, until } from './wait.ts';

/** Real Kubernetes on this machine, for one test file or one person. All of it goes with it. */
export interface Lab extends AsyncDisposable {
  /** What its processes and control groups carry. */
  readonly id: string;
  /** Logs, keys and data of this lab; goes with it. */
  readonly dir: string;
  /** Starts an API server; any number, also at the same time, each with a name of its own. */
  api(name: string, options?: ApiServerOptions): Promise<ApiServer>;
  /** Starts a whole cluster. All clusters of a lab reach each other's nodes, pods and Services. */
  cluster(name: string, options?: ClusterOptions): Promise<Cluster>;
  /** Starts a CoreDNS with this Corefile, whose blocks name no port, on a free port of 127.0.0.1. */
  coredns(corefile: string): Promise<CoreDns>;
}

/**
 * Opens a lab: `await using lab = await openLab()`. Labs of others, and several of one process, do not
 * disturb each other. Whatever ends this process, a watchdog takes the lab away; should even that
 * be killed, the next lab on this machine does.
 */
export async function openLab({ name = 'lab' }: { readonly name?: string } = {}): Promise<Lab> {
  if (process.platform !== 'linux') throw new Error(`The lab needs Linux; this is ${process.platform}`);
  const run = await beginRun(name);
  const names = new Set<string>();
  let etcdUrl: Promise<string> | undefined;
  let fabric: Promise<Fabric> | undefined;
  let clusters = 0;
  let coreDnsCount = 0;

  const claim = (clusterName: string): void => {
    if (!/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/.test(clusterName)) {
      throw new Error(`A cluster's name must be a DNS label of at most 22 characters, not "${clusterName}"`);
    }
    if (names.has(clusterName)) throw new Error(`This lab has a cluster "${clusterName}" already`);
    names.add(clusterName);
  };

  return {
    id: run.id,
    dir: run.dir,
    async api(apiName, options = {}) {
      claim(apiName);
      const binaries = await ensureBinaries(['kube-apiserver', 'kubectl']);
      return startApiServer(apiName, {
        lab: run.id,
        dir: join(run.dir, apiName),
        etcdUrl: await (etcdUrl ??= startEtcd(run)),
        binaries,
        controllerManager: options.controllers
          ? (await ensureBinaries(['kube-controller-manager']))['kube-controller-manager']
          : undefined,
        crds: await ensureCrds(),
      });
    },
    async cluster(clusterName, options = {}) {
      claim(clusterName);
      const index = ++clusters;
      const reason = await whyNoClusters();
      if (reason !== undefined) throw new Error(`No cluster in this lab: ${reason}`);
      const addresses = planAddresses(index, options.nodes ?? 1, options.dualStack ?? false);
      const binaries = await ensureBinaries(allBinaries);
      return startCluster(
        clusterName,
        {
          lab: run.id,
          dir: join(run.dir, clusterName),
          fabric: await (fabric ??= Fabric.create(run.id, run.dir)),
          index,
          addresses,
          binaries,
          crds: await ensureCrds(),
          images: [await nodeImages()],
        },
        options,
      );
    },
    async coredns(corefile) {
      const dir = join(run.dir, `coredns-${++coreDnsCount}`);
      await mkdir(dir, { recursive: true });
      return startCoreDns(corefile, {
        lab: run.id,
        dir,
        binary: (await ensureBinaries(['coredns'])).coredns,
      });
    },
    [Symbol.asyncDispose]: () => run[Symbol.asyncDispose](),
  };
}

/** Why there can be no clusters here, with what to do about it; undefined where there can. With CI=true the reason is thrown. */
export async function whyNoClusters(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return refuse('nodes are made of namespaces, which takes root');
  const isolated = await command('unshare', ['--mount', '--net', '--pid', '--fork', 'true']);
  if (isolated.code !== 0) return refuse(`no namespaces can be made here (${isolated.stderr.trim()})`);
  return requirePackages([
    'busybox-static',
    'conntrack',
    'containerd',
    'containernetworking-plugins',
    'curl',
    'dnsutils',
    'iproute2',
    'iptables',
    'nftables',
    'runc',
    'socat',
  ]);
}

/** The one etcd that the lab's API servers share. */
async function startEtcd(run: Run): Promise<string> {
  const { etcd } = await ensureBinaries(['etcd']);
  const clientUrl = `http://127.0.0.1:${await freePort()}`;
  const daemon = new Daemon(
    etcd,
    etcdArgs({
      dataDir: join(run.dir, 'etcd'),
      clientUrl,
      peerUrl: `http://127.0.0.1:${await freePort()}`,
    }),
    'etcd',
    { lab: run.id, logFile: join(run.dir, 'etcd.log') },
  );
  await until('etcd ready', 30_000, async () => {
    if (!daemon.running) throw new GivenUp(`etcd has ended:\n${daemon.tail()}`);
    return (await fetch(`${clientUrl}/health`)).ok ? true : undefined;
  });
  return clientUrl;
}
