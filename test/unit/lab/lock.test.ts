import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { lock, tryLock } from '../../lab/lock.ts';

const unique = (): string => `test-${process.pid}-${Math.random()}`;

suite('a lock between processes', () => {
  test('is held by one at a time, and told to those who wait', async () => {
    const name = unique();
    const first = await lock(name);
    assert.equal(await tryLock(name), undefined);
    const order: string[] = [];
    const second = lock(name, () => order.push('waiting')).then((held) => {
      order.push('second has it');
      return held;
    });
    // Whether the lock is free is asked by connecting: one round trip later the second one waits.
    while (order.length === 0) await new Promise(setImmediate);
    order.push('first lets go');
    await first[Symbol.asyncDispose]();
    await (await second)[Symbol.asyncDispose]();
    assert.deepEqual(order, ['waiting', 'first lets go', 'second has it']);
  });

  test('is free once its holder has been killed', async () => {
    const name = unique();
    const module = new URL('../../lab/lock.ts', import.meta.url).href;
    const script = `import { lock } from '${module}'; await lock('${name}'); console.log('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    assert.equal(await tryLock(name), undefined);
    const freed = lock(name);
    holder.kill('SIGKILL');
    await (await freed)[Symbol.asyncDispose]();
  });
});
