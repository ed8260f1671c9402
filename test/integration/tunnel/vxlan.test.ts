import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { podAddress6, TwoClusters } from './support/two-clusters.ts';
import { whyNoTunnels } from './support/requirements.ts';

const skip = await whyNoTunnels([]);

describe('gateways with VXLAN', { skip }, () => {
  let clusters: TwoClusters;
  before(async () => {
    clusters = await TwoClusters.create();
    clusters.startAll('vxlan');
  });
  after(() => clusters?.[Symbol.asyncDispose]());

  test('every pair of gateways keeps a tunnel up, and says that it is in clear text', async () => {
    await clusters.untilConnected();
    const [first] = await clusters.connections('west', 'gw1');
    assert.match(first?.reason ?? '', /not encrypted/);
    assert.deepEqual([first?.mtu, first?.driver], [1450, 'vxlan']);
  });

  test('a pod reaches a pod of the other cluster, by IPv4 and IPv6', async () => {
    await clusters.untilReachable();
    await clusters.untilReachable(podAddress6('east'));
  });
});
