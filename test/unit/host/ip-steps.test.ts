import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { parseAlias, parseDevice, parseMac } from '../../../src/host/device.ts';
import { type IpStep, batches, ipStepText } from '../../../src/host/ip-steps.ts';
import { elements, named, nft, quoted, quotedText } from '../../../src/host/nft.ts';

const device = parseDevice('ph-vx');
const mac = parseMac('02:50:c0:a8:01:02');
const cases: readonly [IpStep, string][] = [
  [
    {
      op: 'add-link',
      device,
      alias: parseAlias('pharos:intra'),
      mtu: 1450,
      mac,
      settings: {
        kind: 'vxlan',
        vni: 100,
        port: 4800,
        local: parseIp('192.168.1.1'),
        remote: parseIp('192.168.1.2'),
        device: parseDevice('eth0'),
      },
    },
    'link add ph-vx address 02:50:c0:a8:01:02 mtu 1450 type vxlan id 100 dstport 4800 local 192.168.1.1 remote 192.168.1.2 dev eth0 nolearning',
  ],
  [
    { op: 'replace-nexthop', id: 1000, device, via: parseIp('fd00::1') },
    'nexthop replace id 1000 via fd00::1 dev ph-vx onlink protocol 77',
  ],
  [
    { op: 'replace-route', destination: parseCidr('10.2.0.0/16'), table: 1491, to: { nexthop: 1000 } },
    'route replace 10.2.0.0/16 nhid 1000 table 1491 protocol 77',
  ],
  [
    { op: 'add-rule', family: 'IPv6', priority: 1491, table: 1491 },
    'rule add priority 1491 lookup 1491 protocol 77',
  ],
  [
    { op: 'append-forwarding', device, mac, remote: parseIp('192.168.1.2') },
    'fdb append 02:50:c0:a8:01:02 dev ph-vx dst 192.168.1.2 self permanent',
  ],
];

describe('steps in the words of ip and bridge', () => {
  for (const [step, text] of cases) it(`${step.op}: ${text}`, () => assert.equal(ipStepText(step), text));

  it('go in one batch for each program and family, in order; a new link gets its mark at once', () => {
    const steps = cases.map(([step]) => step);
    assert.deepEqual(
      batches(steps).map(({ program, family, lines }) => [program, family, lines.length]),
      [
        ['ip', 'IPv6', 3],
        ['ip', 'IPv4', 1],
        ['ip', 'IPv6', 1],
        ['bridge', undefined, 1],
      ],
    );
    assert.equal(batches(steps)[0]?.lines[1], 'link set ph-vx alias pharos:intra');
  });
});

describe('what strangers write', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a;b', 'a b', 'a\nb', '$(id)', '"', "'", '-h', 'x}', '10.0.0.1;drop', 'ph\0', '{', '#'),
  );

  it('becomes a device, an address, a network, an alias only where it cannot mean anything else to ip or nft', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const parse of [parseDevice, parseMac, parseAlias, parseIp, parseCidr]) {
          let value: string;
          try {
            value = parse(text);
          } catch {
            continue;
          }
          assert.match(value, /^[A-Za-z0-9:_][A-Za-z0-9:._/-]*$|^[A-Za-z0-9:._-]+$/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never gets into a ruleset, not even by a type assertion', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const attempts = [() => nft`add ${text as never}`, () => named(text), () => quotedText(text)];
        for (const attempt of attempts) {
          let made: string;
          try {
            made = attempt().text;
          } catch {
            continue;
          }
          assert.match(made, /^add [0-9a-f.:/]+$|^ph_[a-z0-9_]+$|^"[A-Za-z0-9 =:._-]*"$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

it('a ruleset is put together from its pieces', () => {
  const networks = ['10.1.0.0/16', 'fd10::/32'].map((text) => nft`${parseCidr(text)}`);
  assert.equal(
    nft`set ${named('ph_local')} { elements = { ${elements(networks)} } } # ${[quoted(device), quotedText('owner=pharos x')]}`
      .text,
    'set ph_local { elements = { 10.1.0.0/16, fd10::/32 } } # "ph-vx"\n"owner=pharos x"',
  );
});
