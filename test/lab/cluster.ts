import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterAddresses, NodeAddresses } from './addressing.ts';
import { kubeconfigName } from './api-server.ts';
import type { Binary } from './binaries.ts';
import { clusterDns, corefileKey, corefileName, defaultCorefile } from './cluster-dns.ts';
import type { CommandResult } from './command.ts';
import { installCrds } from './crds.ts';
import type { Fabric } from './fabric.ts';
import { applyWith, makeKubectl, type Kubectl } from './kubectl.ts';
import type { Netns } from './netns.ts';
import { LabNode } from './node.ts';
import type { ProxyMode } from './node-files.ts';
import {
  apiPort,
  apiUrl,
  controllers,
  kubelet,
  kubeProxy,
  storeAndServer,
  type ServicePlan,
} from './node-services.ts';
import { makePki } from './pki.ts';
import { joinPods, podMtu, type PodNetwork } from './pod-network.ts';
import { waitReady } from './ready.ts';
import { startRelay } from './relay.ts';
import { Rest } from './rest.ts';
import { until } from './wait.ts';
import type { Subject } from './x509.ts';

export interface ClusterOptions {
  readonly nodes?: number;
  readonly dualStack?: boolean;
  readonly proxyMode?: ProxyMode;
  /** How pods of different nodes reach each other, and whether other clusters reach them: `fabric` unless given. */
  readonly podNetwork?: PodNetwork;
  /** What cluster DNS serves by from the start, made from the addresses of the first node and of cluster DNS; else names of the cluster alone. */
  readonly corefile?: (nodeIp: string, dnsIp: string) => string;
}

/** A whole Kubernetes: control plane, kubelet, containerd, kube-proxy and CoreDNS on nodes of its own. */
export interface Cluster {
  readonly name: string;
  /** Path of the administrator's kubeconfig, for processes of this machine. */
  readonly kubeconfig: string;
  readonly url: string;
  /** The same for processes in the fabric: those of {@link LabNode.spawn}, of any cluster, and pods. */
  readonly fabricKubeconfig: string;
  readonly fabricUrl: string;
  readonly kubectl: Kubectl;
  readonly nodes: readonly [LabNode, ...LabNode[]];
  /** Networks and fixed addresses; IPv4 first. */
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  readonly dnsServiceIp: string;
  /** `kubectl apply` of YAML text or objects; rejects where it is refused. */
  apply(manifests: string | readonly object[]): Promise<string>;
  /** Runs a command in a pod, `namespace/name`. */
  exec(pod: string, args: readonly string[]): Promise<CommandResult>;
  /** Path of a new kubeconfig for a user with a client certificate: may do what RBAC grants to the name or the groups. */
  kubeconfigFor(subject: Subject): Promise<string>;
  /** Like `kubeconfigFor`, for processes in the fabric. */
  fabricKubeconfigFor(subject: Subject): Promise<string>;
  /** Gives the cluster's CoreDNS another Corefile; resolves when it serves by it. */
  setClusterDns(corefile: string): Promise<void>;
  /** Brings the images of an archive onto all nodes. */
  loadImage(archive: string): Promise<void>;
}

export interface ClusterDeps {
  readonly lab: string;
  readonly dir: string;
  readonly fabric: Fabric;
  /** The cluster's number in the lab, for names of links. */
  readonly index: number;
  readonly addresses: ClusterAddresses;
  readonly binaries: Readonly<Record<Binary, string>>;
  readonly crds: readonly string[];
  readonly images: readonly string[];
}

