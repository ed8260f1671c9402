import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { hasOurName, parseAlias, parseDevice, parseMac } from '../../../src/host/device.ts';
import {
  readAddresses,
  readForwardings,
  readLinks,
  readNeighbours,
  readNexthops,
  readRoutes,
  readRules,
} from '../../../src/host/ip-state.ts';
import { type IpStep, applyIpSteps } from '../../../src/host/ip-steps.ts';
import {
  ALIAS_PREFIX,
  GATEWAY_NEXTHOPS,
  GATEWAY_TABLE,
  INTRA_DEVICE,
  INTRA_PORT,
  INTRA_VNI,
  NFT_COMMENT,
  NFT_TABLE,
  ROUTE_PROTOCOL,
  TUNNEL_NEXTHOPS,
  TUNNEL_TABLE,
} from '../../../src/host/marks.ts';
import { applyNft, named, nft, quotedText, readNftTable } from '../../../src/host/nft.ts';
import { kernelHas, requireTools } from '../../../src/host/requirements.ts';
import { sysctlsBy, systemSysctls } from '../../../src/host/sysctl.ts';
import { type ChangeSource, watchChanges } from '../../../src/host/watch-changes.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { requirePackages } from '../../lab/packages.ts';
import { until } from '../../lab/wait.ts';
import { Namespaces, noNamespaces, runIn } from '../../support/namespaces.ts';

const skip =
  noNamespaces() ??
  (await requirePackages(['iproute2', 'nftables', 'conntrack', 'strongswan-swanctl'])) ??
  false;

const device = parseDevice(INTRA_DEVICE);
const mac = parseMac('02:50:c0:a8:01:02');
const [peer, inner, own] = [parseIp('192.168.1.2'), parseIp('240.1.1.2'), parseIp('240.1.1.1')];
const steps: readonly IpStep[] = [
  {
    op: 'add-link',
    device,
    alias: parseAlias(`${ALIAS_PREFIX}test`),
    mtu: 1400,
    mac,
    settings: { kind: 'vxlan', vni: INTRA_VNI, port: INTRA_PORT, local: parseIp('192.168.1.1') },
  },
  { op: 'up', device },
  { op: 'set-link', device, mtu: 1410 },
  { op: 'replace-address', device, ip: own },
  { op: 'replace-address', device, ip: parseIp('fd50::1') },
  { op: 'replace-neighbour', device, ip: inner, mac },
  { op: 'append-forwarding', device, mac, remote: peer },
  { op: 'replace-nexthop', id: GATEWAY_NEXTHOPS.first, device, via: inner },
  { op: 'replace-nexthop', id: GATEWAY_NEXTHOPS.first + 1, device, via: parseIp('fd50::2') },
  {
    op: 'replace-route',
    destination: parseCidr('10.2.0.0/16'),
    table: GATEWAY_TABLE,
    to: { nexthop: GATEWAY_NEXTHOPS.first },
  },
  {
    op: 'replace-route',
    destination: parseCidr('fd10:2::/48'),
    table: GATEWAY_TABLE,
    to: { nexthop: GATEWAY_NEXTHOPS.first + 1 },
  },
  { op: 'replace-route', destination: parseCidr('240.0.0.0/8'), table: GATEWAY_TABLE, to: { device } },
  { op: 'add-rule', family: 'IPv4', priority: GATEWAY_TABLE, table: GATEWAY_TABLE },
  { op: 'add-rule', family: 'IPv6', priority: GATEWAY_TABLE, table: GATEWAY_TABLE },
];
const back: readonly IpStep[] = [
  { op: 'remove-rule', family: 'IPv4', priority: GATEWAY_TABLE, table: GATEWAY_TABLE },
  { op: 'remove-rule', family: 'IPv6', priority: GATEWAY_TABLE, table: GATEWAY_TABLE },
  { op: 'remove-route', destination: parseCidr('240.0.0.0/8'), table: GATEWAY_TABLE },
  { op: 'remove-route', destination: parseCidr('10.2.0.0/16'), table: GATEWAY_TABLE },
  { op: 'remove-nexthop', id: GATEWAY_NEXTHOPS.first },
  { op: 'remove-nexthop', id: GATEWAY_NEXTHOPS.first + 1 },
  { op: 'remove-forwarding', device, mac, remote: peer },
  { op: 'remove-neighbour', device, ip: inner, mac },
  { op: 'remove-address', device, ip: own },
  { op: 'remove-link', device },
];

