import type {
  ClusterProperty,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  NetworkPolicy,
  Pod,
  PodDisruptionBudget,
  Role,
  RoleBinding,
  Secret,
  ServiceAccount,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './administration.ts';
import type {
  EndpointSlice,
  Event,
  KubeObject,
  Lease,
  Namespace,
  Node,
  Service,
  ServiceExport,
  ServiceImport,
} from './objects.ts';
import type { Cluster, Gateway, TunnelEndpoint } from './tunnel.ts';

/** A resource type: how to name it in an API path, and (as a phantom) what its objects look like. */
export interface Kind<T extends KubeObject = KubeObject> {
  readonly apiVersion: string;
  readonly kind: T['kind'];
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set; ties the type parameter to the value. */
  readonly objects?: T;
}

const kind = <T extends KubeObject>(
  apiVersion: string,
  name: T['kind'],
  plural: string,
  namespaced = true,
): Kind<T> => ({ apiVersion, kind: name, plural, namespaced });

const MCS = 'multicluster.x-k8s.io/v1beta1';
const PHAROS = 'pharos.io/v1alpha1';
const RBAC = 'rbac.authorization.k8s.io/v1';
const ADMISSION = 'admissionregistration.k8s.io/v1';

/** Every kind that Pharos touches, by its Kubernetes name. */
export const Kinds = {
  Namespace: kind<Namespace>('v1', 'Namespace', 'namespaces', false),
  Node: kind<Node>('v1', 'Node', 'nodes', false),
  Service: kind<Service>('v1', 'Service', 'services'),
  EndpointSlice: kind<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  ServiceExport: kind<ServiceExport>(MCS, 'ServiceExport', 'serviceexports'),
  ServiceImport: kind<ServiceImport>(MCS, 'ServiceImport', 'serviceimports'),
  Lease: kind<Lease>('coordination.k8s.io/v1', 'Lease', 'leases'),
  Event: kind<Event>('events.k8s.io/v1', 'Event', 'events'),
  Cluster: kind<Cluster>(PHAROS, 'Cluster', 'clusters'),
  /** A gateway's way in; called Endpoint in the API, as Submariner calls it. */
  TunnelEndpoint: kind<TunnelEndpoint>(PHAROS, 'Endpoint', 'endpoints'),
  Gateway: kind<Gateway>(PHAROS, 'Gateway', 'gateways'),

  // What setting up a broker and its members takes.
  ConfigMap: kind<ConfigMap>('v1', 'ConfigMap', 'configmaps'),
  Deployment: kind<Deployment>('apps/v1', 'Deployment', 'deployments'),
  DaemonSet: kind<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets'),
  Pod: kind<Pod>('v1', 'Pod', 'pods'),
  PodDisruptionBudget: kind<PodDisruptionBudget>('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  NetworkPolicy: kind<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  Secret: kind<Secret>('v1', 'Secret', 'secrets'),
  ServiceAccount: kind<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts'),
  Role: kind<Role>(RBAC, 'Role', 'roles'),
  RoleBinding: kind<RoleBinding>(RBAC, 'RoleBinding', 'rolebindings'),
  ClusterRole: kind<ClusterRole>(RBAC, 'ClusterRole', 'clusterroles', false),
  ClusterRoleBinding: kind<ClusterRoleBinding>(RBAC, 'ClusterRoleBinding', 'clusterrolebindings', false),
  CustomResourceDefinition: kind<CustomResourceDefinition>(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    false,
  ),
  ValidatingAdmissionPolicy: kind<ValidatingAdmissionPolicy>(
    ADMISSION,
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
    false,
  ),
  ValidatingAdmissionPolicyBinding: kind<ValidatingAdmissionPolicyBinding>(
    ADMISSION,
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
    false,
  ),
  ClusterProperty: kind<ClusterProperty>(
    'about.k8s.io/v1beta1',
    'ClusterProperty',
    'clusterproperties',
    false,
  ),
} as const;

/** `namespace/name`, or `name` for what has no namespace: the key of an object within its kind. */
export const keyOf = (object: KubeObject): string =>
  object.metadata.namespace === undefined
    ? object.metadata.name
    : `${object.metadata.namespace}/${object.metadata.name}`;
