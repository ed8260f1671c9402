/** The gateway's process: its tunnels, its records, and its part in the election of the one that leads. */
import type { IpAddress } from '../api/cidr.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import { type Cluster, type Gateway as GatewayObject, type TunnelEndpoint, isUp } from '../api/tunnel.ts';
import type { Node } from '../api/objects.ts';
import type { Run } from '../host/run.ts';
import type { Sysctls } from '../host/sysctl.ts';
import { type ChangeWatch, watchChanges } from '../host/watch-changes.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { LeaderElection } from '../runtime/lease.ts';
import { ObjectCache } from '../store/cache.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import { admit, type Refusal, type Self } from './admit.ts';
import type { CableDriver } from './cable-driver.ts';
import { Candidacy } from './candidacy.ts';
import type { KeyRing, RotationStep, RotationTimes } from './key-ring.ts';
import { KeyRotation } from './key-rotation.ts';
import { hasKeys } from './keys.ts';
import type { ProbeTimes } from './link-health.ts';
import { publicIpOf } from './public-ip.ts';
import { Pulse } from './pulse.ts';
import { type RecordCaches, recordCaches, RecordSync } from './record-sync.ts';
import { HEARTBEAT_MS, STATUS_MS } from './settings.ts';
import { Tunnels } from './tunnels.ts';

export interface GatewayOptions {
  readonly self: Self;
  /** How it is reached from outside, where its operator says so; else its node does: see {@link publicIpOf}. */
  readonly publicIP?: IpAddress;
  /** UDP port of the tunnels, as reached from outside. */
  readonly port: number;
  readonly isBehindNat: boolean;
  readonly version: string;
  readonly member: ObjectStore;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  readonly election: LeaderElection;
  readonly driver: CableDriver;
  readonly run: Run;
  readonly sysctls: Sysctls;
  /** Command line that enters the node's network, for what runs on: as for `runner`. */
  readonly prefix?: readonly string[];
  readonly times: ProbeTimes;
  readonly keyTimes: RotationTimes;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two writes of the status. */
const STATUS_PAUSE_MS = 20;
const RECORD_PAUSE_MS = 20;
/** How often it is looked whether another gateway leads, when this one is to end. */
const HAND_OVER_LOOK_MS = 50;
/** So long it may take until all nodes, and the gateways of other clusters, know of another leader. */
const HEARD_MS = 1500;
/** After a change of keys that peers have to hear of. */
const KEY_SETTLE_MS = 3000;
const LOOK_EVERY_MS = 100;
/** So long the own cluster may take to show this node. */
const NODE_MS = 5000;
const NODE_LOOK_MS = 10;

export class Gateway {
  readonly tunnels: Tunnels;
  readonly #options: GatewayOptions;
  readonly #copies: RecordCaches;
  readonly #gateways: ObjectCache<GatewayObject>;
  /** This gateway's own node. */
  readonly #nodes: ObjectCache<Node>;
  readonly #sync: RecordSync;
  readonly #candidacy: Candidacy;
  readonly #status: Pulse;
  readonly #endpoint: Pulse;
  readonly #logged = new Set<string>(); // refusals that were told
  #refusedCopies: readonly Refusal[] = [];
  #leads = false;
  #isEnding = false;
  #toldPublicIP: IpAddress | undefined;

