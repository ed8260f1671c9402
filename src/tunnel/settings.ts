import type { LeaseTimes } from '../runtime/lease.ts';

/** The Lease by which the gateways of a cluster elect the one that it prefers. */
export const GATEWAY_LEASE = 'pharos-gateway';

/** Quicker than Kubernetes' own: who leads decides which way is preferred, though not whether packets flow. */
export const GATEWAY_LEASE_TIMES: LeaseTimes = { leaseMs: 6000, renewDeadlineMs: 4000, retryMs: 1000 };

/** How often a gateway says on the broker that it lives. */
export const HEARTBEAT_MS = 10_000;
/** An Endpoint whose heartbeat stands still for so long, and which does not answer either, is no more dialled. */
export const ENDPOINT_LIFE_MS = 45_000;
/** How often a gateway says in its own cluster that it lives, and how round trips are. */
export const STATUS_MS = 5000;

/** On a Gateway: the mark of a request for new keys, taken away when they are in use. */
export const ROTATE_ANNOTATION = 'pharos.io/rotate-keys';

/** How long peers have to hear of the use of a new key before the old one is withdrawn. */
export const KEY_KEEP_MS = 60_000;

/** On a Gateway: `true` = it should leave the lead to another one. */
export const DRAIN_ANNOTATION = 'pharos.io/drain';
