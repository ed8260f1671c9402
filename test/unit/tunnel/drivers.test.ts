import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseCidr } from '../../../src/api/cidr.ts';
import { SecretText } from '../../../src/api/secret-text.ts';
import { admit, type Self } from '../../../src/tunnel/admit.ts';
import { connectionOf } from '../../../src/tunnel/drivers/ipsec.ts';
import { vxlanDriver } from '../../../src/tunnel/drivers/vxlan.ts';
import { wireguardConf } from '../../../src/tunnel/drivers/wireguard.ts';
import { guardRuleset } from '../../../src/tunnel/guard.ts';
import { strongswanConf } from '../../../src/tunnel/ipsec/charon.ts';
import { makeKeyPair, parsePublicKey, publicKeyPem, readKeyPair } from '../../../src/tunnel/keys.ts';
import { type Cable, planTunnels } from '../../../src/tunnel/plan-tunnels.ts';
import { clusterRecord, endpointRecord, west } from './records.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const self: Self = { ...west, driver: 'ipsec' };
const carrier = { between: 'inner', port: 4801, overhead: { IPv4: 130, IPv6: 130 } } as const;

function cablesOf(driver: 'ipsec' | 'wireguard', change: object = {}): readonly Cable[] {
  const { members } = admit(
    { ...self, driver },
    [clusterRecord('east', '10.2.0.0/16')],
    [endpointRecord('east', 'gw1', '192.168.2.11', { driver, port: 4500, publicKeys: [KEY], ...change })],
  );
  const none = new Map<string, never>();
  return planTunnels({
    self,
    members,
    carrier,
    underlayMtu: 1500,
    addresses: none,
    mtus: none,
    untold: new Set(),
    chosen: none,
    numbers: none,
  }).cables;
}

test('golden: what charon is told of a peer', () => {
  const current = makeKeyPair('ipsec');
  const keys = { current, since: 0 };
  const [cable] = cablesOf('ipsec');
  assert.ok(cable);
  assert.deepEqual(connectionOf({ self, keys }, cable), {
    'ph-tedfe009bc9': {
      version: '2',
      local_addrs: ['192.168.1.11'],
      remote_addrs: ['192.168.2.11', '%any'],
      local_port: '4500',
      remote_port: '4500',
      proposals: ['aes256gcm16-prfsha256-x25519', 'chacha20poly1305-prfsha256-x25519'],
      encap: 'yes',
      mobike: 'no',
      unique: 'replace',
      dpd_delay: '10s',
      rekey_time: '4h',
      'local-1': { auth: 'pubkey', id: 'west.gw1', pubkeys: [publicKeyPem(current.publicKey)] },
      'remote-1': {
        auth: 'pubkey',
        id: 'east.gw1',
        pubkeys: [
          '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEABwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n-----END PUBLIC KEY-----\n',
        ],
      },
      children: {
        'ph-tedfe009bc9': {
          local_ts: ['242.17.11.10/32'],
          remote_ts: ['242.68.185.39/32'],
          esp_proposals: ['aes128gcm16-x25519', 'chacha20poly1305-x25519'],
          rekey_time: '1h',
          dpd_action: 'clear',
          start_action: 'none',
        },
      },
    },
  });
});

test('golden: what WireGuard is told of its peers; who cannot be reached has no endpoint', () => {
  const lines = [
    '[Interface]',
    'ListenPort = 51840',
    'PrivateKey = SECRET',
    '[Peer]',
    `PublicKey = ${KEY}`,
    'AllowedIPs = 242.68.185.39/32',
    'PersistentKeepalive = 15',
  ];
  assert.equal(
    wireguardConf(51_840, 'SECRET', cablesOf('wireguard', { port: 51_840 })),
    [...lines, 'Endpoint = 192.168.2.11:51840', ''].join('\n'),
  );
  assert.equal(
    wireguardConf(51_840, 'SECRET', cablesOf('wireguard', { nat: true })),
    [...lines, ''].join('\n'),
  );
});

test('golden: strongswan.conf, with charon’s own encryption before the kernel where the kernel has none', () => {
  const text = strongswanConf({ dir: '/run/pharos-gateway/ipsec', port: 4500, backend: 'userspace' });
  assert.match(text, /load = .* kernel-libipsec kernel-netlink socket-default vici\n/);
  assert.match(text, /port_nat_t = 4500\n {2}routing_table = 1489\n/);
  assert.match(text, /socket = unix:\/\/\/run\/pharos-gateway\/ipsec\/charon\.vici\n/);
  assert.doesNotMatch(strongswanConf({ dir: '/x', port: 4500, backend: 'kernel' }), /load = .*libipsec/);
  assert.throws(
    () => strongswanConf({ dir: '/x\n}', port: 4500, backend: 'kernel' }),
    /cannot be strongSwan's directory/,
  );
});

