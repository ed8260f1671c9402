import { cidrOrNone, overlaps } from '../../api/cidr.ts';
import { type Cluster, type Connection, type Gateway, isUp } from '../../api/tunnel.ts';
import { check, failedIf, skipped, type Verdict } from '../check.ts';

/** Gateways renew their status every 5 s and their records every 10; clocks differ by some more. */
const LIFE_MS = 60_000;
const NO_GATEWAYS = 'the cluster has no gateway: its network is flat, or tunnels are not wanted';
const SEE = 'docs/how-to/run-gateways.md#see-how-they-are';

export const tunnelChecks = [
  check({
    id: 'tunnel.alive',
    proves: 'what each gateway says of its tunnels is fresh',
    how: 'The heartbeat in the status of each Gateway is compared with the clock of this machine.',
    mend: 'Look at the gateway pod of that node and its log; where the node is gone for good, delete its Gateway.',
    docs: SEE,
    needs: ['gateways'],
    decide: ({ gateways }, { now }) =>
      gateways.length === 0
        ? skipped(NO_GATEWAYS)
        : failedIf(
            gateways
              .filter((gateway) => !isFresh(gateway, now))
              .map(({ metadata: { name }, status }) =>
                status?.heartbeat === undefined
                  ? `gateway ${name} never wrote its status`
                  : `gateway ${name} is silent since ${status.heartbeat}`,
              ),
          ),
  }),
  check({
    id: 'tunnel.active',
    proves: 'a gateway is active: it carries the traffic of nodes without one',
    how: 'The status of each Gateway that is fresh is read.',
    mend: 'See the log of the gateways about their Lease pharos-system/pharos-gateway; start one with `pharos gateway` on a labelled node.',
    docs: SEE,
    needs: ['gateways'],
    decide: ({ gateways }, { now }) => {
      const fresh = freshOf(gateways, now);
      if (typeof fresh === 'string') return skipped(fresh);
      return failedIf(
        fresh.some(isActive)
          ? []
          : [`none of the gateways is active: ${fresh.map(({ metadata }) => metadata.name).join(', ')}`],
      );
    },
  }),
  check({
    id: 'tunnel.single',
    proves: 'no two gateways of a cluster are preferred at the same time',
    how: 'The status of each fresh Gateway and the Endpoint records of the other clusters are read; a lower leaseEpoch loses, so that traffic goes on while it lasts.',
    mend: 'It ends by itself when the one that lost its Lease notices; where it lasts, restart the gateway of the lower epoch.',
    docs: 'docs/explanation/tunnels.md#who-is-asked-and-who-decides',
    needs: ['gateways', 'peerEndpoints'],
    decide: ({ gateways, peerEndpoints }, { now }) => {
      if (gateways.length === 0) return skipped(NO_GATEWAYS);
      const active = gateways.filter((gateway) => isFresh(gateway, now) && isActive(gateway));
      const own =
        active.length > 1
          ? [
              `${active.length} gateways of this cluster are active: ${active.map(({ metadata, status }) => `${metadata.name} (epoch ${status?.leaseEpoch ?? '?'})`).join(', ')}`,
            ]
          : [];
      const preferred = Map.groupBy(
        peerEndpoints.filter(({ spec }) => spec.preferred && isRecent(spec.heartbeat, now)),
        ({ spec }) => spec.clusterId,
      );
      const theirs = [...preferred]
        .filter(([, each]) => each.length > 1)
        .map(
          ([cluster, each]) =>
            `cluster "${cluster}" prefers ${each.length} gateways: ${each.map(({ spec }) => `${spec.gateway} (epoch ${spec.leaseEpoch})`).join(', ')}`,
        );
      return failedIf([...own, ...theirs]);
    },
  }),
  check({
    id: 'tunnel.connections',
    proves: 'every tunnel is up, and every other cluster has one',
    how: "The connections in each fresh Gateway's status are read: connected means that probes come back through it.",
    mend: 'Open UDP 4500 (IPsec), 51840 (WireGuard) or 4790 (VXLAN) both ways between the gateways; the reason of the connection and the log of the gateway say more.',
    docs: 'docs/how-to/run-gateways.md#open-the-ports',
    needs: ['gateways', 'peerClusters'],
    decide: ({ gateways, peerClusters }, { now }) => {
      const fresh = freshOf(gateways, now);
      if (typeof fresh === 'string') return skipped(fresh);
      const down = connectionsOf(fresh).flatMap(({ from, to }) =>
        to.state === 'error' || to.state === 'connecting'
          ? [`${from} to ${peerOf(to)}: ${to.state}${to.reason === undefined ? '' : `: ${to.reason}`}`]
          : [],
      );
      const connected = new Set(connectionsOf(fresh).map(({ to }) => to.cluster));
      const none = peerClusters
        .filter(({ spec }) => !connected.has(spec.clusterId))
        .map(({ spec }) => `cluster "${spec.clusterId}": no gateway has a tunnel to it`);
      return failedIf([...down, ...none]);
    },
  }),
  check({
    id: 'tunnel.loss',
    proves: 'no tunnel loses packets',
    how: "The state and the loss of each connection in the Gateways' status are read.",
    mend: 'Look for an overloaded gateway or link between; `pharos gateway drain` moves the traffic to another gateway meanwhile.',
    docs: SEE,
    needs: ['gateways'],
    decide: ({ gateways }, { now }) => {
      const fresh = freshOf(gateways, now);
      if (typeof fresh === 'string') return skipped(fresh);
      return failedIf(
        connectionsOf(fresh).flatMap(({ from, to }) =>
          to.state === 'degraded' ? [`${from} to ${peerOf(to)}: ${to.reason ?? 'degraded'}`] : [],
        ),
      );
    },
  }),
  check({
    id: 'tunnel.encryption',
    proves: 'tunnels encrypt, and the kernel does it',
    how: 'The driver and the caveat of each connection are read. A tunnel that costs speed is told and does not fail; one that does not encrypt fails.',
    mend: 'Start the gateways with `--cable-driver ipsec` or `wireguard`; where clear text is meant, leave the check out: `--skip tunnel.encryption`.',
    docs: 'docs/explanation/tunnels.md#known-limits',
    needs: ['gateways'],
    decide: ({ gateways }, { now }) => {
      const fresh = freshOf(gateways, now);
      if (typeof fresh === 'string') return skipped(fresh);
      const all = connectionsOf(fresh);
      const clear = all.filter(({ to }) => to.driver === 'vxlan');
      const costly = [
        ...new Set(
          all.flatMap(({ to: { state, reason } }) =>
            isUp({ state }) && /the kernel has no/.test(reason ?? '')
              ? [reason?.replace(/^.*?(?=the kernel has no)/, '') ?? '']
              : [],
          ),
        ),
      ];
      return failedIf(
        clear.map(({ from, to }) => `${from} to ${peerOf(to)}: VXLAN carries everything in clear text`),
        costly.length === 0 ? { is: 'ok' } : { is: 'ok', note: costly.join('; ') },
      );
    },
  }),
  check({
    id: 'tunnel.records',
    proves: "the gateways took every other cluster's records",
    how: 'The list `refused` in the status of each fresh Gateway is read.',
    mend: 'Each refusal names the record, what is wrong and what is wanted; it is mended in the cluster that wrote it.',
    docs: 'docs/explanation/tunnels.md#records',
    needs: ['gateways'],
    decide: ({ gateways }, { now }) => {
      const fresh = freshOf(gateways, now);
      if (typeof fresh === 'string') return skipped(fresh);
      // Overlaps have a check of their own, which sees both sides.
      const refused = fresh.flatMap(({ status }) => status?.refused ?? []);
      return failedIf([
        ...new Set(
          refused
            .filter(({ reason }) => reason !== 'overlap')
            .map(({ record, reason, message }) => `${record}: ${reason}: ${message}`),
        ),
      ]);
    },
  }),
  check({
    id: 'tunnel.overlap',
    proves: 'no two clusters have the same addresses',
    how: 'The networks of pods and Services in all Cluster records on the broker are compared.',
    mend: 'One of the two clusters must be built anew with other networks; until then its tunnels carry nothing, and headless names lead astray.',
    docs: 'docs/explanation/tunnels.md#records',
    needs: ['brokerClusters'],
    decide: ({ brokerClusters }) =>
      brokerClusters.length === 0
        ? skipped('no cluster has told its networks')
        : overlapVerdict(brokerClusters),
  }),
];

