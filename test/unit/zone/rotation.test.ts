import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { rotate, rotationPeriod } from '../../../src/zone/rotation.ts';
import { answerOf, zoneOf } from './driver.ts';

const upTo = (size: number): number[] => Array.from({ length: size }, (_, index) => index);

suite('rotation', () => {
  test('groups of few sizes come back together after their least common multiple', () => {
    assert.equal(rotationPeriod([]), 1);
    assert.equal(rotationPeriod([0, 1]), 1);
    assert.equal(rotationPeriod([2, 3]), 6);
    assert.equal(rotationPeriod([4, 6, 0]), 12);
    assert.equal(rotationPeriod([63, 64]), 64);
    assert.equal(rotationPeriod([5000]), 64);
  });

  test('each turn holds all of a group, and turns a period apart are equal', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), fc.nat(10_000), (size, other, turn) => {
        const period = rotationPeriod([size, other]);
        const rotated = rotate(upTo(size), turn, period);
        assert.deepEqual(
          [...rotated].sort((a, b) => a - b),
          upTo(size),
        );
        assert.deepEqual(rotate(upTo(size), turn + period, period), rotated);
      }),
    );
  });

  test('over a period every member of a group that is not too large comes first equally often', () => {
    const firsts = upTo(rotationPeriod([4, 3])).map((turn) => rotate(upTo(4), turn, 12)[0]);
    assert.deepEqual(firsts, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
  });

  test('a large group begins at places all over it', () => {
    const firsts = upTo(64).map((turn) => rotate(upTo(6400), turn, 64)[0]);
    assert.deepEqual(
      firsts,
      upTo(64).map((turn) => turn * 100),
    );
  });

  test('SRV records of endpoints rotate as their addresses do', () => {
    const zone = zoneOf({
      'data/db': {
        type: 'Headless',
        ports: ['sql 3306/TCP'],
        from: { west: { endpoints: ['10.1.0.1 host=a', '10.1.0.2 host=b'] } },
      },
    });
    const firsts = upTo(3).map((turn) => {
      const answer = answerOf(zone, 'SRV _sql._tcp.db.data.svc.clusterset.local', { turn });
      const record = answer.kind === 'records' ? answer.answer[0] : undefined;
      return record?.type === 'SRV' ? record.target.slice(0, 1) : '';
    });
    assert.deepEqual(firsts, ['a', 'b', 'a']);
  });

  test('a headless answer keeps the own cluster first and rotates within each group', () => {
    const zone = zoneOf({
      'data/db': {
        type: 'Headless',
        from: {
          west: { endpoints: ['10.1.0.1', '10.1.0.2', '10.1.0.3'] },
          east: { endpoints: ['10.2.0.1', '10.2.0.2'] },
        },
      },
    });
    const lastBytes = upTo(7).map((turn) => {
      const answer = answerOf(zone, 'A db.data.svc.clusterset.local', { turn });
      if (answer.kind !== 'records') return answer.kind;
      assert.equal(answer.period, 6);
      return answer.answer.map((record) => ('address' in record ? record.address.slice(3) : '')).join(' ');
    });
    assert.deepEqual(lastBytes, [
      '2.0.1 2.0.2 1.0.1 1.0.2 1.0.3',
      '2.0.2 2.0.1 1.0.2 1.0.3 1.0.1',
      '2.0.1 2.0.2 1.0.3 1.0.1 1.0.2',
      '2.0.2 2.0.1 1.0.1 1.0.2 1.0.3',
      '2.0.1 2.0.2 1.0.2 1.0.3 1.0.1',
      '2.0.2 2.0.1 1.0.3 1.0.1 1.0.2',
      '2.0.1 2.0.2 1.0.1 1.0.2 1.0.3',
    ]);
  });
});