test('golden: what may come out of a tunnel', () => {
  const { members } = admit(
    west,
    [clusterRecord('east', '10.2.0.0/16')],
    [endpointRecord('east', 'gw1', '192.168.2.11')],
  );
  const driver = vxlanDriver();
  const none = new Map<string, never>();
  const { cables } = planTunnels({
    self: west,
    members,
    carrier: driver.carrier,
    underlayMtu: 1500,
    addresses: none,
    mtus: none,
    untold: new Set(),
    chosen: none,
    numbers: none,
  });
  assert.deepEqual(guardRuleset(west, members, cables, driver).text.split('\n'), [
    'add table inet ph_gateway',
    'delete table inet ph_gateway',
    'table inet ph_gateway {',
    ' comment "owner=pharos gateway"',
    ' chain ph_from {',
    '  type filter hook prerouting priority raw; policy accept;',
    'iifname "ph-tedfe009bc9" icmp type { destination-unreachable, time-exceeded } accept',
    'iifname "ph-tedfe009bc9" ip saddr != { 241.0.0.0/8, 242.0.0.0/8, 10.2.0.0/16 } counter drop',
    'iifname "ph-tedfe009bc9" ip daddr != { 241.0.0.0/8, 242.0.0.0/8, 10.1.0.0/16, 10.101.0.0/16 } counter drop',
    'iifname "ph-tedfe009bc9" icmpv6 type { destination-unreachable, packet-too-big, time-exceeded } accept',
    'iifname "ph-tedfe009bc9" meta nfproto ipv6 counter drop',
    'iifname "ph-tedfe009bc9" meta nfproto ipv6 counter drop',
    ' }',
    ' chain ph_in {',
    '  type filter hook input priority mangle; policy accept;',
    'udp dport 4790 ip saddr != { 192.168.2.11 } counter drop',
    'meta nfproto ipv6 udp dport 4790 counter drop',
    ' }',
    ' chain ph_cut {',
    '  type filter hook postrouting priority mangle; policy accept;',
    '',
    ' }',
    '}',
  ]);
});

test('where IPv6 does not fit, and no router says so, the tunnel’s packets may be cut on their way', () => {
  const dual: Self = { ...self, podCIDRs: [...self.podCIDRs, parseCidr('fd00:1::/48')] };
  const { members } = admit(
    dual,
    [clusterRecord('east', '10.2.0.0/16')],
    [endpointRecord('east', 'gw1', '192.168.2.11', { driver: 'ipsec', publicKeys: [KEY] })],
  );
  const rulesFor = (mtu: number, untold: boolean, of = dual): string[] => {
    const { cables } = planTunnels({
      self: of,
      members,
      carrier,
      underlayMtu: 1500,
      addresses: new Map(),
      mtus: new Map([['east/gw1', mtu]]),
      untold: new Set(untold ? ['east/gw1'] : []),
      chosen: new Map(),
      numbers: new Map(),
    });
    const { text } = guardRuleset(of, members, cables, vxlanDriver());
    return text.split('\n').filter((line) => line.includes('frag-off'));
  };
  assert.deepEqual(rulesFor(1182, true), [
    'udp sport 4790 ip daddr 192.168.2.11 ip length > 1182 ip frag-off set 0',
  ]);
  assert.deepEqual(rulesFor(1182, false), [], 'the kernel cuts them, once it was told');
  assert.deepEqual(rulesFor(1300, true), [], 'IPv6 fits');
  assert.deepEqual(rulesFor(1182, true, self), [], 'there is no IPv6');
});

test('no text of a record reaches a configuration, a ruleset or a command but names, addresses, keys and numbers', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('$(reboot)', '"; drop table', 'a\nb', '}', '[Peer]', 'gw1', 'a.b', '10.0.0.1', KEY),
  );
  const current = makeKeyPair('ipsec');
  const driver = vxlanDriver();
  fc.assert(
    fc.property(
      fc.record({
        clusterId: text,
        gateway: text,
        privateIP: text,
        publicIP: text,
        publicKeys: fc.array(text, { maxLength: 2 }),
        pod: text,
      }),
      (raw) => {
        const { pod, clusterId, gateway, ...spec } = raw;
        const { members } = admit(
          self,
          [clusterRecord('east', '10.2.0.0/16'), clusterRecord(clusterId, pod)],
          [
            endpointRecord('east', 'gw1', '192.168.2.11', { driver: 'ipsec', publicKeys: [KEY] }),
            endpointRecord(clusterId, gateway, spec.privateIP, { driver: 'ipsec', ...spec }),
          ],
        );
        const none = new Map<string, never>();
        const { cables } = planTunnels({
          self,
          members,
          carrier,
          underlayMtu: 1500,
          addresses: none,
          mtus: none,
          untold: new Set(),
          chosen: none,
          numbers: none,
        });
        for (const cable of cables) {
          const keys = { current, since: 0 };
          assert.doesNotMatch(
            JSON.stringify(connectionOf({ self, keys }, cable)).replaceAll('\\n', ''),
            /[^A-Za-z0-9+/=.:%,"{}[\]_ -]/,
          );
        }
        assert.match(wireguardConf(1, 'x', cables), /^[A-Za-z0-9+/=.:[\] \n-]*$/);
        assert.match(guardRuleset(self, members, cables, driver).text, /^[a-z0-9 "{},.:;/!=_\n-]*$/);
      },
    ),
  );
});

test('keys survive being stored, and their private half is never printed', () => {
  for (const driver of ['ipsec', 'wireguard'] as const) {
    const pair = makeKeyPair(driver);
    assert.equal(readKeyPair(driver, pair.privateKey).publicKey, pair.publicKey);
    assert.equal(parsePublicKey(pair.publicKey), pair.publicKey);
    assert.ok(!JSON.stringify(pair).includes('PRIVATE'));
  }
  assert.throws(
    () => readKeyPair('wireguard', makeKeyPair('ipsec').privateKey),
    /of kind ed25519, wireguard needs x25519/,
  );
  assert.throws(() => readKeyPair('ipsec', new SecretText('nonsense')));
});
