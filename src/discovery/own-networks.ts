/** Which networks are this cluster's own: as the operator says, else as its Cluster object on the broker says. */
import { type Cidr, cidrOrNone } from '../api/cidr.ts';
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import type { Cluster } from '../api/tunnel.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import { OwnAddresses } from './own-addresses.ts';

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
  readonly #options: OwnNetworksOptions;
  readonly #cache: ObjectCache<Cluster>;
  #addresses: OwnAddresses | undefined;

  constructor(options: OwnNetworksOptions) {
    const { cluster: name, broker: store, brokerNamespace: namespace, ownCidrs, clock, onChange } = options;
    this.#options = options;
    this.#cache = new ObjectCache({ store, clock, kind: Kinds.Cluster, selector: { name, namespace } });
    if (ownCidrs !== undefined) this.#addresses = this.#with(ownCidrs);
    const learn = (): void => {
      const [object] = this.#cache.values();
      this.#addresses = this.#with(cidrsOf(object));
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
    if (this.#options.ownCidrs === undefined) await this.#cache.run(signal);
  }

  #with(cidrs: readonly Cidr[]): OwnAddresses {
    return new OwnAddresses([...cidrs, ...(this.#options.clustersetCidrs ?? [])]);
  }
}

/** Every network that a Cluster says is its own; what is no network is left out. */
export function cidrsOf(object: Cluster | undefined): Cidr[] {
  const { podCIDRs = [], serviceCIDRs = [], clustersetCIDRs = [] } = object?.spec ?? {};
  return [...podCIDRs, ...serviceCIDRs, ...clustersetCIDRs].flatMap(cidrOrNone);
}
