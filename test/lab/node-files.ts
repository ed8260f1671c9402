import type { ClusterAddresses, NodeAddresses } from './addressing.ts';
import { cacheDir } from './cache.ts';
import { image } from './images.ts';

/** kube-proxy's ways to program Services. */
export type ProxyMode = 'nftables' | 'iptables';

/** What the files below are made of. */
export interface NodeSettings {
  readonly name: string;
  readonly addresses: NodeAddresses;
  readonly cluster: ClusterAddresses;
  readonly proxyMode: ProxyMode;
  readonly podMtu: number;
  /** Folder of this machine that holds the node's disk. */
  readonly disk: string;
  /** Path below each cgroup hierarchy. */
  readonly cgroup: string;
  readonly caFile: string;
  readonly proxyKubeconfig: string;
}

/** Where a node's own configuration is, as its processes see it. */
export const configDir = '/run/lab';

const any = (cidr: string): string => (cidr.includes(':') ? '::/0' : '0.0.0.0/0');

/** Every pod on a link of its own, so that all its traffic is routed and kube-proxy sees it, without br_netfilter. */
export function cniConfig({ addresses, podMtu }: NodeSettings): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'lab',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        mtu: podMtu,
        ipam: {
          type: 'host-local',
          // On a tmpfs: after a power cut no address is taken.
          dataDir: `${configDir}/ipam`,
          ranges: addresses.podCidrs.map((subnet) => [{ subnet }]),
          routes: addresses.podCidrs.map((cidr) => ({ dst: any(cidr) })),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

/** containerd's configuration: no plugin that asks for what a namespace lacks, no registry, our pause image. */
export function containerdConfig(): string {
  const disabled = [
    'io.containerd.snapshotter.v1.aufs',
    'io.containerd.snapshotter.v1.btrfs',
    'io.containerd.snapshotter.v1.devmapper',
    'io.containerd.snapshotter.v1.zfs',
    'io.containerd.tracing.processor.v1.otlp',
    'io.containerd.internal.v1.tracing',
  ];
  return `version = 2
disabled_plugins = ${JSON.stringify(disabled)}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${image.pause}"
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${configDir}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

export function kubeletConfig(settings: NodeSettings): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: settings.caFile },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${settings.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [settings.cluster.dnsIp],
    clusterDomain: 'cluster.local',
    resolvConf: `${configDir}/resolv.conf`,
    volumePluginDir: `${configDir}/volume-plugins`,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    enforceNodeAllocatable: [],
    // The machine's disk may be as full as it likes: nothing of the lab depends on its percentage.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    makeIPTablesUtilChains: false,
  });
}

export function kubeProxyConfig(settings: NodeSettings): string {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: settings.proxyKubeconfig },
    mode: settings.proxyMode,
    clusterCIDR: settings.cluster.podCidrs.join(','),
    hostnameOverride: settings.name,
    // The machine's conntrack table is not the lab's to size.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
}

/** Machine-wide kernel parameters that kubelet wants to set: in a node it sets copies. */
const copiedSysctls = [
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'kernel/panic',
  'kernel/panic_on_oops',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Folders of a node that outlive a power cut, in `settings.disk` → where the node has them. */
const diskFolders = { kubelet: '/var/lib/kubelet', containerd: '/var/lib/containerd' } as const;

/**
 * What a node's first process does, in namespaces of its own: hides the machine's /run, /var/lib and /var/log
 * behind fresh ones, mounts the node's own disk and copies of machine-wide parameters, says so in the file
 * `ready`, and then reaps what others leave.
 */
export function initScript(settings: NodeSettings): string {
  const { disk } = settings;
  const write = (path: string, text: string): string => `printf %s ${quote(text)} > ${path}`;
  return [
    'set -e',
    `hostname ${quote(settings.name)}`,
    'mount --make-rprivate /',
    'mount --make-rshared /',
    'resolv=$(readlink -m /etc/resolv.conf)',
    'mount -t tmpfs -o mode=755 tmpfs /run',
    `mkdir -p /run/lock ${configDir}/sysctl ${configDir}/cni ${configDir}/cache`,
    `mount --bind ${quote(cacheDir)} ${configDir}/cache`,
    'mount -t tmpfs -o mode=755 tmpfs /var/lib',
    'mount -t tmpfs -o mode=755 tmpfs /var/log',
    // Should it be below one of those three, it comes back here.
    `mkdir -p ${quote(cacheDir)}`,
    `mount --bind ${configDir}/cache ${quote(cacheDir)}`,
    // The name server of this machine is not for the nodes: what asks for an image by mistake fails at once.
    `: > ${configDir}/resolv.conf`,
    'mkdir -p "${resolv%/*}"',
    '[ -e "$resolv" ] || : > "$resolv"',
    `mount --bind ${configDir}/resolv.conf "$resolv"`,
    ...Object.entries(diskFolders).flatMap(([name, path]) => [
      `mkdir -p ${quote(`${disk}/${name}`)} ${path}`,
      `mount --bind ${quote(`${disk}/${name}`)} ${path}`,
    ]),
    ...copiedSysctls.flatMap((name) => {
      const copy = `${configDir}/sysctl/${name.replaceAll('/', '.')}`;
      return [`cat /proc/sys/${name} > ${copy}`, `mount --bind ${copy} /proc/sys/${name}`];
    }),
    write(`${configDir}/cni/10-lab.conflist`, cniConfig(settings)),
    write(`${configDir}/containerd.toml`, containerdConfig()),
    write(`${configDir}/kubelet.yaml`, kubeletConfig(settings)),
    write(`${configDir}/proxy.yaml`, kubeProxyConfig(settings)),
    'ulimit -n $(ulimit -Hn)',
    `: > ${quote(`${disk}/ready`)}`,
    'sleep infinity & wait',
  ].join('\n');
}
