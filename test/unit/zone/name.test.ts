import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { formatDomainName, parseDomainName, parseZoneName } from '../../../src/zone/name.ts';

const at = { namespace: 'ns', service: 'svc' };

suite('the form of a name', () => {
  const rows: Record<string, ReturnType<typeof parseZoneName>> = {
    '': { kind: 'apex' },
    'dns-version': { kind: 'dns-version' },
    'ns.dns': { kind: 'name-server' },
    dns: { kind: 'dns' },
    svc: { kind: 'svc' },
    'ns.svc': { kind: 'namespace', namespace: 'ns' },
    'svc.ns.svc': { kind: 'service', ...at },
    'west.svc.ns.svc': { kind: 'cluster', cluster: 'west', ...at },
    'db-0.west.svc.ns.svc': { kind: 'endpoint', endpoint: 'db-0', cluster: 'west', ...at },
    '_tcp.svc.ns.svc': { kind: 'protocol', protocol: 'tcp', ...at },
    '_http._tcp.svc.ns.svc': { kind: 'port', port: 'http', protocol: 'tcp', ...at },
    '_tcp.west.svc.ns.svc': { kind: 'protocol', protocol: 'tcp', cluster: 'west', ...at },
    '_http._tcp.west.svc.ns.svc': { kind: 'port', port: 'http', protocol: 'tcp', cluster: 'west', ...at },
    'http._tcp.svc.ns.svc': { kind: 'other', service: at },
    'http._tcp.west.svc.ns.svc': { kind: 'other', service: at },
    '_x._http._tcp.svc.ns.svc': { kind: 'other', service: at },
    'x.db-0.west.svc.ns.svc': { kind: 'other', service: at },
    'x._http._tcp.west.svc.ns.svc': { kind: 'other', service: at },
    'x.dns': { kind: 'other' },
    'ns\\.dns': { kind: 'other' },
    'x.dns-version': { kind: 'other' },
    pod: { kind: 'other' },
  };
  for (const [name, form] of Object.entries(rows)) {
    test(`${name === '' ? '(the zone itself)' : name} is ${form.kind}`, () =>
      assert.deepEqual(parseZoneName(parseDomainName(name)), form));
  }
});

suite('presentation form', () => {
  const label = fc
    .uint8Array({ minLength: 1, maxLength: 63 })
    .map((bytes) => String.fromCharCode(...bytes).replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()));

  test('parsing what was formatted gives the labels again, whatever bytes they hold', () => {
    fc.assert(
      fc.property(fc.array(label, { maxLength: 3 }), (labels) => {
        assert.deepEqual(parseDomainName(formatDomainName(labels)), labels);
      }),
    );
  });

  test('only ASCII letters have a lower case', () => {
    assert.deepEqual(parseDomainName('WeB.\\196.LOCAL.'), ['web', '\xc4', 'local']);
  });

  test('the final dot may be left out, an escaped one is part of the label', () => {
    assert.deepEqual(parseDomainName('a.b.'), ['a', 'b']);
    assert.deepEqual(parseDomainName('a.b'), ['a', 'b']);
    assert.deepEqual(parseDomainName('a.b\\.'), ['a', 'b.']);
    assert.deepEqual(parseDomainName('.'), []);
  });

  for (const [what, name] of Object.entries({
    'an empty label': 'a..b',
    'two final dots': 'a..',
    'a label over 63 bytes': `${'a'.repeat(64)}.b`,
    'a name over 255 bytes': Array<string>(5).fill('a'.repeat(60)).join('.'),
    'a character that is no byte': 'a.\u{1F600}',
    'an escape of no byte': 'a.\\999',
  })) {
    test(`${what} is an error`, () => assert.throws(() => parseDomainName(name), /is not a domain name/));
  }
});
