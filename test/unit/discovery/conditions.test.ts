import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, ServiceExport } from '../../../src/api/objects.ts';
import { validateServiceExport } from '../../../src/api/validate.ts';
import { exportConditions, type Findings, sameConditions } from '../../../src/discovery/conditions.ts';
import type { Conflict } from '../../../src/discovery/conflict.ts';
import { serviceExport } from './objects.ts';

const NOW = '2026-01-02T00:00:00Z';
const BEFORE = '2026-01-01T00:00:00Z';

const condition = (type: string, status: Condition['status'], reason: string): Condition => ({
  type,
  status,
  reason,
  message: 'as before',
  lastTransitionTime: BEFORE,
  observedGeneration: 1,
});
const having = (...conditions: readonly Condition[]): ServiceExport => ({
  ...serviceExport('web'),
  metadata: { ...serviceExport('web').metadata, generation: 2 },
  status: { conditions: [...conditions] },
});
const valid = { is: 'valid', message: 'fine', records: {} as never } as const;
const good: Findings = { exported: valid, publication: { is: 'published' }, conflicts: [] };
const conflict = (reason: Conflict['reason'], field: string): Conflict => ({
  reason,
  field,
  kept: { value: '1', clusters: ['west'] },
  dropped: [{ value: '2', clusters: ['east', 'north'] }],
});
/** `Ready=True Exported`, and `since` what time. */
const lines = (conditions: readonly Condition[]): string[] =>
  conditions.map(
    ({ type, status, reason, lastTransitionTime }) =>
      `${type}=${status} ${reason}${lastTransitionTime === NOW ? '' : ' as before'}`,
  );

const ROWS: Readonly<
  Record<string, { findings: Partial<Findings>; before?: readonly Condition[]; lines: string[] }>
> = {
  'is where it should be': {
    findings: {},
    lines: ['Valid=True Valid', 'Ready=True Exported', 'Conflict=False NoConflicts'],
  },
  'has no Service': {
    findings: { exported: { is: 'invalid', reason: 'NoService', message: 'none' } },
    before: [condition('Ready', 'True', 'Exported'), condition('Conflict', 'True', 'PortConflict')],
    lines: ['Valid=False NoService'],
  },
  'is on its way': {
    findings: { publication: { is: 'pending', message: 'soon' } },
    lines: ['Valid=True Valid', 'Ready=False Pending', 'Conflict=False NoConflicts'],
  },
  'is refused by the broker': {
    findings: { publication: { is: 'failed', message: 'no' } },
    lines: ['Valid=True Valid', 'Ready=False Failed', 'Conflict=False NoConflicts'],
  },
  'has changed while the broker is away': {
    findings: { publication: { is: 'out-of-sight', message: 'away' } },
    before: [condition('Ready', 'True', 'Exported')],
    lines: ['Valid=True Valid', 'Ready=Unknown Pending', 'Conflict=False NoConflicts'],
  },
  'is new, and the broker has not been seen': {
    findings: { publication: { is: 'unknown', message: 'asked' }, conflicts: 'unknown' },
    lines: ['Valid=True Valid', 'Ready=Unknown Pending'],
  },
  'was ready and in conflict, and the broker has not been seen': {
    findings: { publication: { is: 'unknown', message: 'asked' }, conflicts: 'unknown' },
    before: [condition('Ready', 'True', 'Exported'), condition('Conflict', 'True', 'PortConflict')],
    lines: ['Valid=True Valid', 'Ready=True Exported as before', 'Conflict=True PortConflict as before'],
  },
  'was not ready, and the broker has not been seen': {
    findings: { publication: { is: 'unknown', message: 'asked' }, conflicts: 'unknown' },
    before: [condition('Ready', 'False', 'Failed')],
    lines: ['Valid=True Valid', 'Ready=Unknown Pending'],
  },
  'does not agree with others': {
    findings: {
      conflicts: [
        conflict('PortConflict', 'port a'),
        conflict('PortConflict', 'port b'),
        conflict('LabelsConflict', 'x'),
      ],
    },
    lines: ['Valid=True Valid', 'Ready=True Exported', 'Conflict=True PortConflict,LabelsConflict'],
  },
  'is as it was keeps the time': {
    findings: {},
    before: [
      condition('Valid', 'True', 'Valid'),
      condition('Ready', 'False', 'Pending'),
      condition('Conflict', 'False', 'Other'),
    ],
    lines: ['Valid=True Valid as before', 'Ready=True Exported', 'Conflict=False NoConflicts as before'],
  },
  'has conditions of others has them to itself': {
    findings: {},
    before: [condition('example.com/Audited', 'True', 'Yes')],
    lines: ['Valid=True Valid', 'Ready=True Exported', 'Conflict=False NoConflicts'],
  },
};

describe('the conditions of an export that', () => {
  for (const [name, { findings, before = [], lines: wanted }] of Object.entries(ROWS)) {
    it(name, () => {
      const conditions = exportConditions(having(...before), { ...good, ...findings }, NOW);
      assert.deepEqual(lines(conditions), wanted);
      const check = validateServiceExport({ ...serviceExport('web'), status: { conditions } });
      assert.equal(check.ok, true);
    });
  }

  it('conflicts name the field, who keeps what, and who loses what', () => {
    const conditions = exportConditions(
      having(),
      {
        ...good,
        conflicts: [conflict('PortConflict', 'port http'), conflict('LabelsConflict', 'exportedLabels')],
      },
      NOW,
    );
    assert.equal(
      conditions.at(-1)?.message,
      'port http: kept "1" of west (the oldest export), dropped "2" of east, north; ' +
        'exportedLabels: kept "1" of west (the oldest export), dropped "2" of east, north',
    );
  });

  it('was looked at says of which generation that is', () => {
    const conditions = exportConditions(having(), good, NOW);
    assert.deepEqual(
      conditions.map(({ observedGeneration }) => observedGeneration),
      [2, 2, 2],
    );
  });

  it('conflicts in a thousand ways still has a message that fits, cut between characters', () => {
    const conflicts = Array.from({ length: 1000 }, () => conflict('PortConflict', '🚢'.repeat(50)));
    for (const shift of ['', 'x']) {
      const [first, ...rest] = conflicts;
      const shifted = [{ ...(first as Conflict), field: shift + (first as Conflict).field }, ...rest];
      const message = exportConditions(having(), { ...good, conflicts: shifted }, NOW).at(-1)?.message ?? '';
      assert.ok(message.length < 5000);
      assert.ok(message.isWellFormed());
    }
  });
});

describe('conditions are the same', () => {
  const mine = [condition('Valid', 'True', 'Valid'), condition('Ready', 'True', 'Exported')];

  it('in any order, beside those of others', () => {
    const others = condition('example.com/Audited', 'True', 'Yes');
    assert.equal(sameConditions([others, ...mine.toReversed()], mine), true);
  });

  it('and not when one is missing, too many, or different in anything', () => {
    assert.equal(sameConditions(undefined, mine), false);
    assert.equal(sameConditions(mine.slice(1), mine), false);
    assert.equal(sameConditions([...mine, condition('Conflict', 'False', 'NoConflicts')], mine), false);
    for (const change of [
      { status: 'False' },
      { reason: 'x' },
      { message: 'x' },
      { lastTransitionTime: NOW },
      { observedGeneration: 9 },
    ] as Partial<Condition>[]) {
      const [first, ...rest] = mine;
      assert.equal(sameConditions([{ ...(first as Condition), ...change }, ...rest], mine), false);
    }
  });
});
