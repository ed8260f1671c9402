import { waitsFor } from '../../membership/components.ts';
import { hasBlockFor, type ZoneServer, zoneServerOf } from '../../membership/corefile.ts';
import type { Corefile } from '../../membership/read-corefiles.ts';
import { reverseZones } from '../../membership/reverse-zones.ts';
import { cidrOrNone } from '../../api/cidr.ts';
import type { EndpointSlice, Service } from '../../api/objects.ts';
import { check, failedIf, skipped, type Verdict } from '../check.ts';
import type { DnsAnswer } from '../facts.ts';
import { nameOf, workloadOf } from '../workloads.ts';

const HOW_TO = 'docs/how-to/configure-cluster-dns.md';

export const dnsChecks = [
  check({
    id: 'dns.ready',
    proves: 'the replicas of `pharos dns` are ready: they have read the zone',
    how: 'The status of the workload pharos-dns is read.',
    mend: 'Look at `kubectl -n pharos-system describe pods -l app.kubernetes.io/component=dns` and at its log; `/readyz` says what it waits for.',
    docs: 'docs/how-to/run-on-your-clusters.md#2-in-each-member',
    needs: ['workloads'],
    decide: ({ workloads }) => {
      const dns = workloadOf(workloads, 'dns');
      if (dns === undefined) {
        return workloads.length === 0
          ? skipped('nothing of Pharos is installed as a Deployment or DaemonSet')
          : { is: 'failed', reasons: ['there is no Deployment pharos-dns in pharos-system'] };
      }
      const waiting = waitsFor(dns);
      return failedIf(waiting === undefined ? [] : [`${nameOf(dns)}: ${waiting}`]);
    },
  }),
  check({
    id: 'dns.endpoints',
    proves: 'the Service pharos-dns leads to servers that are ready',
    how: 'Service pharos-system/pharos-dns and its EndpointSlices are read.',
    mend: 'Compare the selector of the Service with the labels of the pods; `pharos join` again puts the Service back.',
    docs: 'docs/how-to/run-on-your-clusters.md#2-in-each-member',
    needs: ['dnsService', 'dnsSlices'],
    decide: ({ dnsService, dnsSlices }) => {
      if (dnsService === undefined) {
        return { is: 'failed', reasons: ['there is no Service pharos-dns in pharos-system'] };
      }
      const ready = readyAddresses(dnsSlices);
      return failedIf(ready.length === 0 ? ['Service pharos-system/pharos-dns has no ready endpoint'] : [], {
        is: 'ok',
        note: `${ready.length} ready`,
      });
    },
  }),
  check({
    id: 'dns.stub',
    proves: "the cluster's DNS knows the zone",
    how: 'The Corefile of CoreDNS, and what it imports, is searched for a block that serves the zone.',
    mend: 'Run `pharos join --configure-cluster-dns`, or add the block by hand.',
    docs: `${HOW_TO}#by-hand`,
    needs: ['corefiles'],
    decide: ({ corefiles: { clusterDns } }, { zone }) => {
      if (clusterDns.length === 0) {
        return skipped(
          'cluster DNS is no CoreDNS with a Corefile in ConfigMap kube-system/coredns: see dns.cluster',
        );
      }
      return failedIf(
        serverIn(clusterDns, zone) === undefined
          ? [`no block of ${placesOf(clusterDns)} serves ${zone}`]
          : [],
      );
    },
  }),
  check({
    id: 'dns.forward',
    proves: "the cluster's DNS sends the zone to where `pharos dns` is now",
    how: "The addresses in the zone's block of the Corefile are compared with those of Service pharos-dns and its endpoints.",
    mend: 'The Service was made anew since: run `pharos join --configure-cluster-dns` again, or put its present address into the block.',
    docs: `${HOW_TO}#by-hand`,
    needs: ['corefiles', 'dnsService', 'dnsSlices'],
    decide: ({ corefiles, dnsService, dnsSlices }, { zone }) => {
      const found = serverIn(corefiles.clusterDns, zone);
      if (found === undefined) return skipped('the zone is in no Corefile');
      return forwardVerdict(found.where, found.server, [dnsService], dnsSlices);
    },
  }),
  check({
    id: 'dns.node-local',
    proves: 'NodeLocal DNSCache sends the zone to Pharos as well',
    how: 'The Corefile in ConfigMap kube-system/node-local-dns is searched for the zone.',
    mend: 'Run `pharos join --configure-cluster-dns` again, or add the block by hand: without it the zone goes to the upstream servers, which do not know it.',
    docs: 'docs/how-to/choose-the-way-through-cluster-dns.md#nodelocal-dnscache',
    needs: ['corefiles', 'dnsService', 'dnsSlices'],
    decide: ({ corefiles: { nodeLocal }, dnsService, dnsSlices }, { zone }) => {
      if (nodeLocal.length === 0) return skipped('there is no NodeLocal DNSCache');
      const found = serverIn(nodeLocal, zone);
      return found === undefined
        ? { is: 'failed', reasons: [`no block of ${placesOf(nodeLocal)} serves ${zone}`] }
        : forwardVerdict(found.where, found.server, [dnsService], dnsSlices);
    },
  }),
  check({
    id: 'dns.reverse',
    proves: "the cluster's DNS sends reverse names of all other clusters' pods to Pharos",
    how: 'For the pod networks of the other clusters, as the gateways brought them here, blocks of their reverse zones are searched for in the Corefile of CoreDNS, and what it imports.',
    mend: 'A cluster joined since: run `pharos join --configure-cluster-dns` here again, or add the zones by hand.',
    docs: `${HOW_TO}#reverse-names`,
    needs: ['corefiles', 'peerClusters'],
    decide: ({ corefiles: { clusterDns }, peerClusters }) => {
      const peers = peerClusters.map(({ spec }) => ({
        cluster: spec.clusterId,
        zones: reverseZones({ own: [], clusterset: [], remote: spec.podCIDRs.flatMap(cidrOrNone) }),
      }));
      const all = peers.flatMap(({ zones }) => zones);
      if (all.length === 0)
        return skipped('no gateway has brought the pods’ network of another cluster here');
      if (clusterDns.length === 0)
        return skipped('cluster DNS is no CoreDNS with a Corefile that can be read');
      const isSent = (zone: string): boolean => clusterDns.some(({ text }) => hasBlockFor(text, zone));
      const reasons = peers.flatMap(({ cluster, zones }) => {
        const missing = zones.filter((zone) => !isSent(zone));
        return missing.length === 0
          ? []
          : [`reverse names of pods of "${cluster}" are not sent to Pharos: ${missing.join(', ')}`];
      });
      // None at all may be meant so: join --no-reverse-zones.
      return all.some(isSent)
        ? failedIf(reasons)
        : { is: 'ok', note: `${reasons.join('; ')}; "pharos join --configure-cluster-dns" adds them` };
    },
  }),
  check({
    id: 'dns.answers',
    proves: '`pharos dns` answers for the zone',
    how: 'The name dns-version of the zone is asked for, straight at the Service pharos-dns.',
    mend: 'SERVFAIL: it has not read the zone yet, its log says why. Silence: look for a NetworkPolicy or a firewall between. REFUSED: it serves another zone (`--zone`).',
    docs: `${HOW_TO}#see-whether-it-works`,
    needs: ['straightAnswer'],
    decide: ({ straightAnswer }) => answerVerdict(straightAnswer),
  }),
  check({
    id: 'dns.cluster',
    proves: 'pods resolve names of the zone through cluster DNS',
    how: 'The name dns-version of the zone is asked for at cluster DNS.',
    mend: 'If dns.answers is ok, the fault is between: dns.stub, dns.forward and dns.node-local; CoreDNS takes up to two minutes to read its Corefile again.',
    docs: `${HOW_TO}#see-whether-it-works`,
    needs: ['clusterDnsAnswer'],
    decide: ({ clusterDnsAnswer }) => answerVerdict(clusterDnsAnswer),
  }),
];

