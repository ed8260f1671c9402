/** What `pharos verify` makes in each cluster. Pure. */
import type { Pod } from '../../api/administration.ts';
import { Kinds } from '../../api/kinds.ts';
import { type Manifest, manifest, OURS } from '../../membership/manifest.ts';
import type { ProbePlan } from './probe-plan.ts';

/** Of the server, and of its Services. */
export const PROBE_PORT = 8080;
const LABELS = { ...OURS, 'app.kubernetes.io/name': 'pharos-verify' } as const;
const SERVER = { ...LABELS, 'app.kubernetes.io/component': 'server' } as const;

/** The Service of a cluster that has an address of its own, and the one whose addresses are the pods'. */
export const serviceName = (cluster: string): string => `from-${cluster}`;
export const headlessName = (cluster: string): string => `pods-${cluster}`;

export interface VerifySettings {
  readonly cluster: string;
  readonly namespace: string;
  readonly image: string;
}

/** The server of a cluster, by two Services, both exported. */
export function serverManifests({ cluster, namespace, image }: VerifySettings): Manifest[] {
  const metadata = (name: string) => ({ name, namespace, labels: { ...LABELS } });
  const ports = (['TCP', 'UDP'] as const).map((protocol) => ({
    name: protocol === 'TCP' ? 'probe' : 'probe-udp',
    port: PROBE_PORT,
    protocol,
  }));
  const names = [serviceName(cluster), headlessName(cluster)];
  const services = names.map((name, index) =>
    manifest(Kinds.Service, {
      metadata: metadata(name),
      spec: {
        ports,
        ipFamilyPolicy: 'PreferDualStack',
        selector: { ...SERVER },
        ...(index === 1 && { clusterIP: 'None' }),
      },
    } as Parameters<typeof manifest>[1] & { spec: { ports: typeof ports } }),
  );
  return [
    namespaceManifest(namespace),
    manifest<Pod>(Kinds.Pod, {
      metadata: { ...metadata('server'), labels: { ...SERVER } },
      spec: podSpec(image, ['probe', 'serve', `--cluster-id=${cluster}`, `--listen=:${PROBE_PORT}`]),
    }),
    ...services,
    ...names.map((name) => manifest(Kinds.ServiceExport, { metadata: metadata(name) })),
  ];
}

/** Restricted by the Pod Security Standards. */
const namespaceManifest = (name: string): Manifest =>
  manifest(Kinds.Namespace, {
    metadata: { name, labels: { ...LABELS, 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });

/** Carries out a plan once, and leaves its report where the kubelet keeps it. */
export const clientManifest = ({ namespace, image }: VerifySettings, plan: ProbePlan): Manifest =>
  manifest<Pod>(Kinds.Pod, {
    metadata: { name: `to-${plan.to}`, namespace, labels: { ...LABELS } },
    spec: podSpec(image, ['probe', 'ask', `--plan=${JSON.stringify(plan)}`, '--own-ips=$(POD_IPS)']),
  });

const podSpec = (image: string, args: string[]): Pod['spec'] => ({
  restartPolicy: 'Never',
  terminationGracePeriodSeconds: 1,
  automountServiceAccountToken: false,
  containers: [
    {
      name: 'probe',
      image,
      imagePullPolicy: 'IfNotPresent',
      args,
      env: [{ name: 'POD_IPS', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } }],
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        runAsUser: 65_532,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
    },
  ],
});
