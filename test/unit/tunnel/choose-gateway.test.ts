import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Candidate, chooseGateway } from '../../../src/tunnel/choose-gateway.ts';

const up = { isAlive: true, isSettled: true, preferred: false, epoch: 1 };
const gw1: Candidate = { ...up, gateway: 'gw1' };
const gw2: Candidate = { ...up, gateway: 'gw2' };
const preferred = (candidate: Candidate, epoch = 1): Candidate => ({ ...candidate, preferred: true, epoch });
const dead = (candidate: Candidate): Candidate => ({ ...candidate, isAlive: false, isSettled: false });
const unsettled = (candidate: Candidate): Candidate => ({ ...candidate, isSettled: false });

for (const [sentence, candidates, current, chosen] of [
  ['nobody where nobody answers', [dead(gw1), dead(gw2)], 'gw1', undefined],
  ['the preferred one at first', [gw1, preferred(gw2)], undefined, 'gw2'],
  ['the one that the other cluster prefers now: a planned hand-over', [gw1, preferred(gw2, 2)], 'gw1', 'gw2'],
  ['the other one when the preferred one is silent', [dead(preferred(gw1)), gw2], 'gw1', 'gw2'],
  [
    'the one in use, while the preferred one has just come back',
    [unsettled(preferred(gw1)), gw2],
    'gw2',
    'gw2',
  ],
  [
    'one that has just come back, where there is no other',
    [unsettled(preferred(gw1)), dead(gw2)],
    'gw2',
    'gw1',
  ],
  [
    'the one with the higher epoch, where two claim to be preferred',
    [preferred(gw1, 3), preferred(gw2, 4)],
    'gw1',
    'gw2',
  ],
  ['the one in use, where none is preferred', [gw1, gw2], 'gw2', 'gw2'],
  [
    'the other one, though a lower epoch claims it, when the higher one is dead',
    [preferred(gw1, 3), dead(preferred(gw2, 4))],
    'gw2',
    'gw1',
  ],
] as const satisfies readonly (readonly [
  string,
  readonly Candidate[],
  string | undefined,
  string | undefined,
])[]) {
  test(`sends to ${sentence}`, () => assert.equal(chooseGateway(candidates, current), chosen));
}