describe('the host, in a network namespace', { skip }, () => {
  it('takes steps, and says in its own words that it did', async () => {
    await using namespaces = new Namespaces();
    const netns = await namespaces.create('host');
    const run = runIn(netns);
    const everything = async (): Promise<unknown> => [
      await readLinks(run),
      await readAddresses(run),
      await readRules(run, 'IPv4'),
      await readRules(run, 'IPv6'),
      await readNexthops(run),
      await readRoutes(run, 'IPv4', GATEWAY_TABLE),
      await readRoutes(run, 'IPv6', GATEWAY_TABLE),
    ];
    const before = await everything();
    await applyIpSteps(run, steps);

    const link = (await readLinks(run)).find(({ name }) => hasOurName(name));
    assert.deepEqual(
      { ...link, index: 0 },
      {
        index: 0,
        name: INTRA_DEVICE,
        kind: 'vxlan',
        mtu: 1410,
        up: true,
        mac,
        alias: 'pharos:test',
        vxlan: { vni: INTRA_VNI, local: '192.168.1.1', port: INTRA_PORT, learning: false },
      },
    );
    const addresses = (await readAddresses(run)).filter((a) => a.device === device && a.scope === 'global');
    assert.deepEqual(
      addresses.map(({ ip, prefixLength }) => `${ip}/${prefixLength}`),
      ['240.1.1.1/32', 'fd50::1/128'],
    );
    const neighbours = (await readNeighbours(run, device)).filter(({ permanent }) => permanent);
    assert.deepEqual(neighbours, [{ device, ip: inner, mac, permanent: true }]);
    assert.deepEqual(await readForwardings(run, device), [{ device, mac, remote: peer }]);
    assert.deepEqual(await readNexthops(run), [
      { id: 1000, device, via: inner, protocol: ROUTE_PROTOCOL, onlink: true },
      { id: 1001, device, via: 'fd50::2', protocol: ROUTE_PROTOCOL, onlink: true },
    ]);
    const routes = [
      ...(await readRoutes(run, 'IPv4', GATEWAY_TABLE)),
      ...(await readRoutes(run, 'IPv6', GATEWAY_TABLE)),
    ];
    assert.deepEqual(
      routes.map(({ destination, nexthop, protocol, table }) => ({ destination, nexthop, protocol, table })),
      [
        { destination: '10.2.0.0/16', nexthop: 1000, protocol: 77, table: GATEWAY_TABLE },
        { destination: '240.0.0.0/8', nexthop: undefined, protocol: 77, table: GATEWAY_TABLE },
        { destination: 'fd10:2::/48', nexthop: 1001, protocol: 77, table: GATEWAY_TABLE },
      ],
    );
    for (const family of ['IPv4', 'IPv6'] as const) {
      const rules = (await readRules(run, family)).filter(({ protocol }) => protocol === ROUTE_PROTOCOL);
      assert.deepEqual(rules, [
        {
          family,
          priority: GATEWAY_TABLE,
          table: GATEWAY_TABLE,
          protocol: ROUTE_PROTOCOL,
          unconditional: true,
        },
      ]);
    }

    // What may be taken again is; rules are what the kernel takes twice, so they are left out.
    await applyIpSteps(
      run,
      steps.filter(({ op }) => !['add-link', 'add-rule', 'append-forwarding'].includes(op)),
    );
    await applyIpSteps(run, back);
    assert.deepEqual(await everything(), before);
  });

  it('says what a table, device or family that is not there holds: nothing', async () => {
    await using namespaces = new Namespaces();
    const run = runIn(await namespaces.create('host'));
    assert.deepEqual(await readRoutes(run, 'IPv4', TUNNEL_TABLE), []);
    assert.deepEqual(await readNeighbours(run, 'ph-none'), []);
    assert.deepEqual(await readForwardings(run, 'ph-none'), []);
    assert.deepEqual(await readNftTable(run, 'inet'), undefined);
    assert.ok(TUNNEL_NEXTHOPS.first > GATEWAY_NEXTHOPS.last);
  });

  it('takes a ruleset as a whole or not at all', async () => {
    await using namespaces = new Namespaces();
    const run = runIn(await namespaces.create('host'));
    const chain = named('ph_one');
    const table = nft`table inet pharos { comment ${quotedText(NFT_COMMENT)}; chain ${chain} { }; }`;
    await applyNft(run, table);
    const read = await readNftTable(run, 'inet');
    assert.equal(read?.find((object) => 'table' in object)?.['table']?.['name'], NFT_TABLE);
    assert.equal(
      read?.some((object) => object['chain']?.['name'] === 'ph_one'),
      true,
    );
    await assert.rejects(
      applyNft(run, nft`add chain inet pharos ph_two\nadd rule inet pharos ph_none drop`),
      {
        code: 'command-failed',
      },
    );
    assert.deepEqual(await readNftTable(run, 'inet'), read);
    assert.deepEqual(await readNftTable(run, 'inet', true), read);
  });

  it('has its kernel parameters read and set, in the namespace', async () => {
    await using namespaces = new Namespaces();
    const sysctls = sysctlsBy(runIn(await namespaces.create('host')));
    assert.equal(await sysctls.write('net/ipv4/conf/lo/rp_filter', '2'), true);
    assert.equal(await sysctls.read('net/ipv4/conf/lo/rp_filter'), '2');
    assert.equal(await sysctls.write('net/ipv4/conf/none/rp_filter', '2'), false);
    assert.equal(await sysctls.read('net/ipv4/conf/none/rp_filter'), undefined);
    assert.equal(await systemSysctls().read('net/ipv4/conf/none/rp_filter'), undefined);
    assert.equal(await systemSysctls().write('net/ipv4/conf/none/rp_filter', '2'), false);
    assert.match((await systemSysctls().read('net/ipv4/conf/lo/rp_filter')) ?? '', /^[012]$/);
    await assert.rejects(systemSysctls().read('../../etc/passwd'), /no kernel parameter/);
  });

  it('has the programs that Pharos needs, and VXLAN', async () => {
    await using namespaces = new Namespaces();
    const run = runIn(await namespaces.create('host'));
    const versions = await requireTools(run, ['nftables', 'iproute2', 'conntrack', 'strongswan']);
    assert.match(versions['nftables'] ?? '', /^1\./);
    assert.match(versions['strongswan'] ?? '', /^[56]\./);
    assert.equal(await kernelHas(run, 'vxlan'), true);
    assert.equal(typeof (await kernelHas(run, 'wireguard')), 'boolean');
    assert.deepEqual(
      (await readLinks(run)).filter(({ name }) => hasOurName(name)),
      [],
    );
  });

  it('tells of changes that anybody makes', async () => {
    await using namespaces = new Namespaces();
    const netns = await namespaces.create('host');
    const seen = new Map<ChangeSource, string[]>();
    const abort = new AbortController();
    const watch = {
      onChange: (source: ChangeSource, line: string) => {
        seen.set(source, [...(seen.get(source) ?? []), line]);
      },
      log: silentLog,
      clock: systemClock,
      prefix: netns.enter([]),
    };
    const watching = Promise.all([
      watchChanges('ip', watch, abort.signal),
      watchChanges('nft', watch, abort.signal),
    ]);
    let round = 0;
    await until('notice of a link and of a table', 60_000, async () => {
      // A watch that has just started may not be listening yet, so the changes go on.
      const name = `x${round++}`;
      await netns.ip([`link add ${name} type bridge`]);
      await netns.run(['nft', `add table ip ${name}`]);
      const said = (source: ChangeSource): boolean =>
        seen.get(source)?.some((line) => /x\d/.test(line)) === true;
      return said('ip') && said('nft') ? true : undefined;
    });
    abort.abort();
    await watching;
  });
});
