import type { CableDriverName } from '../api/tunnel.ts';
import type { NftText } from '../host/nft.ts';
import type { KeyRing } from './key-ring.ts';
import type { PublicKey } from './keys.ts';
import type { Cable, Carrier } from './plan-tunnels.ts';

/**
 * What carries tunnels over strangers' networks. Everything else - devices, routes, probes, the choice of
 * a way - is the same for all drivers, so that another one is one file.
 */
export interface CableDriver {
  readonly name: CableDriverName;
  readonly carrier: Carrier;
  /** UDP port that peers reach it at. */
  readonly port: number;
  /** What peers must know of this gateway's keys; several while they are rotated. */
  readonly publicKeys: readonly PublicKey[];
  /** Its keys; undefined for a driver that has none to rotate. */
  readonly keys: KeyRing | undefined;
  /** These are the gateway's keys from the next {@link set} on. */
  setKeys(keys: KeyRing): void;
  /** What a working connection costs or lacks, for its status: `not encrypted`. */
  readonly caveat: string | undefined;
  /** Rules that drop what pretends to have come through the driver, for a chain of the input hook. */
  guard(cables: readonly Cable[]): readonly NftText[];
  /**
   * Brings up what its tunnels share, or takes over what an earlier process left running. Repeatable.
   * @throws Error with what is missing, and what to do
   */
  start(): Promise<void>;
  /**
   * Carries these tunnels and no others; called with the same ones it changes nothing. The devices are
   * there already. One that cannot be carried harms no other.
   * @param silent keys of cables that carry nothing, and are dialled at another address from now on
   * @returns cable's key → why not
   */
  set(cables: readonly Cable[], silent?: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>;
  /** Dials again: probes say that it carries nothing, or the other end has moved. */
  redial(cable: Cable): Promise<void>;
  /** Ends what this process does for it, and nothing of the data path. */
  stop(): Promise<void>;
  /** Removes all that any process of this driver may have left on the node. Repeatable. */
  cleanup(): Promise<void>;
}
