import type { ClusterAddresses, NodeAddresses } from './addressing.ts';
import type { Binary } from './binaries.ts';
import { apiServerArgs, controllerManagerArgs, etcdArgs } from './control-plane.ts';
import type { NodeService } from './node.ts';
import { configDir } from './node-files.ts';
import type { Pki } from './pki.ts';

/** What the command lines of a cluster's processes are made of. */
export interface ServicePlan {
  readonly pki: Pki;
  /** Address of the API server in the fabric. */
  readonly apiIp: string;
  readonly addresses: ClusterAddresses;
  readonly binaries: Readonly<Record<Binary, string>>;
}

export const apiPort = 6443;

export const apiUrl = (ip: string): string => `https://${ip}:${apiPort}`;

const etcdUrl = 'http://127.0.0.1:2379';

export function storeAndServer(plan: ServicePlan & { readonly etcdDir: string }): NodeService[] {
  const { pki, apiIp, addresses, binaries, etcdDir } = plan;
  const peerUrl = 'http://127.0.0.1:2380';
  return [
    {
      name: 'etcd',
      command: [binaries.etcd, ...etcdArgs({ dataDir: etcdDir, clientUrl: etcdUrl, peerUrl })],
    },
    {
      name: 'kube-apiserver',
      command: [
        binaries['kube-apiserver'],
        ...apiServerArgs({
          pki,
          etcdUrl,
          etcdPrefix: '/registry',
          listen: '0.0.0.0',
          advertise: apiIp,
          port: apiPort,
          serviceCidr: addresses.serviceCidrs.join(','),
          nodes: true,
        }),
      ],
    },
  ];
}

export async function controllers({ pki, apiIp, addresses, binaries }: ServicePlan): Promise<NodeService[]> {
  const kubeconfigOf = (name: string): Promise<string> =>
    pki.writeKubeconfig(`${name}.kubeconfig`, apiUrl(apiIp), { user: `system:${name}` });
  return [
    {
      name: 'kube-controller-manager',
      command: [
        binaries['kube-controller-manager'],
        ...controllerManagerArgs({
          pki,
          kubeconfig: await kubeconfigOf('kube-controller-manager'),
          securePort: 10257,
          podCidr: addresses.podCidrs.join(','),
          serviceCidr: addresses.serviceCidrs.join(','),
          pluginDir: `${configDir}/volume-plugins`,
        }),
      ],
    },
    {
      name: 'kube-scheduler',
      command: [
        binaries['kube-scheduler'],
        `--kubeconfig=${await kubeconfigOf('kube-scheduler')}`,
        '--leader-elect=false',
        '--bind-address=127.0.0.1',
      ],
    },
  ];
}

export const kubeProxy = ({ binaries }: ServicePlan): NodeService => ({
  name: 'kube-proxy',
  command: [binaries['kube-proxy'], `--config=${configDir}/proxy.yaml`],
});

export async function kubelet(
  { pki, apiIp, binaries }: ServicePlan,
  name: string,
  node: NodeAddresses,
): Promise<NodeService> {
  const kubeconfig = await pki.writeKubeconfig(`${name}.kubeconfig`, apiUrl(apiIp), {
    user: `system:node:${name}`,
    groups: ['system:nodes'],
  });
  return {
    name: 'kubelet',
    command: [
      binaries.kubelet,
      `--config=${configDir}/kubelet.yaml`,
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${name}`,
      `--node-ip=${node.ips.join(',')}`,
    ],
  };
}
