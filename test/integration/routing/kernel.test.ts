import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { applyIpSteps } from '../../../src/host/ip-steps.ts';
import { filterRuleset } from '../../../src/routing/filter.ts';
import { applyNft } from '../../../src/host/nft.ts';
import { planRoutes } from '../../../src/routing/plan-routes.ts';
import { readRoutingState } from '../../../src/routing/read-routing-state.ts';
import { EMPTY_STATE, routingSteps } from '../../../src/routing/routing-state.ts';
import { requirePackages } from '../../lab/packages.ts';
import { Namespaces, noNamespaces, runIn } from '../../support/namespaces.ts';
import { anyInput } from '../../unit/routing/cluster.ts';

const skip = noNamespaces() ?? (await requirePackages(['iproute2', 'nftables'])) ?? false;

it('a kernel is led from any plan to any other, and what is not ours stays', { skip }, async () => {
  await using namespaces = new Namespaces();
  const netns = await namespaces.create('kernel');
  const run = runIn(netns);
  await netns.ip([
    'link add other0 type bridge',
    'addr add 10.99.0.1/24 dev other0',
    'link set other0 up',
    'route add 10.98.0.0/16 dev other0 table 1491 protocol 78',
    'rule add priority 1491 to 10.98.0.0/16 lookup 1491 protocol 78',
    'rule add priority 1490 lookup 1490 protocol 77',
    'nexthop add id 2000 dev other0 protocol 77',
    'nexthop add id 1700 dev other0 protocol 78',
    'route add 10.97.0.0/16 nhid 2000 table 1490 protocol 77',
  ]);
  const foreign = async (): Promise<readonly string[]> =>
    Promise.all(
      [
        ['ip', 'rule', 'show', 'priority', '1490'],
        ['ip', 'route', 'show', 'table', '1490'],
        ['ip', 'route', 'show', 'table', '1491', 'protocol', '78'],
        ['ip', 'nexthop', 'show', 'dev', 'other0'],
        ['ip', '-4', 'address', 'show', 'dev', 'other0'],
        ['ip', 'rule', 'show', 'to', '10.98.0.0/16'],
      ].map(([file = '', ...args]) => run(file, args)),
    );
  const before = await foreign();
  const families = ['IPv4', 'IPv6'] as const;
  for (const input of [...fc.sample(anyInput, { numRuns: 15, seed: 1491 }), undefined]) {
    const plan = input === undefined ? undefined : planRoutes(input);
    const wanted = plan?.state ?? EMPTY_STATE;
    await applyIpSteps(run, routingSteps(await readRoutingState(run, families), wanted));
    const actual = await readRoutingState(run, families);
    assert.deepEqual(routingSteps(actual, wanted), []);
    assert.deepEqual(routingSteps(wanted, actual), []);
    // Any filter is one that nft takes.
    if (plan?.filter !== undefined) await applyNft(run, filterRuleset(plan.filter));
    assert.deepEqual(await foreign(), before);
  }
});
