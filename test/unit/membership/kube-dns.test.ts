import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import {
  stubDomainsOfOthers,
  withoutStubDomains,
  withStubDomains,
} from '../../../src/membership/kube-dns.ts';

const stub = { zones: ['clusterset.local', '2.10.in-addr.arpa'], servers: ['10.96.0.53'] };

suite('the stub domains of kube-dns', () => {
  const cases: Readonly<Record<string, readonly [before: string, parsed: object]>> = {
    'nothing yet': ['', { 'clusterset.local': ['10.96.0.53'], '2.10.in-addr.arpa': ['10.96.0.53'] }],
    'an empty object': ['{}', { 'clusterset.local': ['10.96.0.53'], '2.10.in-addr.arpa': ['10.96.0.53'] }],
    'somebody else’s': [
      '{"corp.example": ["10.9.9.9"]}\n',
      {
        'clusterset.local': ['10.96.0.53'],
        '2.10.in-addr.arpa': ['10.96.0.53'],
        'corp.example': ['10.9.9.9'],
      },
    ],
  };
  for (const [what, [before, parsed]] of Object.entries(cases)) {
    test(`${what}: with Pharos’s beside them, and back to the byte`, () => {
      const after = withStubDomains(before, stub) ?? '';
      assert.deepEqual(JSON.parse(after), parsed);
      assert.equal(withStubDomains(after, stub), after, 'a second time changes nothing');
      assert.equal(withoutStubDomains(after), before);
    });
  }

  test('that are somebody else’s are known', () => {
    assert.deepEqual(stubDomainsOfOthers('{"ClusterSet.Local": ["1.2.3.4"]}', stub.zones), [
      'clusterset.local',
    ]);
    assert.deepEqual(stubDomainsOfOthers(withStubDomains('', stub) ?? '', stub.zones), []);
  });

  test('that are no JSON object are left alone', () => {
    for (const text of ['[]', 'clusterset.local', '{"a": '])
      assert.equal(withStubDomains(text, stub), undefined);
  });

  test('are JSON whatever else is there, and every byte of that comes back', () => {
    const others = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,8}\.example$/),
      fc.array(fc.ipV4(), { maxLength: 3 }),
    );
    fc.assert(
      fc.property(others, fc.nat({ max: 4 }), (entries, indent) => {
        const before = JSON.stringify(entries, null, indent);
        const after = withStubDomains(before, stub) ?? '';
        assert.deepEqual(JSON.parse(after), {
          ...entries,
          'clusterset.local': stub.servers,
          '2.10.in-addr.arpa': stub.servers,
        });
        assert.equal(withoutStubDomains(after), before);
      }),
    );
  });
});