export async function startCluster(
  name: string,
  deps: ClusterDeps,
  {
    proxyMode = 'nftables',
    podNetwork = 'fabric',
    corefile: firstCorefile = () => defaultCorefile,
  }: ClusterOptions,
): Promise<Cluster> {
  const { addresses, binaries, dir, fabric, lab } = deps;
  const [first] = addresses.nodes;
  const [firstIp] = first?.ips ?? [];
  if (!first || firstIp === undefined) throw new Error('A cluster needs at least one node');
  await mkdir(dir, { recursive: true });
  const pki = await makePki(join(dir, 'pki'), name, [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'localhost',
    '127.0.0.1',
    addresses.apiIp,
    ...first.ips,
  ]);
  const fabricUrl = apiUrl(firstIp);

  const nodeNames = addresses.nodes.map((_, index) => `${name}-${index + 1}`);
  const netnses = await Promise.all(
    addresses.nodes.map((node, index) =>
      fabric.attach(nodeNames[index] ?? '', linkOf(deps.index, index), node),
    ),
  );
  await joinPods(podNetwork, { fabric, netnses, addresses });
  const port = await startRelay({
    lab,
    dir: join(dir, 'relay'),
    netns: netnses[0]!,
    target: `127.0.0.1:${apiPort}`,
  });
  const url = `https://127.0.0.1:${port}`;
  const plan: ServicePlan = { pki, apiIp: firstIp, addresses, binaries };
  using rest = new Rest(url, pki.authority.certificate, pki.admin);
  const apiReady = (): Promise<void> => waitReady(`API server of ${name}`, rest);

  const nodes = await Promise.all(
    addresses.nodes.map(async (node, index) => {
      const nodeName = nodeNames[index] ?? '';
      const proxyKubeconfig = await pki.writeKubeconfig('proxy.kubeconfig', fabricUrl, {
        user: 'system:kube-proxy',
      });
      const controlPlane = index === 0;
      return new LabNode({
        lab,
        dir: join(dir, nodeName),
        fabric,
        netns: netnses[index]!,
        link: linkOf(deps.index, index),
        images: deps.images,
        settings: {
          name: nodeName,
          addresses: node,
          cluster: addresses,
          proxyMode,
          podMtu: podMtu[podNetwork],
          caFile: pki.files.ca,
          proxyKubeconfig,
        },
        first: controlPlane ? storeAndServer({ ...plan, etcdDir: join(dir, 'etcd') }) : [],
        clients: [...(controlPlane ? await controllers(plan) : []), kubeProxy(plan)],
        last: [await kubelet(plan, nodeName, node)],
        apiReady: async () => {
          using probe = new Rest(url, pki.authority.certificate, pki.admin);
          await waitReady(`API server of ${name}`, probe);
          await registerNode(probe, nodeName, node);
        },
      });
    }),
  );
  const [controlPlaneNode, ...others] = nodes;
  if (!controlPlaneNode) throw new Error('A cluster needs at least one node');

  const admin: Subject = { user: 'admin', groups: ['system:masters'] };
  const kubeconfig = await pki.writeKubeconfig('admin.kubeconfig', url, admin);
  const kubectl = makeKubectl(binaries.kubectl, kubeconfig, join(dir, 'kubectl'));
  const must = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await kubectl(args);
    if (code !== 0) throw new Error(`cluster ${name}: kubectl ${args.join(' ')}: ${stderr.trim()}`);
  };
  let servedBy: string | undefined;
  const setClusterDns = async (corefile: string): Promise<void> => {
    if (corefile === servedBy) return;
    await applyWith(kubectl, clusterDns(corefile, addresses.dnsIp));
    await must('-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=120s');
    await Promise.all(netnses.map((netns) => waitClusterDns(netns, addresses.dnsIp, corefile)));
    servedBy = corefile;
  };

  const start = async (): Promise<void> => {
    await Promise.all([
      ...nodes.map((node) => node.start()),
      apiReady().then(() =>
        Promise.all([installCrds(rest, deps.crds), setClusterDns(firstCorefile(firstIp, addresses.dnsIp))]),
      ),
    ]);
    await must('wait', '--for=condition=Ready', 'node', '--all', '--timeout=120s');
  };
  await start().catch((error: unknown) => {
    const problem = error instanceof Error ? error.message : String(error);
    const ended = nodes.flatMap((node) => node.endedServices());
    throw new Error([`cluster ${name} does not start: ${problem}`, ...ended].join('\n'), { cause: error });
  });
  return {
    name,
    kubeconfig,
    url,
    fabricKubeconfig: await pki.writeKubeconfig('fabric.kubeconfig', fabricUrl, admin),
    fabricUrl,
    kubectl,
    nodes: [controlPlaneNode, ...others],
    podCidrs: addresses.podCidrs,
    serviceCidrs: addresses.serviceCidrs,
    dnsServiceIp: addresses.dnsIp,
    apply: (manifests) => applyWith(kubectl, manifests),
    exec(pod, args) {
      const [namespace = '', podName = ''] = pod.split('/');
      return kubectl(['-n', namespace, 'exec', podName, '--', ...args]);
    },
    kubeconfigFor: (subject) => pki.writeKubeconfig(kubeconfigName('user', subject), url, subject),
    fabricKubeconfigFor: (subject) =>
      pki.writeKubeconfig(kubeconfigName('fabric', subject), fabricUrl, subject),
    setClusterDns,
    async loadImage(archive) {
      await Promise.all(nodes.map((node) => node.loadImage(archive)));
    },
  };
}

/** Fifteen characters are the most that the kernel takes. */
const linkOf = (cluster: number, node: number): string => `c${cluster}n${node}`;

/** Until kube-proxy of this node leads to a CoreDNS with this Corefile. */
async function waitClusterDns(netns: Netns, dnsIp: string, corefile: string): Promise<void> {
  const query = ['dig', '+short', '+time=1', '+tries=1', `@${dnsIp}`, corefileName, 'TXT'];
  await until('cluster DNS', 30_000, async () =>
    (await netns.run(query)).includes(corefileKey(corefile)) ? true : undefined,
  );
}

/** The Node object before its kubelet, which takes it as it finds it: with the pod networks that are routed to it. */
async function registerNode(rest: Rest, name: string, { podCidrs }: NodeAddresses): Promise<void> {
  await rest.apply(
    `/api/v1/nodes/${name}`,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      spec: { podCIDR: podCidrs[0], podCIDRs: podCidrs },
    }),
  );
}
