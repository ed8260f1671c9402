/** A member's sign of life on the broker: a Lease of its cluster's name, renewed by the agent that leads. */
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Annotation, Label, MANAGED_BY } from '../api/names.ts';
import type { Lease } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';

/** Kubernetes' own times for nodes: renewed every so often, silent after so long. */
const BEAT_MS = 10_000;
const SILENT_AFTER_SECONDS = 40;

/**
 * Whether this cluster may write under its id: `unknown` until the broker has been asked, `refused` while
 * another cluster is there under the same id.
 */
export type Claim =
  { readonly is: 'unknown' } | { readonly is: 'held' } | { readonly is: 'refused'; readonly message: string };

export interface HeartbeatOptions {
  readonly cluster: ClusterId;
  /** The uid of the cluster's `kube-system` namespace; undefined where it has none. */
  readonly clusterUid: () => string | undefined;
  readonly version: string;
  /** How long the others' heartbeats take to here, for them; undefined where none was heard yet. */
  readonly delays: () => string | undefined;
  /** Unique to this agent. */
  readonly instance: string;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when {@link Heartbeat.claim} has changed. */
  readonly onClaim: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #claim: Claim = { is: 'unknown' };
  #lease: Lease | undefined; // as last seen
  #isFailing = false;
  #pause = new AbortController(); // aborts when there is a reason to beat sooner
  /** Renewals that reached the broker. */
  beats = 0;
  /** When the broker last answered, whatever it said (milliseconds since 1970); undefined until it has. */
  answeredAt: number | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  get claim(): Claim {
    return this.#claim;
  }

  /** Beats until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#beat();
      this.#pause = new AbortController();
      await this.#options.clock.sleep(BEAT_MS, AbortSignal.any([signal, this.#pause.signal]));
    }
  }

  /** Beats at once: the broker is back in sight. */
  beatNow(): void {
    this.#pause.abort();
  }

  async #beat(): Promise<void> {
    const { broker, log, cluster, clock } = this.#options;
    try {
      for (let attempt = 1; ; attempt++) {
        if (this.#lease === undefined) {
          this.#lease = await broker.get(Kinds.Lease, this.#ref);
          this.answeredAt = clock.now();
        }
        const other = this.#otherOwner(this.#lease);
        if (other !== undefined) {
          this.#lease = undefined;
          return this.#set({ is: 'refused', message: other });
        }
        const resourceVersion = this.#lease?.metadata.resourceVersion;
        const condition = resourceVersion === undefined ? ('absent' as const) : { resourceVersion };
        try {
          this.#lease = await broker.apply(Kinds.Lease, this.#wanted(this.#lease), { if: condition });
          break;
        } catch (error) {
          this.#lease = undefined;
          if (!(error instanceof StoreError && error.code === 'conflict') || attempt === 2) throw error;
        }
      }
      this.beats++;
      this.answeredAt = clock.now();
      this.#isFailing = false;
      this.#set({ is: 'held' });
    } catch (err) {
      if (!this.#isFailing) log.warn({ cluster, err }, 'The heartbeat does not reach the broker');
      this.#isFailing = true;
      if (err instanceof StoreError && err.code !== 'unavailable') this.answeredAt = clock.now();
      // Whose identity may not keep a Lease is known to the broker all the same.
      const isRefused = err instanceof StoreError && (err.code === 'forbidden' || err.code === 'invalid');
      if (isRefused && this.#claim.is === 'unknown') this.#set({ is: 'held' });
    }
  }

  #set(claim: Claim): void {
    const before = this.#claim;
    this.#claim = claim;
    if (before.is === claim.is) return;
    const { log, cluster, onClaim } = this.#options;
    if (claim.is === 'refused') log.error({ cluster }, claim.message);
    onClaim();
  }

  get #ref() {
    return { name: this.#options.cluster, namespace: this.#options.brokerNamespace };
  }

  /** Why the id is not ours, if it is another's. */
  #otherOwner(lease: Lease | undefined): string | undefined {
    const { cluster, broker, clusterUid } = this.#options;
    const theirs = lease?.metadata.annotations?.[Annotation.clusterUid];
    const ours = clusterUid();
    if (theirs === undefined || ours === undefined || theirs === ours) return undefined;
    return (
      `The broker ${broker.location} knows another cluster as "${cluster}" (its kube-system has uid ${theirs}, this one's ${ours}): ` +
      `nothing is exported; choose another --cluster-id, or take that cluster off by pharos broker remove-cluster ${cluster}`
    );
  }

  #wanted(before: Lease | undefined): Lease {
    const { cluster, clusterUid, version, instance, delays, clock } = this.#options;
    const heard = delays();
    const now = new Date(clock.now()).toISOString().replace('Z', '000Z');
    const uid = clusterUid();
    const isMine = before?.spec.holderIdentity === instance;
    const leaseUid = before?.metadata.uid;
    return {
      apiVersion: Kinds.Lease.apiVersion,
      kind: 'Lease',
      metadata: {
        ...this.#ref,
        ...(leaseUid !== undefined && { uid: leaseUid }),
        labels: { [Label.sourceCluster]: cluster, [Label.importManagedBy]: MANAGED_BY },
        annotations: {
          [Annotation.version]: version,
          ...(uid !== undefined && { [Annotation.clusterUid]: uid }),
          ...(heard !== undefined && { [Annotation.heard]: heard }),
        },
      },
      spec: {
        holderIdentity: instance,
        leaseDurationSeconds: SILENT_AFTER_SECONDS,
        acquireTime: (isMine ? before.spec.acquireTime : undefined) ?? now,
        renewTime: now,
      },
    };
  }
}
