import { formatListenAddress } from '../config/listen-address.ts';
import { ago } from './ago.ts';
import type { ConnectionStatus, EndpointStatus, GatewayStatus } from './gateway-status.ts';
import type { Listing } from './listing.ts';

/** `show gateways`: a line per gateway node. */
export const gatewaysListing: Listing<GatewayStatus> = {
  nameOf: ({ gateway }) => gateway,
  none: 'No gateway has run in this cluster: it reaches the others without tunnels, or not at all',
  newsOf: (gateway) => ({ ...gateway, lastSeen: undefined }),
  columns: [
    { heading: 'GATEWAY', text: ({ gateway }) => gateway },
    { heading: 'ROLE', text: ({ role }) => role ?? '-' },
    { heading: 'STATE', text: ({ state }) => state },
    { heading: 'LAST SEEN', text: ({ lastSeen }, now) => ago(lastSeen, now, 'never') },
    { heading: 'CONNECTIONS', text: ({ connections: { up, total } }) => `${up}/${total} up` },
    { heading: 'NODE IP', wide: true, text: ({ nodeIP }) => nodeIP ?? '-' },
    { heading: 'EPOCH', wide: true, text: ({ leaseEpoch }) => String(leaseEpoch ?? '-') },
    {
      heading: 'REMARKS',
      text: ({ isDraining, refused }) =>
        [
          ...(isDraining ? ['is asked to leave the lead to another one'] : []),
          ...refused.map(({ record, reason, message }) => `refuses ${record}, ${reason}: ${message}`),
        ].join('; ') || '-',
    },
  ],
};

/** `show connections`: a line per tunnel. */
export const connectionsListing: Listing<ConnectionStatus> = {
  nameOf: ({ gateway, cluster, peer, driver }) =>
    `${gateway} to ${cluster}${peer === undefined ? '' : `/${peer}`}${driver === undefined ? '' : ` by ${driver}`}`,
  none: 'No gateway of this cluster has a connection; see "pharos show gateways"',
  newsOf: (connection) => ({ ...connection, roundTripMs: undefined, jitterMs: undefined, loss: undefined }),
  columns: [
    { heading: 'GATEWAY', text: ({ gateway }) => gateway },
    { heading: 'CLUSTER', text: ({ cluster }) => cluster },
    { heading: 'PEER', text: ({ peer }) => peer ?? '-' },
    { heading: 'DRIVER', text: ({ driver }) => driver ?? '-' },
    { heading: 'STATE', text: ({ state }) => state },
    { heading: 'SINCE', text: ({ since }, now) => ago(since, now) },
    { heading: 'ROUND TRIP', text: ({ roundTripMs }) => milliseconds(roundTripMs) },
    {
      heading: 'LOSS',
      text: ({ loss }) => (loss === undefined ? '-' : `${Number((loss * 100).toFixed(1))}%`),
    },
    { heading: 'JITTER', wide: true, text: ({ jitterMs }) => milliseconds(jitterMs) },
    { heading: 'MTU', wide: true, text: ({ mtu }) => String(mtu ?? '-') },
    { heading: 'DEVICE', wide: true, text: ({ device }) => device ?? '-' },
    { heading: 'REASON', text: ({ reason }) => reason ?? '-' },
  ],
};

/** `show endpoints`: a line per gateway of any cluster. */
export const endpointsListing: Listing<EndpointStatus> = {
  nameOf: ({ cluster, gateway }) => `${cluster}/${gateway}`,
  none: 'No cluster has a gateway that others can reach',
  newsOf: (endpoint) => ({ ...endpoint, lastSeen: undefined }),
  columns: [
    { heading: 'CLUSTER', text: ({ cluster }) => cluster },
    { heading: 'GATEWAY', text: ({ gateway }) => gateway },
    { heading: 'DRIVER', text: ({ driver }) => driver },
    {
      heading: 'ADDRESS',
      text: ({ publicIP, privateIP, port }) => formatListenAddress({ address: publicIP ?? privateIP, port }),
    },
    { heading: 'PREFERRED', text: ({ preferred }) => (preferred ? 'yes' : 'no') },
    { heading: 'STATE', text: ({ state }) => state ?? '-' },
    { heading: 'LAST SEEN', text: ({ lastSeen }, now) => ago(lastSeen, now) },
    { heading: 'PRIVATE IP', wide: true, text: ({ privateIP }) => privateIP },
    { heading: 'NAT', wide: true, text: ({ nat }) => (nat ? 'yes' : 'no') },
    { heading: 'MTU', wide: true, text: ({ mtu }) => String(mtu ?? '-') },
    { heading: 'EPOCH', wide: true, text: ({ leaseEpoch }) => String(leaseEpoch) },
    { heading: 'KEYS', wide: true, text: ({ publicKeys }) => publicKeys.join(' ') || '-' },
    { heading: 'REMARKS', text: ({ refused }) => (refused === undefined ? '-' : `refused here, ${refused}`) },
  ],
};

const milliseconds = (ms: number | undefined): string =>
  ms === undefined ? '-' : `${Number(ms.toFixed(1))}ms`;
