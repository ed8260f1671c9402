import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Annotation } from '../../../src/api/names.ts';
import { type ExportSettings, readSettings } from '../../../src/discovery/settings.ts';
import { serviceExport } from './objects.ts';

const { weight, policy, toClusters } = Annotation;

const ROWS: Readonly<
  Record<string, { annotations: Record<string, string>; settings: ExportSettings; problems?: string[] }>
> = {
  'everything that can be said': {
    annotations: { [weight]: '5', [policy]: 'all', [toClusters]: 'west,east' },
    settings: { weight: 5, policy: 'all', toClusters: ['west', 'east'] },
  },
  'nothing said': { annotations: {}, settings: { weight: 1 } },
  'a weight of 0 takes the cluster out': { annotations: { [weight]: '0' }, settings: { weight: 0 } },
  'the greatest weight': { annotations: { [weight]: '1000' }, settings: { weight: 1000 } },
  'blanks around cluster ids do not matter': {
    annotations: { [toClusters]: ' west , east ' },
    settings: { weight: 1, toClusters: ['west', 'east'] },
  },
  'a weight that is too great counts as not given': {
    annotations: { [weight]: '1001' },
    settings: { weight: 1 },
    problems: ['annotation pharos.io/weight is "1001", must be an integer from 0 to 1000: ignored'],
  },
  'a negative weight counts as not given': {
    annotations: { [weight]: '-1' },
    settings: { weight: 1 },
    problems: ['annotation pharos.io/weight is "-1", must be an integer from 0 to 1000: ignored'],
  },
  'an unknown policy counts as not given': {
    annotations: { [policy]: 'nearest' },
    settings: { weight: 1 },
    problems: ['annotation pharos.io/policy is "nearest", must be local, weighted or all: ignored'],
  },
  'who names clusters badly is shown to those that are named well, not to all': {
    annotations: { [toClusters]: 'west,The East' },
    settings: { weight: 1, toClusters: ['west'] },
    problems: [
      'annotation pharos.io/to-clusters is "west,The East", must be a comma-separated list of cluster ids: ' +
        'what is none counts as nobody',
    ],
  },
  'who names no cluster at all is shown to none': {
    annotations: { [toClusters]: '' },
    settings: { weight: 1, toClusters: [] },
    problems: [
      'annotation pharos.io/to-clusters is "", must be a comma-separated list of cluster ids: ' +
        'what is none counts as nobody',
    ],
  },
};

describe('settings of an export', () => {
  for (const [name, { annotations, settings, problems = [] }] of Object.entries(ROWS)) {
    it(name, () => {
      assert.deepEqual(readSettings(serviceExport('web', annotations)), { settings, problems });
    });
  }
});
