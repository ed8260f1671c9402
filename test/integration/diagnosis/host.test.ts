/** The checks of group host, each broken in a network namespace that is as a route agent leaves it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { hostChecks } from '../../../src/diagnosis/checks/host.ts';
import { FactSource, type Gatherers } from '../../../src/diagnosis/fact-source.ts';
import { hostGatherers } from '../../../src/diagnosis/gather/host.ts';
import { type Finding, runChecks } from '../../../src/diagnosis/run-checks.ts';
import { parseAlias, parseDevice, parseMac } from '../../../src/host/device.ts';
import { applyIpSteps } from '../../../src/host/ip-steps.ts';
import { GATEWAY_TABLE, INTRA_DEVICE, INTRA_PORT, INTRA_VNI } from '../../../src/host/marks.ts';
import { CommandError, type Run } from '../../../src/host/run.ts';
import { sysctlsBy } from '../../../src/host/sysctl.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { requirePackages } from '../../lab/packages.ts';
import { Namespaces, noNamespaces, runIn } from '../../support/namespaces.ts';

const skip = noNamespaces() ?? (await requirePackages(['iproute2', 'nftables', 'conntrack'])) ?? false;

const device = parseDevice(INTRA_DEVICE);
const FORWARD_DROP =
  'table ip firewall { chain forward { type filter hook forward priority 0; policy drop; }; }';

const BREAKS: readonly {
  readonly check: string;
  readonly by: readonly (readonly string[])[];
  readonly mend: readonly (readonly string[])[];
  readonly says: RegExp;
}[] = [
  {
    check: 'host.devices',
    by: [['ip', 'link', 'set', INTRA_DEVICE, 'down']],
    mend: [
      ['ip', 'link', 'set', INTRA_DEVICE, 'up'],
      // The kernel drops the routes of a device that goes down.
      [
        'ip',
        'route',
        'replace',
        '10.2.0.0/16',
        'dev',
        INTRA_DEVICE,
        'table',
        String(GATEWAY_TABLE),
        'proto',
        '77',
      ],
      [
        'ip',
        '-6',
        'route',
        'replace',
        'fd00:2::/48',
        'dev',
        INTRA_DEVICE,
        'table',
        String(GATEWAY_TABLE),
        'proto',
        '77',
      ],
    ],
    says: /device ph-vx is down/,
  },
  {
    check: 'host.mtu',
    by: [['ip', 'link', 'set', 'up0', 'mtu', '1400']],
    mend: [['ip', 'link', 'set', 'up0', 'mtu', '1500']],
    says: /ph-vx has MTU 1450, up0 below it 1400: at most 1350 fit/,
  },
  {
    check: 'host.routes',
    by: [['ip', 'rule', 'del', 'priority', String(GATEWAY_TABLE)]],
    mend: [
      [
        'ip',
        'rule',
        'add',
        'priority',
        String(GATEWAY_TABLE),
        'lookup',
        String(GATEWAY_TABLE),
        'protocol',
        '77',
      ],
    ],
    says: /no rule looks up table 1491/,
  },
  {
    check: 'host.routes',
    by: [['ip', '-6', 'rule', 'del', 'priority', String(GATEWAY_TABLE)]],
    mend: [
      [
        'ip',
        '-6',
        'rule',
        'add',
        'priority',
        String(GATEWAY_TABLE),
        'lookup',
        String(GATEWAY_TABLE),
        'protocol',
        '77',
      ],
    ],
    says: /no rule looks up table 1491 for IPv6/,
  },
  {
    check: 'host.forwarding',
    by: [['sh', '-c', `echo 0 > /proc/sys/net/ipv4/conf/${INTRA_DEVICE}/forwarding`]],
    mend: [['sh', '-c', `echo 1 > /proc/sys/net/ipv4/conf/${INTRA_DEVICE}/forwarding`]],
    says: /net\.ipv4\.conf\.ph-vx\.forwarding is 0, must be 1/,
  },
  {
    check: 'host.forwarding',
    by: [['sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/all/forwarding']],
    mend: [['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding']],
    says: /net\.ipv6\.conf\.all\.forwarding is 0, must be 1/,
  },
  {
    check: 'host.filter',
    by: [['nft', 'delete', 'table', 'inet', 'pharos']],
    mend: [['nft', 'add table inet pharos { comment "owner=pharos"; }']],
    says: /no table inet pharos/,
  },
  {
    check: 'host.rp-filter',
    by: [['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/up0/rp_filter']],
    mend: [['sh', '-c', 'echo 2 > /proc/sys/net/ipv4/conf/up0/rp_filter']],
    says: /strict \(1\) on up0/,
  },
  {
    check: 'host.forward',
    by: [['nft', FORWARD_DROP]],
    mend: [['nft', 'add rule ip firewall forward iifname "ph-*" accept']],
    says: /chain ip firewall forward drops/,
  },
];

describe('checks of a node', { skip }, () => {
  const diagnose = (run: Run): Promise<readonly Finding[]> => {
    const gatherers = hostGatherers({ run, sysctls: sysctlsBy(run) }) as Gatherers;
    const source = new FactSource(gatherers, { clock: systemClock, limitMs: 60_000 });
    return runChecks(hostChecks, source, { now: 0, version: '0.1.0', zone: 'clusterset.local' });
  };
  const failed = async (run: Run): Promise<string[]> =>
    (await diagnose(run)).flatMap(({ check, verdict }) =>
      verdict.is === 'failed' ? [`${check.id}: ${verdict.reasons.join('; ')}`] : [],
    );

  test('each fails when that is broken, and no other; where no route agent ran all is skipped', async () => {
    await using namespaces = new Namespaces();
    const run = runIn(await namespaces.create('node'));
    for (const args of [
      ['link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1'],
      ['address', 'add', '192.168.1.1/24', 'dev', 'up0'],
      ['link', 'set', 'up1', 'up'],
      ['link', 'set', 'up0', 'up'],
      ['route', 'add', 'default', 'via', '192.168.1.254', 'dev', 'up0'],
    ]) {
      await run('ip', args);
    }
    const untouched = (await diagnose(run)).map(({ verdict }) => verdict.is);
    assert.deepEqual(untouched, ['ok', ...hostChecks.slice(1).map(() => 'skipped')]);

    await applyIpSteps(run, [
      {
        op: 'add-link',
        device,
        alias: parseAlias('pharos:test'),
        mtu: 1450,
        mac: parseMac('02:50:c0:a8:01:02'),
        settings: { kind: 'vxlan', vni: INTRA_VNI, port: INTRA_PORT, local: parseIp('192.168.1.1') },
      },
      { op: 'up', device },
      { op: 'replace-route', destination: parseCidr('10.2.0.0/16'), table: GATEWAY_TABLE, to: { device } },
      { op: 'add-rule', family: 'IPv4', priority: GATEWAY_TABLE, table: GATEWAY_TABLE },
      {
        op: 'replace-route',
        destination: parseCidr('fd00:2::/48'),
        table: GATEWAY_TABLE,
        to: { device },
      },
      { op: 'add-rule', family: 'IPv6', priority: GATEWAY_TABLE, table: GATEWAY_TABLE },
    ]);
    // As Kubernetes wants it on every node.
    await run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding']);
    await run('nft', ['add table inet pharos { comment "owner=pharos"; }']);
    for (const name of ['up0', INTRA_DEVICE]) {
      await run('sh', ['-c', `echo 2 > /proc/sys/net/ipv4/conf/${name}/rp_filter`]);
    }
    assert.deepEqual(await failed(run), []);

    const act = async (steps: readonly (readonly string[])[]): Promise<void> => {
      for (const [program = '', ...args] of steps) await run(program, args);
    };
    for (const { check, by, mend, says } of BREAKS) {
      await act(by);
      const found = await failed(run);
      assert.deepEqual(
        found.map((text) => text.split(':')[0]),
        check === 'host.devices' ? [check, 'host.routes'] : [check],
        found.join('\n'),
      );
      assert.match(found[0] ?? '', says);
      await act(mend);
      assert.deepEqual(await failed(run), [], `${check} mended`);
    }
    const broken = [...BREAKS.map(({ check }) => check), 'host.tools', 'host.strongswan'];
    assert.deepEqual(
      hostChecks.map(({ id }) => id).filter((id) => !broken.includes(id)),
      [],
    );
  });

  test('strongSwan is asked for where IPsec carries tunnels, and nowhere else', async () => {
    await using namespaces = new Namespaces();
    const real = runIn(await namespaces.create('gateway'));
    let said: string | undefined;
    const run: Run = (file, args, options) => {
      if (file !== 'swanctl') return real(file, args, options);
      return said === undefined
        ? Promise.reject(new CommandError('command-missing', 'the program is not installed'))
        : Promise.resolve(said);
    };
    const verdict = async () =>
      JSON.stringify((await diagnose(run)).find(({ check }) => check.id === 'host.strongswan')?.verdict);
    const tunnel = (op: 'add' | 'del'): Promise<string> =>
      real('ip', [
        'link',
        op,
        'ph-t0123456789',
        ...(op === 'add' ? ['type', 'vxlan', 'id', '7', 'dstport', '4801', 'local', '242.0.0.1'] : []),
      ]);
    assert.match(await verdict(), /skipped.*no tunnel by IPsec/);
    await tunnel('add');
    assert.match(await verdict(), /failed.*strongSwan is not installed/);
    said = 'strongSwan 5.8.2 swanctl';
    assert.match(await verdict(), /failed.*strongSwan is 5\.8\.2; Pharos needs 5\.9/);
    said = 'strongSwan 6.0.1 swanctl';
    assert.match(await verdict(), /ok.*6\.0\.1/);
    await real('ip', ['link', 'add', 'ph-wg', 'type', 'veth', 'peer', 'name', 'other']);
    assert.match(await verdict(), /skipped.*no tunnel by IPsec/, 'WireGuard carries them');
  });

  test('a program that is missing is told by host.tools, and leaves the others unknown', async () => {
    const none: Run = (file) =>
      Promise.reject(
        new CommandError('command-missing', `Cannot run "${file}": the program is not installed`),
      );
    const findings = await diagnose(none);
    assert.deepEqual(
      findings.map(({ verdict }) => verdict.is),
      hostChecks.map(({ id }) => (id === 'host.tools' ? 'failed' : 'unknown')),
    );
  });
});
