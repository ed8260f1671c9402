import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { planAddresses } from './addressing.ts';
import {
  startApiServer,
  type ApiPlace,
  type ApiServer,
  type ApiServerOptions,
  type FabricApiServer,
} from './api-server.ts';
import { clusterBinaries, ensureBinaries, ensureCrds } from './binaries.ts';
import { cacheDir } from './cache.ts';
import { startCluster, type Cluster, type ClusterOptions } from './cluster.ts';
import { command } from './command.ts';
import { startCoreDns, type CoreDns } from './coredns.ts';
import { compact, startEtcd } from './etcd.ts';
import { Fabric } from './fabric.ts';
import { nodeImages } from './images.ts';
import { raiseLimits } from './limits.ts';
import { refuse, requirePackages } from './packages.ts';
import { freePort } from './ports.ts';
import { startRelay } from './relay.ts';
import { beginRun } from './run.ts';

/** Real Kubernetes on this machine, for one test file or one person. All of it goes with it. */
export interface Lab extends AsyncDisposable {
  /** What its processes and control groups carry. */
  readonly id: string;
  /** Logs, keys and data of this lab; goes with it. */
  readonly dir: string;
  /** Starts an API server on 127.0.0.1; any number, also at the same time, each with a name of its own. No root needed. */
  api(name: string, options?: ApiServerOptions): Promise<ApiServer>;
  /** Starts a whole cluster. All clusters of a lab reach each other's nodes, pods and Services. Takes root. */
  cluster(name: string, options?: ClusterOptions): Promise<Cluster>;
  /** Starts an API server where all clusters reach it: a broker. Takes root. */
  fabricApi(name: string, options?: ApiServerOptions): Promise<FabricApiServer>;
  /** Makes the etcd of all `api` servers forget its history: who resumes from an older version hears 410 Gone. */
  forgetHistory(): Promise<void>;
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
  let etcd: Promise<string> | undefined;
  let fabric: Promise<Fabric> | undefined;
  let fabricEtcd: Promise<string> | undefined;
  let clusters = 0;
  let fabricApis = 0;
  let coreDnsCount = 0;

  const claim = (name: string): void => {
    if (!/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/.test(name)) {
      throw new Error(`A cluster's name must be a DNS label of at most 22 characters, not "${name}"`);
    }
    if (names.has(name)) throw new Error(`This lab has a cluster "${name}" already`);
    names.add(name);
  };
  const openFabric = async (): Promise<Fabric> => {
    const reason = await whyNoClusters();
    if (reason !== undefined) throw new Error(`No cluster in this lab: ${reason}`);
    await raiseLimits();
    return (fabric ??= Fabric.create(run.id, run.dir));
  };
  const startApi = async (
    apiName: string,
    place: ApiPlace,
    { controllers = false, audit = false, crds = true, emulatedVersion }: ApiServerOptions,
  ): Promise<FabricApiServer> =>
    startApiServer(apiName, {
      lab: run.id,
      dir: join(run.dir, apiName),
      place,
      binaries: await ensureBinaries(['kube-apiserver', 'kubectl']),
      controllerManager: controllers
        ? (await ensureBinaries(['kube-controller-manager']))['kube-controller-manager']
        : undefined,
      crds: crds ? await ensureCrds() : [],
      emulatedVersion,
      audit,
    });

  return {
    id: run.id,
    dir: run.dir,
    async api(apiName, options = {}) {
      claim(apiName);
      const enter: ApiPlace['enter'] = (args) => args;
      const etcdUrl = await (etcd ??= startEtcd({ lab: run.id, dir: join(run.dir, 'etcd'), enter }));
      const port = await freePort();
      const url = `https://127.0.0.1:${port}`;
      return startApi(apiName, { listen: '127.0.0.1', port, url, etcdUrl, enter }, options);
    },
    async forgetHistory() {
      if (etcd !== undefined) await compact(await etcd);
    },
    async fabricApi(apiName, options = {}) {
      claim(apiName);
      const port = 6443 + fabricApis++;
      const { netns, address } = await openFabric();
      const enter: ApiPlace['enter'] = (args) => netns.enter(args);
      const dir = join(run.dir, 'fabric-etcd');
      const etcdUrl = await (fabricEtcd ??= startEtcd({ lab: run.id, dir, enter }));
      const relay = await startRelay({
        lab: run.id,
        dir: join(run.dir, apiName, 'relay'),
        netns,
        target: `${address}:${port}`,
      });
      const url = `https://127.0.0.1:${relay}`;
      return startApi(apiName, { listen: address, port, url, etcdUrl, enter }, options);
    },
    async cluster(clusterName, options = {}) {
      claim(clusterName);
      const index = ++clusters;
      const addresses = planAddresses(index, options.nodes ?? 1, options.dualStack ?? false);
      const clusterFabric = await openFabric();
      const binaries = await ensureBinaries(clusterBinaries);
      return startCluster(
        clusterName,
        {
          lab: run.id,
          dir: join(run.dir, clusterName),
          fabric: clusterFabric,
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
  if (process.getuid?.() !== 0)
    return refuse('nodes are made of namespaces, which takes root: run this as root');
  const isolated = await command('unshare', ['--mount', '--net', '--pid', '--fork', 'true']);
  if (isolated.code !== 0) return refuse(`no namespaces can be made here (${isolated.stderr.trim()})`);
  if (cacheDir.startsWith('/run/')) {
    return refuse(`the cache folder ${cacheDir} is below /run, which a node hides; set XDG_CACHE_HOME`);
  }
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
