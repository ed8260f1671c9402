/** Everything that checks decide by. Read once at the edge, shared by all that need it. */
import type { CustomResourceDefinition, DaemonSet, Deployment } from '../api/administration.ts';
import type { EndpointSlice, IpFamily, Service, ServiceExport, ServiceImport } from '../api/objects.ts';
import type { Cluster, Gateway, TunnelEndpoint } from '../api/tunnel.ts';
import type { Link } from '../host/ip-state.ts';
import type { ToolVerdict } from '../host/requirements.ts';
import type { Corefiles } from '../membership/read-corefiles.ts';
import type { Verdict } from './check.ts';

/** Where the member keeps its access to the broker, as far as it may be told. */
export interface JoinedAs {
  readonly cluster: string;
  readonly brokerNamespace: string;
  readonly server: string;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** How the broker takes what the member holds. */
export type BrokerAnswer =
  | { readonly is: 'answered' }
  /** It is there, and does not let the member in. */
  | { readonly is: 'refused'; readonly message: string }
  | { readonly is: 'silent'; readonly message: string };

/** Whether the member's agent reaches the broker, by its own word. */
export interface AgentContact {
  /** RFC 3339: when the broker last answered it; absent where it never did, or is of a version that does not tell. */
  readonly answered?: string;
}

/** One member's sign of life on the broker. */
export interface Heartbeat {
  readonly cluster: string;
  readonly state: 'alive' | 'silent' | 'never-heard';
  /** RFC 3339. */
  readonly lastSeen?: string;
  readonly version?: string;
  /** Uid of the `kube-system` namespace of the cluster that beats. */
  readonly clusterUid?: string;
}

/** A kind whose definition Pharos needs, and what the API server has of it. */
export interface DefinitionFact {
  /** `serviceexports.multicluster.x-k8s.io` */
  readonly name: string;
  /** The version that must be served. */
  readonly needs: string;
  readonly present: CustomResourceDefinition | undefined;
}

/** A service that another cluster exports, by its record on the broker. */
export interface RemoteExport {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
}

/** What a DNS server made of a question. */
export type DnsOutcome =
  | { readonly is: 'answered'; readonly texts: readonly string[] }
  | { readonly is: 'nxdomain' | 'nodata' | 'servfail' | 'refused' }
  | { readonly is: 'silent'; readonly message: string };

export interface DnsAnswer {
  /** Who was asked, for people. */
  readonly server: string;
  readonly outcome: DnsOutcome;
}

/** Of one family, on a node. */
export interface Ways {
  /** Whether a rule leads to the route agent's table, */
  readonly hasRule: boolean;
  /** and how many routes are in it. */
  readonly routes: number;
}

/** A node's kernel, as far as Pharos and its ways are concerned. */
export interface HostState {
  readonly links: readonly Link[];
  readonly ways: Readonly<Record<IpFamily, Ways>>;
  /** Whether what comes in by a device of Pharos's is passed on. */
  readonly forwarding: readonly { readonly device: string; readonly isOn: boolean }[];
  /** The same of IPv6, which the kernel passes on or not whatever the device. */
  readonly forwardsIpv6: boolean;
  /** The device of the default route. */
  readonly uplink: string | undefined;
  /** Whether Pharos's nftables table is there, with its mark. */
  readonly hasTable: boolean;
  /** What counts, of a device and of `all`: 0 off, 1 strict, 2 loose. */
  readonly rpFilter: readonly { readonly device: string; readonly value: number }[];
  /** Chains that drop what is forwarded: `ip filter FORWARD`. */
  readonly forwardDrops: readonly string[];
}

/** Fact → what is known when it is known. */
export interface FactValues {
  readonly joined: JoinedAs | { readonly problem: string };
  readonly clusterUid: string;
  readonly definitions: readonly DefinitionFact[];
  readonly workloads: readonly (Deployment | DaemonSet)[];
  readonly brokerAnswer: BrokerAnswer;
  readonly agentContact: AgentContact;
  /** Of every member, the own one included. */
  readonly heartbeats: readonly Heartbeat[];
  /** Kinds of records that the broker does not serve. */
  readonly brokerLacks: readonly string[];
  /** Names of admission policies and bindings that the broker should have and has not. */
  readonly brokerPolicyLacks: readonly string[];
  readonly remoteExports: readonly RemoteExport[];
  readonly namespaces: readonly string[];
  readonly exports: readonly ServiceExport[];
  readonly imports: readonly ServiceImport[];
  /** Service pharos-dns. */
  readonly dnsService: Service | undefined;
  readonly dnsSlices: readonly EndpointSlice[];
  readonly corefiles: Corefiles;
  /** `dns-version` of the zone, asked straight from `pharos dns`. */
  readonly straightAnswer: DnsAnswer;
  /** The same, through cluster DNS. */
  readonly clusterDnsAnswer: DnsAnswer;
  readonly memberVersion: string;
  readonly brokerVersion: string;
  readonly hostTools: readonly ToolVerdict[];
  readonly hostStrongswan: ToolVerdict;
  readonly hostState: HostState;
  readonly gateways: readonly Gateway[];
  /** Every member's word on its networks, as it stands on the broker. */
  readonly brokerClusters: readonly Cluster[];
  /** Of the other clusters, as the gateways took them into the member. */
  readonly peerClusters: readonly Cluster[];
  readonly peerEndpoints: readonly TunnelEndpoint[];
}

export type FactName = keyof FactValues;

/** A fact as it was gathered: known, or why a check that needs it says something else. */
export type Gathered<T> =
  { readonly is: 'known'; readonly value: T } | Extract<Verdict, { is: 'skipped' | 'unknown' }>;
