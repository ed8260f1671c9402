import assert from 'node:assert/strict';
import { it } from 'node:test';
import { explain } from '../../../src/explain/explain.ts';
import { explanationText } from '../../../src/explain/explanation-text.ts';
import { parseQuestion } from '../../../src/explain/question.ts';
import { zoneOf } from '../zone/driver.ts';

const zone = zoneOf({ 'shop/web': { from: { west: { ips: ['10.2.0.1'] } } } });
zone.setReachability(
  new Map([['west', { reachable: false, reason: 'cut \u001b[31mby\u009b a\r\nstranger' }]]),
);
const explanation = explain(parseQuestion('web.shop', 'A', zone.origins), {
  now: 0,
  cluster: 'east',
  zone,
  standingSince: new Map(),
  way: undefined,
  unknown: [],
});

it('begins with the verdict and ends with what would change it', () => {
  const lines = explanationText(explanation, false).split('\n');
  assert.match(
    lines[0] ?? '',
    /^DOES NOT RESOLVE {2}web\.shop\.svc\.clusterset\.local\. A does not resolve in east: /,
  );
  assert.deepEqual(lines.slice(-4), [
    'What would change it:',
    '  - A connection from east to west',
    '      kubectl get gateways.pharos.io -A',
    '',
  ]);
});

it('shows nothing that a terminal would obey, but for its own colours on one', () => {
  assert.doesNotMatch(explanationText(explanation, false), /[^\P{Cc}\n]/u);
  const coloured = explanationText(explanation, true);
  assert.ok(coloured.startsWith('\u001b[31mDOES NOT RESOLVE\u001b[0m'));
  const own = ['\u001b[31m', '\u001b[32m', '\u001b[33m', '\u001b[0m'];
  const without = own.reduce((text, code) => text.replaceAll(code, ''), coloured);
  assert.doesNotMatch(without, /[^\P{Cc}\n]/u);
  assert.ok(!coloured.includes('\u001b[31mby'));
});
