/** The pods that `pharos diagnose --pod` makes, each with the least that it takes. Pure. */
import type { Pod } from '../../api/administration.ts';
import { Kinds } from '../../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import { type Manifest, manifest, OURS } from '../../membership/manifest.ts';

/** None of them is selected by a Service or a workload of Pharos's. */
export const LOOK_LABELS = { ...OURS, 'app.kubernetes.io/name': 'pharos-diagnose' } as const;

/** Longer than it takes; the kubelet ends what nobody came back for. */
export const LIFE_SECONDS = 300;

export interface LookPod {
  readonly name: string;
  readonly image: string;
  /** Flags of `pharos probe look`. */
  readonly flags: readonly string[];
}

/**
 * In the network of a node, to read its kernel. `nft list` takes CAP_NET_ADMIN, and a capability takes root; all
 * else is taken away, and no right in the cluster comes with it.
 */
export const nodePod = (pod: LookPod, node: string): Manifest =>
  lookPod(
    pod,
    {
      hostNetwork: true,
      nodeName: node,
      // Whatever keeps others off the node: what is looked at is the node.
      tolerations: [{ operator: 'Exists' }],
    },
    { runAsUser: 0, capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } },
  );

/** Any pod: restricted by the Pod Security Standards. */
export const plainPod = (pod: LookPod): Manifest =>
  lookPod(pod, {}, { runAsNonRoot: true, runAsUser: 65_532, capabilities: { drop: ['ALL'] } });

const lookPod = (
  { name, image, flags }: LookPod,
  spec: Partial<Pod['spec']>,
  security: Record<string, unknown>,
): Manifest =>
  manifest<Pod>(Kinds.Pod, {
    metadata: { name, namespace: SYSTEM_NAMESPACE, labels: { ...LOOK_LABELS } },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      activeDeadlineSeconds: LIFE_SECONDS,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...spec,
      containers: [
        {
          name: 'look',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['probe', 'look', ...flags],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            seccompProfile: { type: 'RuntimeDefault' },
            ...security,
          },
        },
      ],
    },
  });
