/** How cluster DNS is configured, and what the servers answer. */
import { Resolver } from 'node:dns/promises';
import { Kinds } from '../../api/kinds.ts';
import { formatListenAddress } from '../../config/listen-address.ts';
import { readCorefiles } from '../../membership/read-corefiles.ts';
import type { ObjectStore } from '../../store/store.ts';
import { type Gatherers, type Get, NotHere, NotKnown } from '../fact-source.ts';
import type { DnsAnswer, DnsOutcome } from '../facts.ts';

type DnsFact = 'corefiles' | 'straightAnswer' | 'clusterDnsAnswer';

/** Asks a server at `address:port` for the texts of a name. */
export type Ask = (server: string, name: string) => Promise<DnsOutcome>;

/** How servers can be asked. */
export interface Asking {
  /** Undefined where no question can be asked, for the reason that `cannotAsk` gives. */
  readonly ask: Ask | undefined;
  readonly cannotAsk: string;
  /** `ADDRESS:PORT`, where it is not what the Service says. */
  readonly dnsServer: string | undefined;
  readonly clusterDns: string | undefined;
}

interface AnswerGathererOptions {
  readonly zone: string;
  readonly asking: Asking;
}

interface DnsGathererOptions extends AnswerGathererOptions {
  readonly member: ObjectStore;
}

const SYSTEM = 'kube-system';

export const dnsGatherers = (options: DnsGathererOptions): Pick<Gatherers, DnsFact> => ({
  corefiles: () => readCorefiles(options.member),
  ...answerGatherers(options, { pharosAddress, clusterDnsAddress: () => clusterDnsAddress(options.member) }),
});

/** @param found where the servers are, unless that is told */
export const answerGatherers = (
  options: AnswerGathererOptions,
  found: {
    readonly pharosAddress: (get: Get) => Promise<string>;
    readonly clusterDnsAddress: () => Promise<string>;
  },
): Pick<Gatherers, 'straightAnswer' | 'clusterDnsAnswer'> => ({
  straightAnswer: async (get) => {
    const server = options.asking.dnsServer ?? (await found.pharosAddress(get));
    return answer(options, server, `pharos dns at ${server}`);
  },
  clusterDnsAnswer: async () => {
    const server = options.asking.clusterDns ?? (await found.clusterDnsAddress());
    return answer(options, server, `cluster DNS at ${server}`);
  },
});

async function answer(
  { asking: { ask, cannotAsk }, zone }: AnswerGathererOptions,
  address: string,
  server: string,
): Promise<DnsAnswer> {
  if (ask === undefined) throw new NotKnown(cannotAsk);
  return { server, outcome: await ask(address, `dns-version.${zone}`) };
}

async function pharosAddress(get: Get): Promise<string> {
  const [address] = (await get('dnsService'))?.spec.clusterIPs ?? [];
  if (address === undefined) throw new NotHere('there is no Service pharos-dns to ask: see dns.endpoints');
  return formatListenAddress({ address, port: 53 });
}

async function clusterDnsAddress(member: ObjectStore): Promise<string> {
  const services = await member.list(Kinds.Service, { namespace: SYSTEM, labels: { 'k8s-app': 'kube-dns' } });
  const [address] = services.flatMap(({ spec }) => spec.clusterIPs ?? []).filter((ip) => ip !== 'None');
  if (address === undefined) {
    throw new NotKnown(
      `no Service with label k8s-app=kube-dns in ${SYSTEM}: name cluster DNS by --cluster-dns`,
    );
  }
  return formatListenAddress({ address, port: 53 });
}

/** As the resolver of this machine asks, over UDP and, where an answer is cut, TCP. */
export const askFromHere: Ask = async (server, name) => {
  const resolver = new Resolver({ timeout: 1500, tries: 2 });
  resolver.setServers([server]);
  try {
    return { is: 'answered', texts: (await resolver.resolveTxt(name)).map((parts) => parts.join('')) };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const outcome = OUTCOMES.get(code);
    return outcome === undefined
      ? { is: 'silent', message: code === 'ETIMEOUT' ? 'no answer' : message }
      : { is: outcome };
  }
};

/** What c-ares makes of a response code → outcome. */
const OUTCOMES: ReadonlyMap<string, 'nxdomain' | 'nodata' | 'servfail' | 'refused'> = new Map([
  ['ENOTFOUND', 'nxdomain'],
  ['ENODATA', 'nodata'],
  ['ESERVFAIL', 'servfail'],
  ['EREFUSED', 'refused'],
]);
