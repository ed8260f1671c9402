import assert from 'node:assert/strict';
import { test } from 'node:test';
import { productionPackages } from '../../lab/images.ts';

test('the packages of an image of Pharos are those that npm installs for production', () => {
  const lockFile = JSON.stringify({
    packages: {
      '': { name: 'pharos', dependencies: { pino: '10' }, devDependencies: { knip: '6' } },
      'node_modules/pino': { version: '10.4.0' },
      'node_modules/pino/node_modules/x': { version: '1.0.0' },
      'node_modules/knip': { version: '6.44.2', dev: true },
    },
  });
  assert.deepEqual(productionPackages(lockFile), ['node_modules/pino', 'node_modules/pino/node_modules/x']);
});
