/** OpenShift's DNS operator writes the Corefile from `spec.servers` of the object DNS "default". Pure. */
import type { Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Stub } from './corefile.ts';

export interface DnsServer {
  readonly name: string;
  readonly zones: readonly string[];
  readonly forwardPlugin: { readonly upstreams: readonly string[] };
}

/** operator.openshift.io: how cluster DNS is to be. */
export interface OpenShiftDns extends KubeObject {
  kind: 'DNS';
  spec?: { servers?: DnsServer[] };
}

export const OPENSHIFT_DNS: Kind<OpenShiftDns> = {
  apiVersion: 'operator.openshift.io/v1',
  kind: 'DNS',
  plural: 'dnses',
  namespaced: false,
};

const NAME = 'pharos';

/** The servers with Pharos's last, and no other of Pharos's. The operator wants zones without a dot at the end. */
export const withServer = (
  servers: readonly DnsServer[],
  { zones, servers: upstreams }: Stub,
): DnsServer[] => [
  ...withoutServer(servers),
  {
    name: NAME,
    zones: zones.map((zone) => zone.replace(/\.$/, '')),
    forwardPlugin: { upstreams: [...upstreams] },
  },
];

export const withoutServer = (servers: readonly DnsServer[]): DnsServer[] =>
  servers.filter(({ name }) => name !== NAME);

/** Zones that another server has: the operator's Corefile would have them twice. */
export function zonesOfOtherServers(servers: readonly DnsServer[], zones: readonly string[]): string[] {
  const taken = new Set(withoutServer(servers).flatMap((server) => server.zones));
  return zones.filter((zone) => taken.has(zone.replace(/\.$/, '')));
}
