import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { dirname } from 'node:path';
import { ensureBinaries } from '../../lab/binaries.ts';
import { podAddress6, TwoClusters } from './support/two-clusters.ts';
import { whyNoTunnels } from './support/requirements.ts';

const skip = await whyNoTunnels(['wireguard-tools']);

describe('gateways with WireGuard', { skip }, () => {
  let clusters: TwoClusters;
  before(async () => {
    const { 'wireguard-go': program } = await ensureBinaries(['wireguard-go']);
    clusters = await TwoClusters.create({ path: dirname(program) });
    clusters.startAll('wireguard');
  });
  after(() => clusters?.[Symbol.asyncDispose]());

  test('every pair of gateways keeps a tunnel up, and says what it costs', async () => {
    await clusters.untilConnected();
    const [first] = await clusters.connections('west', 'gw1');
    assert.match(first?.reason ?? '', /no WireGuard|^$/);
    assert.deepEqual([first?.mtu, first?.driver], [1370, 'wireguard']);
  });

  test('a pod reaches a pod of the other cluster, by IPv4 and IPv6', async () => {
    await clusters.untilReachable();
    await clusters.untilReachable(podAddress6('east'));
  });
});
