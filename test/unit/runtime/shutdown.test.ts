import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { Shutdown } from '../../../src/runtime/shutdown.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

function setUp() {
  const exits: number[] = [];
  const process = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) });
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const shutdown = new Shutdown({ process, log, clock });
  const errors = (): string[] => lines.filter(({ level }) => level === 'error').map(({ message }) => message);
  return { exits, process, clock, shutdown, errors, lines };
}

describe('a shutdown', () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    it(`on ${signal} aborts, undoes what was set up in reverse order, and exits with 0`, async () => {
      const { exits, process, clock, shutdown, errors } = setUp();
      const done: string[] = [];
      shutdown.defer('store', () => void done.push('store'));
      shutdown.defer('server', async () => {
        await clock.sleep(100);
        done.push('server');
      });
      assert.equal(shutdown.signal.aborted, false);
      process.emit(signal);
      assert.equal(shutdown.signal.aborted, true);
      await clock.advance(99);
      assert.deepEqual([done, exits], [[], []]);
      await clock.advance(1);
      assert.deepEqual([done, exits, errors()], [['server', 'store'], [0], []]);
      assert.deepEqual([clock.pending, process.listenerCount(signal)], [0, 0]);
    });
  }

  it('exits at once when asked a second time', async () => {
    const { exits, process, clock, shutdown } = setUp();
    shutdown.defer('slow', () => new Promise<void>(() => {}));
    process.emit('SIGTERM');
    await clock.advance(10);
    assert.deepEqual(exits, []);
    process.emit('SIGINT');
    assert.deepEqual(exits, [130]);
  });

  it('exits with 1 after five seconds, and names the step that hangs', async () => {
    const { exits, process, clock, shutdown, lines } = setUp();
    shutdown.defer('fast', () => {});
    shutdown.defer('hanging', () => new Promise<void>(() => {}));
    process.emit('SIGTERM');
    await clock.advance(4999);
    assert.deepEqual(exits, []);
    await clock.advance(1);
    assert.deepEqual(exits, [1]);
    assert.partialDeepStrictEqual(lines.at(-1), { level: 'error', fields: { step: 'hanging' } });
  });

  it('goes on after a step that fails, and exits with 1', async () => {
    const { exits, clock, process, shutdown, errors } = setUp();
    let closed = false;
    shutdown.defer('good', () => {
      closed = true;
    });
    shutdown.defer('bad', () => Promise.reject(new Error('no')));
    process.emit('SIGTERM');
    await clock.advance(0);
    assert.deepEqual([closed, exits, errors()], [true, [1], ['Shutdown step failed']]);
  });

  it('can be begun from within, once, with an exit code', async () => {
    const { exits, shutdown } = setUp();
    await Promise.all([shutdown.begin(1), shutdown.begin(0)]);
    assert.deepEqual(exits, [1]);
  });
});
