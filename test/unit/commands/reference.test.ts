import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { everyMetric, referencePages } from '../../../scripts/reference.ts';

test('the pages of flags and metrics say what the code says', async () => {
  for (const [path, text] of await referencePages()) {
    assert.equal(readFileSync(path, 'utf8'), text, `${path} is out of date; run: npm run docs`);
  }
});

test('metrics are named, described and labelled by the rules', async () => {
  const wrong: string[] = [];
  for (const metric of [...(await everyMetric()).values()].flat()) {
    const { name, type, help } = metric;
    const rules: [string, boolean][] = [
      [
        'is pharos_<part>_<what>',
        /^pharos_(dns|zone|agent|route|gateway|store|import|propagation)(_[a-z]+)+$/.test(name),
      ],
      ['ends in _total exactly when it is a counter', name.endsWith('_total') === (type === 'counter')],
      ['uses base units', !/_(milliseconds|ms|minutes|kilobytes|kb|mb|percent)(_|$)/.test(name)],
      ['names a histogram by its unit', type !== 'histogram' || /_(seconds|bytes)$/.test(name)],
      ['describes itself in a sentence', /^[A-Z].*\.$/.test(help) && !help.includes('\n')],
      [
        'has labels from closed sets only',
        ('labels' in metric ? (metric.labels ?? []) : []).every((label) =>
          [
            'action',
            // The members of a clusterset and their gateways: few, and named by their operators.
            'cluster',
            'peer',
            'transport',
            'rcode',
            'state',
            'store',
            'outcome',
            'reason',
            'reconciler',
            'verb',
            'result',
            'family',
            'what',
            'source',
          ].includes(label),
        ),
      ],
    ];
    for (const [rule, holds] of rules) if (!holds) wrong.push(`${name}: breaks the rule: ${rule}`);
  }
  assert.deepEqual(wrong, []);
});

test('a metric of one name means one thing', async () => {
  const seen = new Map<string, string>();
  for (const { name, type, help } of [...(await everyMetric()).values()].flat()) {
    const meaning = `${type} ${help}`;
    assert.equal(seen.get(name) ?? meaning, meaning, name);
    seen.set(name, meaning);
  }
});
