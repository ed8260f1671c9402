import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  forwardsOf,
  isRedirected,
  redirect,
  restore,
  sectionOf,
  withoutSection,
  withSection,
} from '../../../../src/membership/lighthouse/section.ts';

/** As Submariner's operator writes it. */
const SECTION =
  '#lighthouse-start AUTO-GENERATED SECTION. DO NOT EDIT\nclusterset.local:53 {\n    forward . 100.2.177.123\n}\n#lighthouse-end\n';
const REST =
  '.:53 {\n    errors\n    kubernetes cluster.local\n    forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n    reload\n}\n';

test('the section is found where it is, indented or not, and the rest is left', () => {
  const indented = SECTION.replaceAll(/^(?=.)/gm, '    ');
  for (const corefile of [SECTION + REST, REST + SECTION, indented + REST]) {
    assert.match(sectionOf(corefile) ?? '', /^\s*#lighthouse-start[^]*#lighthouse-end\n$/);
    assert.equal(withoutSection(corefile), REST);
  }
  assert.equal(sectionOf(REST), undefined);
  assert.equal(withoutSection(REST), REST);
});

test('it forwards elsewhere, says where it forwarded to, and forwards there again', () => {
  const there = withSection(SECTION + REST, (section) => redirect(section, ['10.96.0.53', 'fd00::53']));
  assert.equal(
    there,
    SECTION.replace('forward . 100.2.177.123', 'forward . 10.96.0.53 fd00::53 # pharos: was 100.2.177.123') +
      REST,
    'and nothing else of the Corefile does',
  );
  assert.deepEqual(forwardsOf(sectionOf(there) ?? ''), ['10.96.0.53', 'fd00::53']);
  assert.equal(isRedirected(sectionOf(there) ?? ''), true);
  assert.equal(withSection(there, restore), SECTION + REST);
});

test('what the operator writes anew counts as not taken over', () => {
  assert.equal(isRedirected(SECTION), false);
});

test('redirecting twice is redirecting once, and restoring gives every byte back', () => {
  const server = fc.constantFrom('10.0.0.1', '10.96.0.10:53', 'fd00::1');
  const line = fc
    .tuple(fc.constantFrom('', '    ', '\t'), server, fc.constantFrom('', ' ', '  '))
    .map(([indent, address, blank]) => `${indent}forward . ${address}${blank}`);
  const blocks = fc
    .array(
      fc.oneof(line, fc.constantFrom('clusterset.local:53 {', '}', '', '  errors', '# forward . 1.1.1.1')),
    )
    .map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(blocks, server, server, (text, first, second) => {
      assert.equal(restore(redirect(text, [first])), text);
      assert.equal(redirect(redirect(text, [first]), [second]), redirect(text, [second]));
    }),
  );
});
