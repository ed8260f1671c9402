import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import {
  importsServers,
  withoutStub,
  withStub,
  zonesOfOthers,
  zoneServerOf,
} from '../../../src/membership/corefile.ts';

const stub = { zones: ['clusterset.local'], servers: ['10.96.0.53'] };
const KUBEADM = `.:53 {
    errors
    health {
       lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
    }
    forward . /etc/resolv.conf
    cache 30
}
`;
const K3S = `.:53 {
    errors
    import /etc/coredns/custom/*.override
}
import /etc/coredns/custom/*.server
`;

suite('the stub domains in a Corefile', () => {
  test('a block for each zone stands at the end, between marks', () => {
    assert.equal(
      withStub(KUBEADM, {
        zones: ['clusterset.local.', '243.in-addr.arpa'],
        servers: ['10.96.0.53', '[fd00::53]:5353'],
      }),
      `${KUBEADM}
# BEGIN pharos: written by "pharos join", taken out by "pharos leave"
clusterset.local:53 {
    errors
    forward . 10.96.0.53 [fd00::53]:5353
}
243.in-addr.arpa:53 {
    errors
    forward . 10.96.0.53 [fd00::53]:5353
}
# END pharos
`,
    );
  });

  test('a second time changes nothing, another address replaces the first', () => {
    const once = withStub(KUBEADM, stub);
    assert.equal(withStub(once, stub), once);
    const moved = withStub(once, { ...stub, servers: ['10.96.0.99'] });
    assert.equal(moved, withStub(KUBEADM, { ...stub, servers: ['10.96.0.99'] }));
  });

  test('what is taken out leaves every other byte as it was, whatever the Corefile', () => {
    const line = fc.constantFrom(
      '',
      '\n',
      '\n\n',
      ' ',
      '\r\n',
      KUBEADM,
      K3S,
      '# BEGIN',
      '# END pharos',
      'a:53 {\n}',
    );
    const corefile = fc.oneof(
      fc.array(line).map((parts) => parts.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(corefile, (text) => {
        assert.equal(withoutStub(text), text);
        assert.equal(withoutStub(withStub(text, stub)), text);
      }),
    );
  });

  test('what others add behind it stays when it goes', () => {
    const later = 'example.org:53 {\n    forward . 1.2.3.4\n}\n';
    assert.equal(withoutStub(`${withStub(KUBEADM, stub)}${later}`), `${KUBEADM}${later}`);
  });

  for (const [block, taken] of [
    ['clusterset.local:53 {\n}', true],
    ['clusterset.local {\n}', true],
    ['dns://Clusterset.Local.:53 {\n}', true],
    ['example.org:53, clusterset.local:53 {\n}', true],
    ['. {\n    forward clusterset.local 10.0.0.1\n}', false],
    ['# clusterset.local:53 {', false],
    ['svc.clusterset.local:53 {\n}', false],
  ] as const) {
    test(`${JSON.stringify(block)} ${taken ? 'serves the zone already' : 'does not serve the zone'}`, () => {
      assert.deepEqual(zonesOfOthers(block, ['clusterset.local']), taken ? ['clusterset.local'] : []);
    });
  }

  test('its own block is not somebody else’s', () => {
    assert.deepEqual(zonesOfOthers(withStub(KUBEADM, stub), ['clusterset.local']), []);
  });

  test('k3s reads servers from files beside it, kubeadm does not', () => {
    assert.equal(importsServers(K3S), true);
    assert.equal(importsServers(KUBEADM), false);
    assert.equal(importsServers('. {\n    import custom/*.server\n}'), false);
  });
});

test('reverse zones are in one block beside the zone’s own, and go with it', () => {
  const stub = {
    zones: ['clusterset.local', '2.10.in-addr.arpa', '3.10.in-addr.arpa'],
    servers: ['10.96.0.53'],
  };
  const before = '.:53 {\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n}\n';
  const after = withStub(before, stub);
  assert.match(
    after,
    /\nclusterset\.local:53 \{\n {4}errors\n {4}forward \. 10\.96\.0\.53\n\}\n2\.10\.in-addr\.arpa:53 3\.10\.in-addr\.arpa:53 \{\n/,
  );
  assert.equal(withoutStub(after), before);
  assert.deepEqual(zonesOfOthers(`3.10.in-addr.arpa {\n}\n${before}`, stub.zones), ['3.10.in-addr.arpa']);
});

test('who answers for a zone is told, in whatever way it gets there', () => {
  const cases: readonly (readonly [corefile: string, expected: unknown])[] = [
    ['.:53 {\n    forward . /etc/resolv.conf\n}\n', undefined],
    [
      'clusterset.local:53 {\n    errors\n    forward . 10.0.0.1 10.0.0.2\n}\n',
      { by: 'forward', to: ['10.0.0.1', '10.0.0.2'] },
    ],
    [
      'dns://Clusterset.Local. {\n    forward . 10.0.0.1 {\n        max_fails 0\n    }\n}\n',
      { by: 'forward', to: ['10.0.0.1'] },
    ],
    ['clusterset.local {\n    pharos dns+srv://x\n}\n', { by: 'pharos' }],
    [
      '.:53 {\n    kubernetes cluster.local clusterset.local {\n        multicluster clusterset.local\n    }\n}\n',
      { by: 'multicluster' },
    ],
    ['clusterset.local {\n    errors\n}\n', { by: 'other' }],
    ['# clusterset.local {\n# }\n', undefined],
  ];
  for (const [corefile, expected] of cases) {
    assert.deepEqual(zoneServerOf(corefile, 'clusterset.local.'), expected, corefile);
  }
});