  constructor(options: GatewayOptions) {
    const { self, member, broker, brokerNamespace, clock, log, driver, run, sysctls, times } = options;
    this.#options = options;
    this.#copies = recordCaches(member, SYSTEM_NAMESPACE, clock);
    const selector = { namespace: SYSTEM_NAMESPACE };
    this.#gateways = new ObjectCache({ store: member, kind: Kinds.Gateway, selector, clock });
    this.#nodes = new ObjectCache({
      store: member,
      kind: Kinds.Node,
      selector: { name: self.gateway },
      clock,
    });
    const { election } = options;
    const gateways = this.#gateways;
    this.#candidacy = new Candidacy({ gateway: self.gateway, gateways, election, clock, log });
    this.#sync = new RecordSync({
      self,
      own: ownCluster(options),
      member,
      broker,
      brokerNamespace,
      copies: this.#copies,
      gateways: this.#gateways,
      clock,
      log,
    });
    this.#status = new Pulse({
      name: 'status',
      beat: () => this.#writeStatus(),
      everyMs: STATUS_MS,
      pauseMs: STATUS_PAUSE_MS,
      clock,
      log,
    });
    this.#endpoint = new Pulse({
      name: 'endpoint',
      beat: () => this.#writeEndpoint(),
      everyMs: HEARTBEAT_MS,
      pauseMs: RECORD_PAUSE_MS,
      clock,
      log,
    });
    const onChange = (): void => this.#status.touch();
    this.tunnels = new Tunnels({ self, driver, run, sysctls, times, clock, log, onChange });
  }

  get leads(): boolean {
    return this.#leads;
  }

  /** Whether the own cluster's lists are in: from then on the node is what it should be. */
  get isSynced(): boolean {
    return this.#copies.clusters.isSynced && this.#copies.endpoints.isSynced;
  }

  get refused(): readonly Refusal[] {
    const all = [...this.#sync.refused, ...this.#refusedCopies, ...this.tunnels.refused];
    return [...new Map(all.map((refusal) => [refusal.record, refusal])).values()];
  }

  /**
   * Until `signal` aborts; what is on the node, and what was written, stays.
   * @param leaving aborts earlier where another gateway is to lead before this one ends: see {@link handOver}
   */
  async run(signal: AbortSignal, leaving = signal): Promise<void> {
    const { clock, log, prefix } = this.#options;
    const caches = [this.#copies.clusters, this.#copies.endpoints];
    const onRecords = (): void => {
      if (this.isSynced) this.#setMembers();
    };
    for (const cache of caches) {
      cache.onChange(onRecords);
      void cache.synced.then(onRecords);
    }
    this.#gateways.onChange(() => this.#status.touch());
    const watch: ChangeWatch = {
      onChange: () => this.tunnels.look(),
      log,
      clock,
      ...(prefix !== undefined && { prefix }),
    };
    this.#nodes.onChange(() => {
      // Of all that changes on a node this alone is told.
      if (this.#publicIP !== this.#toldPublicIP) this.#endpoint.touch();
    });
    await Promise.all([
      ...caches.map((cache) => cache.run(signal)),
      this.#gateways.run(signal),
      this.#nodes.run(signal),
      this.tunnels.run(signal),
      watchChanges('ip', watch, signal),
      this.#status.run(signal),
      this.#nodeIsKnown(signal).then(() => this.#endpoint.run(signal)),
      this.#candidacy.run(leaving, async (leading) => {
        this.#setLeads(true);
        await this.#sync.run(leading);
        this.#setLeads(false);
      }),
      this.#rotateKeys(signal),
    ]);
  }

  /** An address that was told already must not be taken back for a moment, only to be told again. */
  async #nodeIsKnown(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const end = clock.monotonic() + NODE_MS;
    while (!signal.aborted && !this.#nodes.isSynced && clock.monotonic() < end) {
      await clock.sleep(NODE_LOOK_MS, signal);
    }
    if (this.#nodes.isSynced || signal.aborted) return;
    log.warn(
      { err: this.#nodes.interruption?.error },
      'This node is not to be seen in its cluster: without --public-ip other clusters know its own address alone',
    );
  }

  /**
   * For where the tunnels end with this process, as in a pod: resolves when another gateway leads and others have
   * had the time to hear of it, at once where there is none, and after `limitMs` in any case. Then nobody is told
   * of these tunnels any more. To be called once `leaving` of {@link run} has aborted, and before `signal` has.
   */
  async handOver(limitMs: number): Promise<void> {
    const { clock, log } = this.#options;
    const end = clock.monotonic() + limitMs;
    while (this.#others.length > 0 && !this.#others.some(isActive) && clock.monotonic() < end) {
      await clock.sleep(HAND_OVER_LOOK_MS);
    }
    const heir = this.#others.find(isActive)?.metadata.name;
    log.info({ peer: heir ?? 'none' }, 'Handed over: this gateway and its tunnels end');
    if (heir !== undefined) await clock.sleep(Math.max(0, Math.min(HEARD_MS, end - clock.monotonic())));
    this.#isEnding = true;
    await this.#writeStatus().catch((err: unknown) => log.warn({ err }, 'Cannot say that the tunnels end'));
  }

  /** The other gateways of this cluster that say of themselves that they carry. */
  get #others(): GatewayObject[] {
    return [...this.#gateways.values()].filter(
      ({ metadata, status }) =>
        metadata.name !== this.#options.self.gateway && (status?.connections ?? []).length > 0,
    );
  }

  /**
   * Uses the keys and says so; changes to them while another gateway carries the traffic. By WireGuard a key is a
   * peer to the other end, which takes what comes by one of them alone; by IPsec another association is there before the old one goes, but what is on its way by the
   * old one may be lost.
   */
  async #useKeys(ring: KeyRing, step: RotationStep, signal: AbortSignal): Promise<void> {
    const { driver, clock } = this.#options;
    const use = async (): Promise<void> => {
      driver.setKeys(ring);
      this.tunnels.refresh();
      await this.#writeEndpoint();
    };
    if (step !== 'switch') return use();
    await this.#candidacy.aside(signal, async () => {
      const before = this.#connected;
      await use();
      // Peers hear of it by the broker; until then nothing gets through.
      await clock.sleep(KEY_SETTLE_MS, signal);
      const end = clock.monotonic() + KEY_SETTLE_MS * 5;
      while (!signal.aborted && this.#connected < before && clock.monotonic() < end) {
        await clock.sleep(LOOK_EVERY_MS, signal);
      }
    });
  }

  get #publicIP(): IpAddress | undefined {
    const { self, publicIP } = this.#options;
    return publicIpOf(this.#nodes.get(self.gateway), publicIP, self);
  }

  get #connected(): number {
    return this.tunnels.connections.filter(isUp).length;
  }

  async #rotateKeys(signal: AbortSignal): Promise<void> {
    const { driver, keyTimes, member, self, clock, log } = this.#options;
    const { keys: ring, name } = driver;
    if (ring === undefined || !hasKeys(name)) return;
    const rotation = new KeyRotation({
      store: member,
      gateway: self.gateway,
      driver: name,
      ring,
      times: keyTimes,
      object: () => this.#gateways.get(`${SYSTEM_NAMESPACE}/${self.gateway}`),
      use: (next, step) => this.#useKeys(next, step, signal),
      clock,
      log,
    });
    await rotation.run(signal);
  }

  #setLeads(leads: boolean): void {
    this.#leads = leads;
    this.#endpoint.touch();
    this.#status.touch();
  }

  #setMembers(): void {
    const { self } = this.#options;
    const { members, refused } = admit(
      self,
      [...this.#copies.clusters.values()],
      [...this.#copies.endpoints.values()],
    );
    this.#refusedCopies = refused;
    this.tunnels.setMembers(members);
    this.#status.touch();
  }

  async #writeStatus(): Promise<void> {
    const { self, member, clock, election } = this.#options;
    this.#logRefused();
    const object: GatewayObject = {
      apiVersion: Kinds.Gateway.apiVersion,
      kind: 'Gateway',
      metadata: {
        name: self.gateway,
        namespace: SYSTEM_NAMESPACE,
        labels: { [Label.importManagedBy]: MANAGED_BY },
      },
      status: {
        haStatus: this.#leads ? 'active' : 'passive',
        nodeIP: self.privateIP,
        leaseEpoch: election.epoch,
        heartbeat: new Date(clock.now()).toISOString(),
        connections: this.#isEnding ? [] : [...this.tunnels.connections],
        refused: this.refused.map(({ record, reason, message }) => ({ record, reason, message })),
      },
    };
    try {
      await member.applyStatus(Kinds.Gateway, object);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
      const { status: _, ...fresh } = object;
      await member.apply(Kinds.Gateway, fresh, { if: 'absent' });
      await member.applyStatus(Kinds.Gateway, object);
    }
  }

  async #writeEndpoint(): Promise<void> {
    const { self, port, isBehindNat, broker, brokerNamespace, driver, election, clock } = this.#options;
    const publicIP = this.#publicIP;
    this.#toldPublicIP = publicIP;
    const record: TunnelEndpoint = {
      apiVersion: Kinds.TunnelEndpoint.apiVersion,
      kind: 'Endpoint',
      metadata: {
        name: `${self.cluster}.${self.gateway}`,
        namespace: brokerNamespace,
        labels: ownLabels(self),
      },
      spec: {
        clusterId: self.cluster,
        gateway: self.gateway,
        driver: driver.name,
        privateIP: self.privateIP,
        ...(publicIP !== undefined && { publicIP }),
        port,
        publicKeys: [...driver.publicKeys],
        ...(isBehindNat && { nat: true }),
        leaseEpoch: election.epoch,
        preferred: this.#leads,
        heartbeat: new Date(clock.now()).toISOString(),
      },
    };
    await broker.apply(Kinds.TunnelEndpoint, record);
  }

  #logRefused(): void {
    const now = new Set<string>();
    for (const { record, reason, message } of this.refused) {
      const told = `${record} ${reason} ${message}`;
      now.add(told);
      if (!this.#logged.has(told)) {
        this.#options.log.warn(
          { record, reason, problem: message },
          'A record of another cluster is refused',
        );
      }
    }
    this.#logged.clear();
    for (const told of now) this.#logged.add(told);
  }
}

const isActive = ({ status }: GatewayObject): boolean => status?.haStatus === 'active';

const ownLabels = ({ cluster }: Self): Record<string, string> => ({
  [Label.sourceCluster]: cluster,
  [Label.importManagedBy]: MANAGED_BY,
});

function ownCluster({ self, brokerNamespace, version }: GatewayOptions): Cluster {
  return {
    apiVersion: Kinds.Cluster.apiVersion,
    kind: 'Cluster',
    metadata: { name: self.cluster, namespace: brokerNamespace, labels: ownLabels(self) },
    spec: {
      clusterId: self.cluster,
      podCIDRs: [...self.podCIDRs],
      serviceCIDRs: [...self.serviceCIDRs],
      ...(self.clustersetCIDRs.length > 0 && { clustersetCIDRs: [...self.clustersetCIDRs] }),
      version,
    },
  };
}
