import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { requiredVersion } from '../../lab/binaries.ts';

const goMod = `module pharos.io/lab/example

go 1.26.0

require k8s.io/kubernetes v1.34.4

require (
	k8s.io/kubernetes-extra v0.1.0 // indirect
	go.etcd.io/etcd/server/v3 v3.6.16 // indirect
)

tool go.etcd.io/etcd/server/v3
`;

suite('the version that a go.mod requires', () => {
  for (const [module, version] of [
    ['k8s.io/kubernetes', 'v1.34.4'],
    ['go.etcd.io/etcd/server/v3', 'v3.6.16'],
  ] as const) {
    test(`of ${module} is ${version}`, () => {
      assert.equal(requiredVersion(goMod, module), version);
    });
  }

  test('of a module that is not required is an error', () => {
    assert.throws(() => requiredVersion(goMod, 'example.org/none'), /does not require example\.org\/none/);
  });
});
