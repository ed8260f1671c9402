import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Kinds } from '../../../src/api/kinds.ts';
import {
  changesText,
  META_FIELDS,
  parseEntry,
  parseMeta,
  readField,
} from '../../../src/store/redis-layout.ts';
import { follows, type HeldState, judgeState } from '../../../src/store/redis-state.ts';

const held: HeldState = { epoch: 5, generation: 100, nonce: 'n100' };
const meta = (over: Record<string, string> = {}) =>
  parseMeta(
    Object.values({
      format: '1',
      cluster: 'east',
      epoch: '5',
      generation: '100',
      nonce: 'n100',
      complete: '1',
      beat: '1',
      ...over,
    }),
  );

describe('what Redis holds may replace what is known', () => {
  const rows: readonly (readonly [
    name: string,
    over: Record<string, string>,
    held: HeldState | undefined,
    wanted: string,
  ])[] = [
    ['at the first look', {}, undefined, 'read'],
    ['not while it is being filled', { complete: '0' }, undefined, 'empty'],
    ['not while it is being filled again', { complete: '0', epoch: '9' }, held, 'empty'],
    ['when it is the same', {}, held, 'current'],
    ['when another leader goes on from the same', { epoch: '6' }, held, 'current'],
    ['when the stream has gone on', { generation: '101', nonce: 'x' }, held, 'behind'],
    ['when another leader has gone on', { epoch: '6', generation: '101', nonce: 'x' }, held, 'behind'],
    ['when another leader began anew', { epoch: '6', generation: '1', nonce: 'x' }, held, 'read'],
    ['when it is another state of the same generation', { nonce: 'x' }, held, 'read'],
    ['not when its generation is lower', { generation: '99', nonce: 'n99' }, held, 'older'],
    ['not when its leader was an earlier one', { epoch: '4', generation: '500', nonce: 'x' }, held, 'older'],
    ['not when it is of another cluster', { cluster: 'west' }, held, 'foreign'],
    ['not when it is of another format', { format: '2' }, held, 'foreign'],
    ['not when its generation is no number', { generation: '1e9' }, held, 'foreign'],
    ['not when it has no nonce', { nonce: '' }, held, 'foreign'],
  ];
  for (const [name, over, known, wanted] of rows) {
    it(name, () => {
      const verdict = judgeState(known, meta(over), 'east');
      assert.equal(verdict.is === 'unusable' ? verdict.reason : verdict.is, wanted);
    });
  }
  it('not when it holds nothing, known or not', () => {
    const absent = parseMeta(META_FIELDS.map(() => null));
    for (const known of [held, undefined]) {
      const verdict = judgeState(known, absent, 'east');
      assert.equal(verdict.is === 'unusable' && verdict.reason, 'empty');
    }
  });
});

describe('an entry of the stream', () => {
  const web = {
    apiVersion: Kinds.ServiceImport.apiVersion,
    kind: 'ServiceImport',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { type: 'ClusterSetIP', ports: [{ port: 80, protocol: 'TCP' }] },
  } as const;
  const field = 'serviceimports/shop/web';
  const entry = (over: Record<string, string> = {}, id = '101-0') =>
    parseEntry(
      id,
      Object.entries({
        epoch: '5',
        previous: 'n100',
        nonce: 'n101',
        changes: changesText([
          { type: 'set', field, json: JSON.stringify(web) },
          { type: 'removed', field: 'serviceimports/shop/old', json: 'null' },
        ]),
        ...over,
      }).flat(),
    );

  it('is read as it was written', () => {
    const { changes } = entry() ?? assert.fail();
    assert.ok(Array.isArray(changes));
    assert.deepEqual(
      changes.map(({ type, field: at, read }) => [type, at, 'object' in read ? read.object : 'unknown']),
      [
        ['set', field, web],
        ['removed', 'serviceimports/shop/old', 'unknown'],
      ],
    );
  });

  it('follows the state before it alone', () => {
    const cases = [
      entry(),
      entry({}, '102-0'),
      entry({ previous: 'x' }),
      entry({ epoch: '4' }),
      entry({ epoch: '6' }),
    ];
    assert.deepEqual(
      cases.map((each) => each !== undefined && follows(held, each)),
      [true, false, false, false, true],
    );
  });

  it('from a stranger is none, and never throws', () => {
    assert.equal(entry({}, '101-1'), undefined);
    assert.equal(entry({ changes: '{' }), undefined);
    assert.equal(entry({ changes: '[{"set":{}}]' }), undefined);
    fc.assert(
      fc.property(fc.string(), fc.array(fc.oneof(fc.string(), fc.json())), fc.json(), (id, fields, json) => {
        parseEntry(id, fields);
        parseEntry('1-0', ['epoch', '1', 'previous', '', 'nonce', 'x', 'changes', json]);
        const read = readField(field, json);
        assert.ok('problem' in read);
      }),
    );
  });

  it('has objects only under their own names', () => {
    assert.ok('object' in readField(field, JSON.stringify(web)));
    const read = readField('serviceimports/shop/other', JSON.stringify(web));
    assert.deepEqual(read, { problem: 'serviceimports/shop/other holds serviceimports/shop/web' });
  });
});
