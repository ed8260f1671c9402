/** What a member's cluster DNS reads as its configuration. */
import { Kinds } from '../api/kinds.ts';
import type { ObjectStore } from '../store/store.ts';
import { importsServers } from './corefile.ts';

/** The text of a Corefile and where it stands. */
export interface Corefile {
  /** `ConfigMap kube-system/coredns` */
  readonly where: string;
  readonly text: string;
}

/** Each is empty where there is no such server, or it reads no such ConfigMap. */
export interface Corefiles {
  /** What CoreDNS reads, its main file first. */
  readonly clusterDns: readonly Corefile[];
  /** NodeLocal DNSCache, which pods ask before CoreDNS. */
  readonly nodeLocal: readonly Corefile[];
}

const SYSTEM = 'kube-system';
export const COREFILE = 'Corefile';
export const COREDNS = { name: 'coredns', namespace: SYSTEM } as const;
/** Read by the Corefile of k3s and AKS, as `*.server`. */
export const CUSTOM = { name: 'coredns-custom', namespace: SYSTEM } as const;
export const NODE_LOCAL = { name: 'node-local-dns', namespace: SYSTEM } as const;

export async function readCorefiles(member: ObjectStore): Promise<Corefiles> {
  const [main, custom, local] = await Promise.all(
    [COREDNS, CUSTOM, NODE_LOCAL].map(async (ref) =>
      Object.entries((await member.get(Kinds.ConfigMap, ref))?.data ?? {}).map(([key, text]) => ({
        key,
        where: `ConfigMap ${SYSTEM}/${ref.name}${key === COREFILE ? '' : `, ${key}`}`,
        text,
      })),
    ),
  );
  const own = (main ?? []).filter(({ key }) => key === COREFILE);
  const imported = (custom ?? []).filter(({ key }) => key.endsWith('.server'));
  return {
    clusterDns: own.some(({ text }) => importsServers(text)) ? [...own, ...imported] : own,
    nodeLocal: (local ?? []).filter(({ key }) => key === COREFILE),
  };
}
