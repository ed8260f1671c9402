import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMeasured, formatVerification, histogram } from '../../../src/commands/format-verification.ts';

test('a verification is a table with a sentence under it, and what others wrote breaks no line', () => {
  const row = {
    from: 'west',
    to: 'east',
    what: 'A of the pod',
    result: 'failed' as const,
    note: 'no\nanswer',
  };
  assert.equal(
    formatVerification({ rows: [row], measured: [] }, 'table'),
    [
      'FROM   TO     WHAT           RESULT   DETAILS',
      'west   east   A of the pod   failed   no answer',
      '',
      '1 of 1 failed; pharos diagnose in either cluster may say why',
      '',
    ].join('\n'),
  );
});

test('a histogram has bars in proportion, and what is far out is in the last one', () => {
  const samples = [...Array.from({ length: 60 }, () => 1), ...Array.from({ length: 30 }, () => 2), 9, 500];
  const bars = histogram(samples, 'ms').map((line) => line.replaceAll(/[^█]/g, '').length);
  assert.equal(bars.length, 8);
  assert.equal(bars[0], 40);
  assert.equal(bars[1], 20);
  assert.ok((bars[7] ?? 0) >= 1);
  assert.deepEqual(histogram([], 'ms'), ['  nothing could be measured']);
  const measured = [
    { from: 'west', to: 'east', what: 'round trip', unit: 'ms' as const, samples, count: 92 },
  ];
  assert.match(
    formatMeasured(measured, 'table'),
    /^west → east, round trip: p50 1 ms, p90 2, p99 500, of 92\n/,
  );
  assert.match(formatMeasured([{ ...measured[0]!, samples: [3] }], 'table'), /p50 3 ms/);
});
