import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseGateway } from '../../../src/routing/choose-gateway.ts';
import type { GatewayFacts, ProbeVerdict } from '../../../src/routing/facts.ts';
import { gateway } from './cluster.ts';

const [one, two] = [gateway('gw1', true), gateway('gw2', false)];
const down: GatewayFacts['connections'] = new Map([['east', { state: 'error' }]]);
const rows: readonly (readonly [
  string,
  readonly GatewayFacts[],
  Readonly<Record<string, ProbeVerdict>>,
  string,
])[] = [
  ['the active one', [two, one], {}, 'gw1 active'],
  ['the active one answers', [one, two], { gw1: 'answers', gw2: 'answers' }, 'gw1 active'],
  [
    'the active one is silent, the other answers',
    [one, two],
    { gw1: 'silent', gw2: 'answers' },
    'gw2 active-is-silent',
  ],
  [
    'the active one is silent, of the other nothing is known',
    [one, two],
    { gw1: 'silent', gw2: 'unknown' },
    'gw1 active',
  ],
  ['all are silent', [one, two], { gw1: 'silent', gw2: 'silent' }, 'gw1 active'],
  ['the active one has no tunnel', [gateway('gw1', true, down), two], {}, 'gw2 has-the-tunnel'],
  [
    'the one with the tunnel is silent',
    [gateway('gw1', true, down), two],
    { gw1: 'answers', gw2: 'silent' },
    'gw1 active',
  ],
  ['nobody has a tunnel', [gateway('gw1', true, down), gateway('gw2', false, down)], {}, 'gw1 active'],
  ['none is active', [gateway('gw2', false), gateway('gw1', false)], {}, 'gw1 no-active'],
  [
    'two are active: the later election is right',
    [one, { ...two, active: true, leaseEpoch: 7 }],
    {},
    'gw2 active',
  ],
  ['there is none', [], {}, ''],
];

describe('the gateway that a node sends to', () => {
  for (const [what, gateways, verdicts, expected] of rows) {
    it(`${what}: ${expected}`, () => {
      const choice = chooseGateway(gateways, new Map(Object.entries(verdicts)), 'east');
      assert.equal(choice === undefined ? '' : `${choice.node} ${choice.reason}`, expected);
    });
  }
});
