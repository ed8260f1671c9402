/** What the node itself tells, read and never changed. */
import { parseCidr } from '../../api/cidr.ts';
import type { IpFamily } from '../../api/objects.ts';
import { readLinks, readRoutes, readRules } from '../../host/ip-state.ts';
import { DEVICE_PREFIX, GATEWAY_TABLE, INTRA_DEVICE } from '../../host/marks.ts';
import { hasOurNftTable } from '../../host/nft.ts';
import { checkTool } from '../../host/requirements.ts';
import { CommandError, type Run } from '../../host/run.ts';
import type { Sysctls } from '../../host/sysctl.ts';
import { type Gatherers, NotHere, NotKnown } from '../fact-source.ts';
import type { HostState, Ways } from '../facts.ts';

type HostFact = 'hostTools' | 'hostStrongswan' | 'hostState';

const MAIN_TABLE = 254;
const EVERYWHERE = [parseCidr('0.0.0.0/0'), parseCidr('::/0')];

/** How the node that this runs on is read. */
export interface Host {
  readonly run: Run;
  readonly sysctls: Sysctls;
}

export function hostGatherers(host: Host | undefined): Pick<Gatherers, HostFact> {
  const need = (): Host => {
    if (host !== undefined) return host;
    throw new NotHere('it is about a node: look at all of them by short-lived pods, with --pod');
  };
  return {
    hostTools: async () => {
      const { run } = need();
      return Promise.all(
        (['nftables', 'iproute2', 'conntrack'] as const).map((tool) => checkTool(run, tool)),
      );
    },
    hostStrongswan: async () => checkTool(need().run, 'strongswan'),
    hostState: async () => {
      const { run, sysctls } = need();
      try {
        return await readState(run, sysctls);
      } catch (error) {
        if (error instanceof CommandError) throw new NotKnown(error.message, { cause: error });
        throw error;
      }
    },
  };
}

async function readState(run: Run, sysctls: Sysctls): Promise<HostState> {
  const [links, v4, v6, main, hasTable, forwardDrops] = await Promise.all([
    readLinks(run),
    readWays(run, 'IPv4'),
    readWays(run, 'IPv6'),
    readRoutes(run, 'IPv4', MAIN_TABLE),
    hasOurNftTable(run, 'inet'),
    readForwardDrops(run),
  ]);
  const uplink = main.find(({ destination }) => EVERYWHERE.includes(destination))?.device;
  const devices = [INTRA_DEVICE, ...(uplink === undefined ? [] : [uplink])];
  const all = Number((await sysctls.read('net/ipv4/conf/all/rp_filter')) ?? 0);
  const rpFilter = await Promise.all(
    devices.map(async (device) => {
      const own = await sysctls.read(`net/ipv4/conf/${device}/rp_filter`);
      return own === undefined ? [] : [{ device, value: Math.max(all, Number(own)) }];
    }),
  );
  const forwarding = await Promise.all(
    links
      .filter(({ name }) => name.startsWith(DEVICE_PREFIX))
      .map(async ({ name: device }) => {
        const value = await sysctls.read(`net/ipv4/conf/${device}/forwarding`);
        return value === undefined ? [] : [{ device, isOn: value !== '0' }];
      }),
  );
  return {
    links,
    ways: { IPv4: v4, IPv6: v6 },
    forwarding: forwarding.flat(),
    forwardsIpv6: (await sysctls.read('net/ipv6/conf/all/forwarding')) !== '0',
    uplink,
    hasTable,
    rpFilter: rpFilter.flat(),
    forwardDrops,
  };
}

async function readWays(run: Run, family: IpFamily): Promise<Ways> {
  const [rules, routes] = await Promise.all([readRules(run, family), readRoutes(run, family, GATEWAY_TABLE)]);
  return { hasRule: rules.some(({ table }) => table === GATEWAY_TABLE), routes: routes.length };
}

/** Chains that drop what is forwarded, unless a rule of theirs is about Pharos's devices: `ip filter FORWARD`. */
async function readForwardDrops(run: Run): Promise<string[]> {
  const chains = await run('nft', ['-t', 'list', 'chains']);
  const drops: string[] = [];
  let table: readonly string[] = [];
  let chain = '';
  for (const line of chains.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words[0] === 'table') table = words.slice(1, 3);
    else if (words[0] === 'chain') chain = words[1] ?? '';
    else if (/hook forward\b.*policy drop/.test(line)) {
      const rules = await run('nft', ['list', 'chain', ...table, chain]);
      if (!/"ph-|\bph_/.test(rules)) drops.push([...table, chain].join(' '));
    }
  }
  return drops;
}
