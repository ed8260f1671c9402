/** Which networks are this cluster's own: as the operator says, else as its Cluster object on the broker says. */
import { type Cidr, cidrOrNone } from '../api/cidr.ts';
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import type { Cluster } from '../api/tunnel.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import { OwnAddresses, type OwnNetwork } from './own-addresses.ts';

export interface OwnNetworksOptions {
  readonly cluster: ClusterId;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  /** Absent = ask the broker. */
  readonly ownCidrs?: readonly Cidr[];
  /** Networks of clusterset IPs, which are no other cluster's either. */
  readonly clustersetCidrs?: readonly Cidr[];
  readonly clock: Clock;
  /** Told when {@link OwnNetworks.addresses} has changed. */
  readonly onChange: () => void;
}

export class OwnNetworks {
  readonly #isTold: boolean;
  readonly #cache: ObjectCache<Cluster>;
  #addresses: OwnAddresses | undefined;

  constructor(options: OwnNetworksOptions) {
    const { cluster: name, broker: store, brokerNamespace: namespace, clock, onChange } = options;
    this.#isTold = options.ownCidrs !== undefined;
    this.#cache = new ObjectCache({ store, clock, kind: Kinds.Cluster, selector: { name, namespace } });
    if (this.#isTold) this.#addresses = ownAddresses(options, undefined);
    const learn = (): void => {
      const [object] = this.#cache.values();
      this.#addresses = ownAddresses(options, object);
      onChange();
    };
    this.#cache.onChange(() => {
      if (this.#cache.isSynced) learn();
    });
    void this.#cache.synced.then(learn);
    this.#cache.onSight(() => {
      // A broker without tunnels does not know the kind, or does not let us read it: then nothing is said.
      const code = this.#cache.interruption?.error.code;
      if (!this.#cache.isSynced && (code === 'not-found' || code === 'forbidden')) learn();
    });
  }

  /** `unknown` until the broker was asked. */
  get addresses(): OwnAddresses | 'unknown' {
    return this.#addresses ?? 'unknown';
  }

  /** Follows the broker until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    if (!this.#isTold) await this.#cache.run(signal);
  }
}

/**
 * What nobody else can have.
 *
 * @param object the cluster's own one on the broker; it counts where the operator has not said
 */
export function ownAddresses(
  { ownCidrs, clustersetCidrs = [] }: Pick<OwnNetworksOptions, 'ownCidrs' | 'clustersetCidrs'>,
  object: Cluster | undefined,
): OwnAddresses {
  return new OwnAddresses([
    ...(ownCidrs === undefined ? networksOf(object) : named('--own-cidr', ownCidrs)),
    ...named('clusterset IPs', clustersetCidrs),
  ]);
}

/** Every network that a Cluster says is its own; what is no network is left out. */
function networksOf(object: Cluster | undefined): OwnNetwork[] {
  const { podCIDRs = [], serviceCIDRs = [], clustersetCIDRs = [] } = object?.spec ?? {};
  return [
    ...named('pods', podCIDRs),
    ...named('Services', serviceCIDRs),
    ...named('clusterset IPs', clustersetCIDRs),
  ];
}

const named = (of: string, texts: readonly string[]): OwnNetwork[] =>
  texts.flatMap(cidrOrNone).map((cidr) => ({ cidr, of }));
