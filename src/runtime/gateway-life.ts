import { type Gateway, GATEWAY_LIFE_MS } from '../api/tunnel.ts';
import type { Clock } from './clock.ts';
import { Freshness } from './freshness.ts';

/** The one rule by which a gateway of one's own cluster is believed in what it says of its connections. */
export class GatewayLife {
  readonly #freshness: Freshness;

  constructor(clock: Clock) {
    this.#freshness = new Freshness(clock, GATEWAY_LIFE_MS);
  }

  /** To be asked of each Gateway that there is, with each look. */
  isAlive({ metadata, status }: Gateway): boolean {
    return this.#freshness.isAlive(`${metadata.namespace}/${metadata.name}`, status?.heartbeat);
  }

  /** The Gateways got out of sight, or are followed again. */
  setSight(isInSight: boolean): void {
    this.#freshness.setSight(isInSight);
  }
}
