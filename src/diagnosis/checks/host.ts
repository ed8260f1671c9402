import { check, failedIf, skipped, type Verdict } from '../check.ts';
import type { HostState, Ways } from '../facts.ts';
import {
  DEVICE_PREFIX,
  GATEWAY_TABLE,
  INNER_VXLAN_PORT,
  INTRA_DEVICE,
  NFT_TABLE,
  WIREGUARD_DEVICE,
} from '../../host/marks.ts';

/** Of an outer IPv4, UDP and VXLAN header, and the inner Ethernet header. */
const VXLAN_OVERHEAD = 50;
const NODE = 'docs/explanation/route-agent.md';
const LOG =
  'See the log of the route agent on this node (`kubectl logs -n pharos-system ds/pharos-route-agent`)';

export const hostChecks = [
  check({
    id: 'host.tools',
    proves: 'the programs that gateways and route agents call are there and new enough',
    how: 'nft, ip and conntrack are asked for their versions, where this command runs.',
    mend: 'Install or upgrade the package that is named; the image pharos-host has all of them.',
    docs: 'docs/how-to/run-gateways.md#start-them',
    needs: ['hostTools'],
    decide: ({ hostTools }) =>
      failedIf(
        hostTools.flatMap((verdict) => (verdict.ok ? [] : [verdict.problem])),
        {
          is: 'ok',
          note: hostTools
            .flatMap((verdict) => (verdict.ok ? [`${verdict.tool} ${verdict.version}`] : []))
            .join(', '),
        },
      ),
  }),
  check({
    id: 'host.strongswan',
    proves: 'where IPsec carries the tunnels, strongSwan is there and new enough',
    how: 'swanctl is asked for its version, where devices of IPsec tunnels are on the node.',
    mend: 'Install or upgrade the package that is named; the image pharos-host has it.',
    docs: 'docs/how-to/run-gateways.md#start-them',
    needs: ['hostStrongswan', 'hostState'],
    decide: ({ hostStrongswan, hostState: { links } }) => {
      const isIpsec =
        links.some(({ vxlan }) => vxlan?.port === INNER_VXLAN_PORT) &&
        !links.some(({ name }) => name === WIREGUARD_DEVICE);
      if (!isIpsec) return skipped('no tunnel by IPsec ends on this node');
      return hostStrongswan.ok
        ? { is: 'ok', note: hostStrongswan.version }
        : { is: 'failed', reasons: [hostStrongswan.problem] };
    },
  }),
  check({
    id: 'host.devices',
    proves: "Pharos's devices on this node are there and up",
    how: 'The links of the node are read: `ph-vx` among the nodes, and those to other clusters.',
    mend: `${LOG}; it puts back what is missing within a second while it runs.`,
    docs: `${NODE}#what-it-makes`,
    needs: ['hostState'],
    decide: ({ hostState }) =>
      onNode(hostState, ({ links }) => {
        const ours = links.filter(({ name }) => name.startsWith(DEVICE_PREFIX));
        return failedIf([
          ...(ours.some(({ name }) => name === INTRA_DEVICE) ? [] : [`there is no device ${INTRA_DEVICE}`]),
          ...ours.filter(({ up }) => !up).map(({ name }) => `device ${name} is down`),
        ]);
      }),
  }),
  check({
    id: 'host.mtu',
    proves: "packets of Pharos's devices fit into the node's own network",
    how: 'The MTU of `ph-vx` is compared with that of the device of the default route.',
    mend: `Where the MTU of the network was changed, restart the route agent, which measures it at its start. ${LOG}.`,
    docs: `${NODE}#what-it-makes`,
    needs: ['hostState'],
    decide: ({ hostState }) =>
      onNode(hostState, ({ links, uplink }) => {
        const intra = links.find(({ name }) => name === INTRA_DEVICE);
        const below = links.find(({ name }) => name === uplink);
        if (intra === undefined) return skipped(`there is no device ${INTRA_DEVICE}: see host.devices`);
        if (below === undefined) return skipped('the node has no default route to compare with');
        return failedIf(
          intra.mtu > below.mtu - VXLAN_OVERHEAD
            ? [
                `${INTRA_DEVICE} has MTU ${intra.mtu}, ${below.name} below it ${below.mtu}: at most ${below.mtu - VXLAN_OVERHEAD} fit`,
              ]
            : [],
          { is: 'ok', note: `${intra.mtu} of ${below.mtu}` },
        );
      }),
  }),
  check({
    id: 'host.routes',
    proves: "the node looks up other clusters' networks in Pharos's routing table",
    how: `The rules of policy routing and table ${GATEWAY_TABLE} are read.`,
    mend: `${LOG}; other programs that manage rules (\`ip rule flush\`) may have removed it.`,
    docs: `${NODE}#what-it-makes`,
    needs: ['hostState'],
    decide: ({ hostState }) =>
      onNode(hostState, ({ ways: { IPv4, IPv6 } }) =>
        failedIf([
          ...lacking(IPv4, ''),
          // Of a family that no cluster has there is nothing.
          ...(usesIpv6(hostState) ? lacking(IPv6, ' for IPv6') : []),
        ]),
      ),
  }),
  check({
    id: 'host.forwarding',
    proves: 'the kernel passes on what comes from other clusters, of both families',
    how: 'net.ipv4.conf.*.forwarding of the `ph-*` devices is read, and net.ipv6.conf.all.forwarding where IPv6 has routes to other clusters.',
    mend: 'Set what is named to 1, as Kubernetes wants it on every node; look in /etc/sysctl.d for what sets it to 0.',
    docs: `${NODE}#what-it-makes`,
    needs: ['hostState'],
    decide: ({ hostState }) =>
      onNode(hostState, ({ forwarding, forwardsIpv6 }) =>
        failedIf([
          ...forwarding
            .filter(({ isOn }) => !isOn)
            .map(({ device }) => `net.ipv4.conf.${device}.forwarding is 0, must be 1`),
          ...(usesIpv6(hostState) && !forwardsIpv6 ? ['net.ipv6.conf.all.forwarding is 0, must be 1'] : []),
        ]),
      ),
  }),
  check({
    id: 'host.filter',
    proves: "Pharos's nftables table keeps sources and limits who may use its ways",
    how: `Table \`inet ${NFT_TABLE}\` is looked for, with its mark.`,
    mend: `${LOG}; a firewall that is reloaded with \`flush ruleset\` removes it, and the route agent puts it back.`,
    docs: `${NODE}#what-it-makes`,
    needs: ['hostState'],
    decide: ({ hostState }) =>
      onNode(hostState, ({ hasTable }) =>
        failedIf(hasTable ? [] : [`there is no table inet ${NFT_TABLE} of Pharos's`]),
      ),
  }),
  check({
    id: 'host.rp-filter',
    proves: 'the reverse path filter lets packets of other clusters in',
    how: 'net.ipv4.conf.*.rp_filter is read for `ph-vx` and the device of the default route; the kernel takes the larger of a device and `all`.',
    mend: 'Set it to 2 (loose) on the device that is named; look for a file in /etc/sysctl.d that sets it to 1 after the route agent did.',
    docs: `${NODE}#what-it-makes`,
    needs: ['hostState'],
    decide: ({ hostState }) =>
      onNode(hostState, ({ rpFilter }) =>
        failedIf(
          rpFilter
            .filter(({ value }) => value === 1)
            .map(({ device }) => `rp_filter is strict (1) on ${device}, must be 2 or 0`),
        ),
      ),
  }),
  check({
    id: 'host.forward',
    proves: "no firewall drops what Pharos's devices forward",
    how: 'The nftables chains of the hook forward whose policy is to drop are read, those of iptables-nft too.',
    mend: 'Accept what comes in or goes out by `ph-vx` and `ph-t*` in the chain that is named: an accept in a table of Pharos can not overrule it.',
    docs: `${NODE}#what-a-firewall-must-allow`,
    needs: ['hostState'],
    decide: ({ hostState }) =>
      onNode(hostState, ({ forwardDrops }) =>
        failedIf(
          forwardDrops.map(
            (chain) => `chain ${chain} drops what is forwarded, and has no rule for ph-* devices`,
          ),
        ),
      ),
  }),
];

const usesIpv6 = ({ ways: { IPv6 } }: HostState): boolean => IPv6.hasRule || IPv6.routes > 0;

const lacking = ({ hasRule, routes }: Ways, family: string): string[] => [
  ...(hasRule ? [] : [`no rule looks up table ${GATEWAY_TABLE}${family}`]),
  ...(routes > 0 ? [] : [`table ${GATEWAY_TABLE} has no route${family}`]),
];

/** What cannot be judged where no route agent ever ran. */
function onNode(state: HostState, judge: (state: HostState) => Verdict): Verdict {
  const isTouched =
    state.ways.IPv4.hasRule ||
    state.hasTable ||
    state.links.some(({ name }) => name.startsWith(DEVICE_PREFIX));
  return isTouched ? judge(state) : skipped('nothing of Pharos is on this node: no route agent runs here');
}
