/** What the page shows, as data: taken from objects by {@link buildModel}, sent to browsers as JSON, drawn by `render/`. */

/** What is known of a member, the gravest first. */
export type ClusterState = 'disconnected' | 'silent' | 'drained' | 'heard' | 'unknown';

export interface ClusterModel {
  readonly id: string;
  readonly state: ClusterState;
  /** Why it is in that state, in words. */
  readonly reason: string;
  /** Whether its own objects are looked at, not only what others know of it. */
  readonly inSight: boolean;
  /** How many services it exports. */
  readonly exports: number;
  readonly gateways: readonly GatewayModel[];
  /** RFC 3339, of its last heartbeat. */
  readonly lastHeard?: string;
  /** Of its agent. */
  readonly version?: string;
  /** Where its DNS server answers: `127.0.0.1:5300`. */
  readonly dns?: string;
  /** What the page's button does with it; absent where it has none. */
  readonly button?: 'disconnect' | 'reconnect';
}

export interface GatewayModel {
  /** The node's name. */
  readonly name: string;
  /** `silent`: it gives no sign of life. */
  readonly role: 'active' | 'passive' | 'silent' | 'unknown';
}

/** A tunnel as one of its two ends sees it. */
export interface ConnectionModel {
  readonly from: string;
  readonly fromGateway: string;
  readonly to: string;
  readonly toGateway?: string;
  readonly state: 'connecting' | 'connected' | 'degraded' | 'error';
  /** Whether the gateway is the one that carries its cluster's traffic. */
  readonly carries: boolean;
  readonly driver?: string;
  readonly reason?: string;
  /** RFC 3339. */
  readonly since?: string;
  readonly roundTripMs?: number;
  /** 0 to 1. */
  readonly loss?: number;
}

/** Whether a cluster's part of a service is in answers, or why not. */
export type Health = 'answers' | 'not-ready' | 'no-weight' | 'drained' | 'unreachable';

export interface ExporterModel {
  readonly cluster: string;
  readonly health: Health;
  /** More than the word, where there is more to say. */
  readonly reason?: string;
  readonly ready: number;
  readonly total: number;
  /** What `ready` and `total` count: a cluster tells others of its Service IP alone where it stands for its pods. */
  readonly counts: 'endpoints' | 'service-ips';
  /** Its own Service IPs. */
  readonly ips: readonly string[];
  readonly weight: number;
  /** RFC 3339: when it was exported, where that can be seen. */
  readonly since?: string;
  /** RFC 3339: since when its cluster is silent, so that what is here may be old; absent while it is heard. */
  readonly silentSince?: string;
}

export interface ServiceModel {
  /** `namespace/name` */
  readonly key: string;
  readonly type: 'ClusterSetIP' | 'Headless';
  /** `http 80/tcp` */
  readonly ports: readonly string[];
  /** Clusterset IPs. */
  readonly ips: readonly string[];
  readonly exporters: readonly ExporterModel[];
  /** What the exports do not agree on, and what counts, in words. */
  readonly conflicts: readonly string[];
  /** Why an export is not in force, in words. */
  readonly problems: readonly string[];
  /** RFC 3339: when it was there first. */
  readonly since?: string;
}

/** A service with all that its own page shows. */
export interface ServiceDetail extends ServiceModel {
  /** The first of them; `ready` and `total` of the exporters count all. */
  readonly endpoints: readonly EndpointModel[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly policy?: string;
}

export interface EndpointModel {
  readonly cluster: string;
  readonly address: string;
  readonly ready: boolean;
  /** The name that headless services give it: a hostname, or its address with dashes. */
  readonly label: string;
  readonly pod?: string;
}

export interface PageModel {
  readonly kind: 'playground' | 'clusterset';
  /** Where it is looked at: a directory, or an API server. */
  readonly source: string;
  /** The zone that names are shown in, without its final dot. */
  readonly zone: string;
  /** Whether the broker is looked at; undefined where there is no need to know. */
  readonly broker: 'in-sight' | 'out-of-sight' | 'not-read';
  /** By id. */
  readonly clusters: readonly ClusterModel[];
  readonly connections: readonly ConnectionModel[];
  /** By key. */
  readonly services: readonly ServiceModel[];
  /** What is to mend beside single services. */
  readonly problems: readonly string[];
}

/** A line of the live log. */
export interface LogEntry {
  /** Rises by one; unique while the process runs. */
  readonly id: number;
  /** RFC 3339. */
  readonly at: string;
  readonly tone: Tone;
  readonly text: string;
  /** `namespace/name` that it is about. */
  readonly service?: string;
}

export type Tone = 'good' | 'bad' | 'warn' | 'plain';

/** From one model to the next: what is absent is as it was. */
export interface ModelChange {
  readonly head?: Omit<PageModel, 'services'>;
  /** New or different ones. */
  readonly services: readonly ServiceModel[];
  /** Keys of those that are gone. */
  readonly gone: readonly string[];
  readonly log: readonly LogEntry[];
}
