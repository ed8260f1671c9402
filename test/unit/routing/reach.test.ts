import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConnectionState } from '../../../src/api/tunnel.ts';
import type { ProbeVerdict } from '../../../src/routing/facts.ts';
import { type Reach, reachOf } from '../../../src/routing/reach.ts';

type Row = readonly [string, ...(readonly [ConnectionState, 'alive' | 'stale', ProbeVerdict])[]];

describe('how a cluster is reached', () => {
  const rows: readonly (readonly [Reach, Row])[] = [
    ['open', ['without gateways, by a flat network']],
    [
      'open',
      [
        'by any connection of one that lives',
        ['error', 'alive', 'answers'],
        ['degraded', 'alive', 'unknown'],
      ],
    ],
    ['gone', ['when all who live say so', ['error', 'alive', 'answers'], ['connecting', 'alive', 'answers']]],
    [
      'closing',
      ['when the one that held it is silent, while its node answers', ['connected', 'stale', 'answers']],
    ],
    [
      'closing',
      ['when it was this very node’s', ['connected', 'stale', 'unknown'], ['error', 'alive', 'answers']],
    ],
    [
      'gone',
      [
        'when all nodes that held it are silent',
        ['connected', 'stale', 'silent'],
        ['connected', 'stale', 'silent'],
      ],
    ],
    [
      'open',
      ['when one of two is silent', ['connected', 'stale', 'silent'], ['connected', 'alive', 'answers']],
    ],
  ];
  for (const [expected, [sentence, ...gateways]] of rows) {
    it(`${expected}: ${sentence}`, () => {
      const facts = gateways.map(([state, life], i) => ({
        node: `gw${i}`,
        active: i === 0,
        alive: life === 'alive',
        leaseEpoch: 1,
        connections: new Map([['east', { state }]]),
      }));
      const verdicts = new Map(gateways.map(([, , verdict], i) => [`gw${i}`, verdict]));
      assert.equal(reachOf('east', facts, verdicts), expected);
    });
  }
});
