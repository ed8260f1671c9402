/**
 * The Kubernetes kinds that setting up a broker and its members takes (core/v1, rbac.authorization.k8s.io/v1,
 * apiextensions.k8s.io/v1, admissionregistration.k8s.io/v1), cut down to the fields that Pharos uses.
 */
import type { Condition, KubeObject } from './objects.ts';

export interface Secret extends KubeObject {
  kind: 'Secret';
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
}

export interface ConfigMap extends KubeObject {
  kind: 'ConfigMap';
  data?: Record<string, string>;
}

interface Container {
  name: string;
  image: string;
  args?: string[];
  env?: { name: string; value?: string }[];
  envFrom?: { configMapRef?: { name: string } }[];
  readinessProbe?: object;
  livenessProbe?: object;
  ports?: object[];
}

interface Workload extends KubeObject {
  spec: {
    template: {
      metadata?: { annotations?: Record<string, string>; labels?: Record<string, string> };
      spec: { containers: Container[] };
    };
  };
}

export interface Deployment extends Workload {
  kind: 'Deployment';
  spec: Workload['spec'] & { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
  };
}

export interface DaemonSet extends Workload {
  kind: 'DaemonSet';
  status?: {
    observedGeneration?: number;
    desiredNumberScheduled?: number;
    updatedNumberScheduled?: number;
    numberAvailable?: number;
  };
}

export interface Pod extends KubeObject {
  kind: 'Pod';
  spec: {
    restartPolicy?: 'Always' | 'Never';
    terminationGracePeriodSeconds?: number;
    automountServiceAccountToken?: boolean;
    activeDeadlineSeconds?: number;
    enableServiceLinks?: boolean;
    hostNetwork?: boolean;
    nodeName?: string;
    tolerations?: { operator: 'Exists' }[];
    containers: {
      name: string;
      image: string;
      imagePullPolicy?: 'IfNotPresent';
      args?: string[];
      env?: { name: string; valueFrom: { fieldRef: { fieldPath: string } } }[];
      securityContext?: Record<string, unknown>;
    }[];
  };
  status?: {
    phase?: string;
    message?: string;
    podIPs?: { ip: string }[];
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: {
      state?: {
        waiting?: { reason?: string; message?: string };
        terminated?: { exitCode: number; reason?: string; message?: string };
      };
    }[];
  };
}

export interface PodDisruptionBudget extends KubeObject {
  kind: 'PodDisruptionBudget';
}

export interface NetworkPolicy extends KubeObject {
  kind: 'NetworkPolicy';
}

export interface ServiceAccount extends KubeObject {
  kind: 'ServiceAccount';
  automountServiceAccountToken?: boolean;
}

export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

export interface Role extends KubeObject {
  kind: 'Role';
  rules: PolicyRule[];
}

export interface ClusterRole extends KubeObject {
  kind: 'ClusterRole';
  rules: PolicyRule[];
}

interface Subject {
  kind: 'ServiceAccount';
  name: string;
  namespace: string;
}

export interface RoleBinding extends KubeObject {
  kind: 'RoleBinding';
  roleRef: { apiGroup: 'rbac.authorization.k8s.io'; kind: 'Role' | 'ClusterRole'; name: string };
  subjects: Subject[];
}

export interface ClusterRoleBinding extends KubeObject {
  kind: 'ClusterRoleBinding';
  roleRef: { apiGroup: 'rbac.authorization.k8s.io'; kind: 'ClusterRole'; name: string };
  subjects: Subject[];
}

export interface CustomResourceDefinition extends KubeObject {
  kind: 'CustomResourceDefinition';
  spec: {
    group: string;
    names: { kind: string; plural: string };
    scope: 'Namespaced' | 'Cluster';
    versions: { name: string; served: boolean; storage: boolean }[];
  };
  status?: { conditions?: Condition[] };
}

export interface ValidatingAdmissionPolicy extends KubeObject {
  kind: 'ValidatingAdmissionPolicy';
  spec: {
    failurePolicy: 'Fail' | 'Ignore';
    matchConstraints: {
      namespaceSelector?: { matchLabels: Record<string, string> };
      resourceRules: {
        apiGroups: string[];
        apiVersions: string[];
        operations: ('CREATE' | 'UPDATE' | 'DELETE')[];
        resources: string[];
      }[];
    };
    matchConditions?: { name: string; expression: string }[];
    variables?: { name: string; expression: string }[];
    validations: { expression: string; message?: string; messageExpression?: string; reason?: string }[];
  };
}

export interface ValidatingAdmissionPolicyBinding extends KubeObject {
  kind: 'ValidatingAdmissionPolicyBinding';
  spec: { policyName: string; validationActions: ('Deny' | 'Warn' | 'Audit')[] };
}

/** about.k8s.io/v1beta1 (KEP-2149): a fact about the cluster it is in. */
export interface ClusterProperty extends KubeObject {
  kind: 'ClusterProperty';
  spec: { value: string };
}