const isRecent = (heartbeat: string, now: number): boolean => now - Date.parse(heartbeat) < LIFE_MS;

const isFresh = ({ status }: Gateway, now: number): boolean => isRecent(status?.heartbeat ?? '', now);

const isActive = ({ status }: Gateway): boolean => status?.haStatus === 'active';

/** Those whose word counts, or why there is none. */
function freshOf(gateways: readonly Gateway[], now: number): Gateway[] | string {
  if (gateways.length === 0) return NO_GATEWAYS;
  const fresh = gateways.filter((gateway) => isFresh(gateway, now));
  return fresh.length > 0 ? fresh : 'no gateway is alive: see tunnel.alive';
}

const connectionsOf = (gateways: readonly Gateway[]): { readonly from: string; readonly to: Connection }[] =>
  gateways.flatMap(({ metadata: { name: from }, status }) =>
    (status?.connections ?? []).map((to) => ({ from, to })),
  );

const peerOf = ({ cluster, gateway }: Connection): string => `${cluster}/${gateway ?? '?'}`;

function overlapVerdict(clusters: readonly Cluster[]): Verdict {
  const claims = clusters.flatMap(({ spec }) =>
    [
      ...spec.podCIDRs.map((text) => ({ text, what: 'pods' })),
      ...spec.serviceCIDRs.map((text) => ({ text, what: 'Services' })),
    ].flatMap(({ text, what }) => cidrOrNone(text).map((cidr) => ({ cidr, what, cluster: spec.clusterId }))),
  );
  return failedIf(
    claims.flatMap((a, at) =>
      claims
        .slice(at + 1)
        .filter((b) => a.cluster !== b.cluster && overlaps(a.cidr, b.cidr))
        .map(
          (b) => `${a.cidr}, ${a.what} of "${a.cluster}", overlaps ${b.cidr}, ${b.what} of "${b.cluster}"`,
        ),
    ),
  );
}