const readyAddresses = (slices: readonly EndpointSlice[]): string[] =>
  slices.flatMap(({ endpoints }) =>
    endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses: [address] }) => (address === undefined ? [] : [address])),
  );

interface Served {
  readonly where: string;
  readonly server: ZoneServer;
}

const placesOf = (corefiles: readonly Corefile[]): string => corefiles.map(({ where }) => where).join(' or ');

/** Who serves the zone, in the first of the files that has it. */
function serverIn(corefiles: readonly Corefile[], zone: string): Served | undefined {
  for (const { where, text } of corefiles) {
    const server = zoneServerOf(text, zone);
    if (server !== undefined) return { where, server };
  }
  return undefined;
}

/** Whether what a block does with the zone leads to Pharos. */
function forwardVerdict(
  where: string,
  server: ZoneServer,
  services: readonly (Service | undefined)[],
  slices: readonly EndpointSlice[],
): Verdict {
  switch (server.by) {
    case 'pharos':
      return { is: 'ok', note: `${where} hands the zone to the plugin pharos` };
    case 'multicluster':
      return { is: 'ok', note: `${where} lets CoreDNS itself answer for the zone` };
    case 'other':
      return { is: 'failed', reasons: [`the zone's block in ${where} forwards it to nobody`] };
    case 'forward': {
      const addresses = services.flatMap((service) => service?.spec.clusterIPs ?? []);
      if (addresses.length === 0) return skipped('there is no Service pharos-dns to compare with');
      const known = new Set([...addresses, ...readyAddresses(slices)]);
      const stale = server.to.filter((target) => !known.has(hostOf(target)));
      return failedIf(
        stale.map(
          (target) =>
            `${where} forwards the zone to ${target}, Service pharos-dns is ${addresses.join(', ')}`,
        ),
      );
    }
    default:
      return server satisfies never;
  }
}

/** The address of `10.0.0.1`, `10.0.0.1:5353`, `dns://10.0.0.1:53`, `[fd00::1]:53`, `fd00::1`. */
function hostOf(target: string): string {
  const text = target.replace(/^[a-z]+:\/\//, '');
  const [, bracketed] = /^\[([^\]]+)\]/.exec(text) ?? [];
  if (bracketed !== undefined) return bracketed;
  return text.split(':').length === 2 ? (text.split(':')[0] ?? '') : text;
}

/** The name exists in every clusterset, with the text `1.0.0`. */
function answerVerdict({ server, outcome }: DnsAnswer): Verdict {
  const failed = (reason: string): Verdict => ({ is: 'failed', reasons: [`${server} ${reason}`] });
  switch (outcome.is) {
    case 'answered':
      return { is: 'ok' };
    case 'servfail':
      return failed('answers SERVFAIL: it has no data yet, or whom it asks has none');
    case 'nxdomain':
      return failed('says that the zone does not exist (NXDOMAIN): it does not send it to Pharos');
    case 'nodata':
      return failed('has no data at dns-version of the zone: that is not Pharos');
    case 'refused':
      return failed('refuses to answer for the zone');
    case 'silent':
      return failed(`does not answer: ${outcome.message}`);
    default:
      return outcome satisfies never;
  }
}
