import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import { ensureBinaries } from '../../lab/binaries.ts';
import { STRONGSWAN } from '../../lab/packages.ts';
import { until } from '../../lab/wait.ts';
import { whyNoTunnels } from './support/requirements.ts';
import { TwoClusters, wanAddress } from './support/two-clusters.ts';

const skip = await whyNoTunnels(['conntrack', 'iputils-ping', 'wireguard-tools', ...STRONGSWAN]);

/** A busy machine must not look like a dead one. */
const PATIENT = { missed: 10 };

for (const driver of ['ipsec', 'wireguard'] as const) {
  describe(`a gateway behind an address translation, with ${driver}`, { skip }, () => {
    const create = async (): Promise<TwoClusters> => {
      const { 'wireguard-go': program } = await ensureBinaries(['wireguard-go']);
      return TwoClusters.create({ path: dirname(program) });
    };

    test('is reached at its public address where that is translated one to one', async () => {
      await using clusters = await create();
      const { privateIP } = await clusters.putBehindNat('east', 'gw1', '1:1');
      clusters.start('west', 'gw1', driver, PATIENT);
      clusters.start('east', 'gw1', driver, { ...PATIENT, privateIP, publicIP: wanAddress('east', 'gw1') });
      await clusters.untilConnected(1);
      await clusters.untilReachable();
    });

    test('is followed to another public address, which its node says, without a restart', async () => {
      await using clusters = await create();
      const { privateIP, router } = await clusters.putBehindNat('east', 'gw1', '1:1');
      await clusters.setExternalIp('east', 'gw1', wanAddress('east', 'gw1'));
      clusters.start('west', 'gw1', driver, PATIENT);
      clusters.start('east', 'gw1', driver, { ...PATIENT, privateIP });
      await clusters.untilConnected(1);
      await clusters.untilReachable();
      // Nobody is at the old address any more, and nothing that was under way finds the new one by itself.
      const moved = '203.0.113.77';
      await router.ip([`addr del ${wanAddress('east', 'gw1')}/24 dev out`, `addr add ${moved}/24 dev out`]);
      await router.run(
        ['nft', '-f', '-'],
        `flush chain ip nat pre
add rule ip nat pre iifname "out" ip daddr ${moved} dnat to ${privateIP}
`,
      );
      await router.run(['conntrack', '-F']);
      await clusters.setExternalIp('east', 'gw1', moved);
      await until('the new address in west', 60_000, async () => {
        const ref = { name: 'east.gw1', namespace: SYSTEM_NAMESPACE };
        const record = await clusters.stores.west.get(Kinds.TunnelEndpoint, ref);
        return record?.spec.publicIP === moved ? true : undefined;
      });
      await clusters.untilReachable();
      await clusters.untilConnected(1);
      // Also for whoever has never been connected.
      clusters.start('west', 'gw2', driver, PATIENT);
      await until('a connection of the other gateway', 60_000, async () => {
        const [connection] = await clusters.connections('west', 'gw2');
        return connection?.state === 'connected' ? true : undefined;
      });
    });

    test('dials where nobody can reach it, and is followed when its public address changes', async () => {
      await using clusters = await create();
      const { privateIP, router } = await clusters.putBehindNat('east', 'gw1', 'masquerade');
      clusters.start('west', 'gw1', driver, PATIENT);
      clusters.start('east', 'gw1', driver, { ...PATIENT, privateIP, isBehindNat: true });
      await clusters.untilConnected(1);
      await clusters.untilReachable();
      await router.ip([
        `addr del ${wanAddress('east', 'gw1')}/24 dev out`,
        'addr add 203.0.113.77/24 dev out',
      ]);
      await router.run(['conntrack', '-F']);
      await clusters.untilReachable();
      await clusters.untilConnected(1);
    });
  });
}
