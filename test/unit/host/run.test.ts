import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandError, runner } from '../../../src/host/run.ts';

const run = runner();
const code = (code: string) => (error: unknown) => error instanceof CommandError && error.code === code;

describe('running a program of the host', () => {
  it('gives it its arguments and input as they are: no shell is between', async () => {
    assert.equal(await run('printf', ['%s|%s', '$(id)', '; rm *']), '$(id)|; rm *');
    assert.equal(await run('cat', [], { input: '`id` "x"\n' }), '`id` "x"\n');
  });

  it('tells one that is missing, one that fails with its words, one that hangs, and one called off', async () => {
    await assert.rejects(run('pharos-no-such-program', []), code('command-missing'));
    await assert.rejects(run('ls', ['/no/such']), (error: CommandError) => {
      assert.equal(error.code, 'command-failed');
      assert.match(error.message, /^"ls \/no\/such" failed \(exit status 2\): ls: cannot access/);
      return error.status === 2 && error.stderr.includes('/no/such');
    });
    await assert.rejects(run('sleep', ['60'], { deadlineMs: 20 }), code('command-timeout'));
    const calledOff = run('sleep', ['60'], { signal: AbortSignal.timeout(20) });
    await assert.rejects(calledOff, code('command-aborted'));
  });

  it('runs it behind a prefix, as one that enters a namespace', async () => {
    assert.equal(await runner(['env', 'WORD=hi'])('sh', ['-c', 'echo $WORD']), 'hi\n');
  });
});
