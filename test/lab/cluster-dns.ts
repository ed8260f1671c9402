import { createHash } from 'node:crypto';
import { image } from './images.ts';

/** Names of cluster.local, and nothing else: the lab has no outside. */
export const defaultCorefile = `.:53 {
    errors
    health {
        lameduck 1s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }
    cache 2
}
`;

const namespace = 'kube-system';
const labels = { 'k8s-app': 'kube-dns' };

/** A name whose TXT record tells which Corefile is served by. */
export const corefileName = 'corefile.lab';

/** What the TXT record of {@link corefileName} says where this Corefile is in force. */
export const corefileKey = (corefile: string): string =>
  createHash('sha256').update(corefile).digest('hex').slice(0, 16);

const withKey = (corefile: string): string => `${corefile}
${corefileName}:53 {
    template IN TXT {
        answer "{{ .Name }} 0 IN TXT ${corefileKey(corefile)}"
    }
}
`;

/** The cluster's DNS: CoreDNS with this Corefile behind the ClusterIP that pods are told of. */
export function clusterDns(corefile: string, dnsIp: string): object[] {
  const metadata = { name: 'coredns', namespace };
  const ports = (field: string): object[] => [
    { name: 'dns', [field]: 53, protocol: 'UDP' },
    { name: 'dns-tcp', [field]: 53, protocol: 'TCP' },
  ];
  const container = {
    name: 'coredns',
    image: image.coredns,
    args: ['-conf', '/etc/coredns/Corefile'],
    ports: ports('containerPort'),
    readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '30Mi' } },
    securityContext: {
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    },
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'system:coredns' },
      rules: [
        { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
        // For its own `multicluster` option.
        { apiGroups: ['multicluster.x-k8s.io'], resources: ['serviceimports'], verbs: ['list', 'watch'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'system:coredns' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:coredns' },
      subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace }],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: withKey(corefile) } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace, labels },
      spec: { clusterIP: dnsIp, selector: labels, ports: ports('port') },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        // No old one answers beside the new one.
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: {
          metadata: {
            labels,
            // Another Corefile is another pod: kubelet may take a minute to bring a changed ConfigMap to a running one.
            annotations: { 'lab/corefile': corefileKey(corefile) },
          },
          spec: {
            serviceAccountName: 'coredns',
            priorityClassName: 'system-cluster-critical',
            dnsPolicy: 'Default',
            tolerations: [{ operator: 'Exists' }],
            containers: [container],
            volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
          },
        },
      },
    },
  ];
}
