import { frontProxyName, type Pki } from './pki.ts';

/** Where an etcd listens, and keeps its data. */
export interface EtcdSettings {
  readonly dataDir: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
}

export function etcdArgs({ dataDir, clientUrl, peerUrl }: EtcdSettings): string[] {
  return [
    `--data-dir=${dataDir}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    // The data need survive a killed process, not a machine without power.
    '--unsafe-no-fsync',
    '--logger=zap',
    '--log-level=warn',
  ];
}

export interface ApiServerSettings {
  readonly pki: Pki;
  readonly etcdUrl: string;
  /** All keys in etcd are below it: several API servers share one. */
  readonly etcdPrefix: string;
  readonly listen: string;
  /** The address that others are told of. */
  readonly advertise: string;
  readonly port: number;
  /** Comma-separated for dual stack. */
  readonly serviceCidr: string;
  /** Whether kubelets register: then they are authorised as nodes, and the `kubernetes` Service has an endpoint. */
  readonly nodes: boolean;
  /** Writes down every request as the policy of this file says. */
  readonly audit?: { readonly policyFile: string; readonly logFile: string } | undefined;
}

export function apiServerArgs(settings: ApiServerSettings): string[] {
  const { files } = settings.pki;
  return [
    `--etcd-servers=${settings.etcdUrl}`,
    `--etcd-prefix=${settings.etcdPrefix}`,
    `--bind-address=${settings.listen}`,
    `--advertise-address=${settings.advertise}`,
    `--secure-port=${settings.port}`,
    `--tls-cert-file=${files.server}`,
    `--tls-private-key-file=${files.serverKey}`,
    `--client-ca-file=${files.ca}`,
    `--kubelet-client-certificate=${files.kubeletClient}`,
    `--kubelet-client-key=${files.kubeletClientKey}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--requestheader-client-ca-file=${files.ca}`,
    `--requestheader-allowed-names=${frontProxyName}`,
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${files.frontProxy}`,
    `--proxy-client-key-file=${files.frontProxyKey}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${files.tokenPublicKey}`,
    `--service-account-signing-key-file=${files.tokenKey}`,
    `--authorization-mode=${settings.nodes ? 'Node,RBAC' : 'RBAC'}`,
    ...(settings.nodes
      ? ['--enable-admission-plugins=NodeRestriction']
      : ['--endpoint-reconciler-type=none']),
    '--allow-privileged=true',
    `--service-cluster-ip-range=${settings.serviceCidr}`,
    '--profiling=false',
    ...(settings.audit === undefined
      ? []
      : [
          `--audit-policy-file=${settings.audit.policyFile}`,
          `--audit-log-path=${settings.audit.logFile}`,
          // What was answered is in the log before the answer is: who looks afterwards misses nothing.
          '--audit-log-mode=blocking',
          '--audit-log-maxsize=10000',
        ]),
  ];
}

export interface ControllerManagerSettings {
  readonly pki: Pki;
  readonly kubeconfig: string;
  readonly securePort: number;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** A folder that it may make. */
  readonly pluginDir: string;
}

export function controllerManagerArgs(settings: ControllerManagerSettings): string[] {
  const { files } = settings.pki;
  return [
    `--kubeconfig=${settings.kubeconfig}`,
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--root-ca-file=${files.ca}`,
    `--service-account-private-key-file=${files.tokenKey}`,
    `--cluster-signing-cert-file=${files.ca}`,
    `--cluster-signing-key-file=${files.caKey}`,
    // Nodes get their pod networks from the lab, which has routed them already.
    '--allocate-node-cidrs=false',
    `--cluster-cidr=${settings.podCidr}`,
    `--service-cluster-ip-range=${settings.serviceCidr}`,
    // At the default rate the forty controllers take five seconds to introduce themselves.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    // The default is a folder of this machine, which it would make.
    `--flex-volume-plugin-dir=${settings.pluginDir}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${settings.securePort}`,
    '--profiling=false',
  ];
}
