import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inOrder, together } from '../../../src/discovery/steps.ts';
import { StoreError } from '../../../src/store/store.ts';

const refusal = new StoreError('invalid', 'no such thing');
const outage = new StoreError('unavailable', 'away');
/** Notes its name in `done`, and then fails as told. */
const step =
  (done: string[], name: string, error?: Error): (() => Promise<void>) =>
  async () => {
    done.push(name);
    if (error !== undefined) throw error;
  };

describe('steps in order', () => {
  const ROWS: Readonly<
    Record<string, { errors: readonly (Error | undefined)[]; done: string[]; rejects?: Error }>
  > = {
    'go one after the other': { errors: [undefined, undefined, undefined], done: ['0', '1', '2'] },
    'go on after an object that the server does not take, and say so in the end': {
      errors: [undefined, refusal, undefined],
      done: ['0', '1', '2'],
      rejects: refusal,
    },
    'end at any other error': { errors: [undefined, outage, undefined], done: ['0', '1'], rejects: outage },
    'end at another error after a refusal': { errors: [refusal, outage], done: ['0', '1'], rejects: outage },
  };
  for (const [name, { errors, done, rejects }] of Object.entries(ROWS)) {
    it(name, async () => {
      const made: string[] = [];
      const all = inOrder(...errors.map((error, at) => step(made, String(at), error)));
      if (rejects === undefined) await all;
      else await assert.rejects(all, rejects);
      assert.deepEqual(made, done);
    });
  }
});

describe('steps together', () => {
  it('are all made, whatever becomes of one', async () => {
    const made: string[] = [];
    const steps = [step(made, 'a', refusal), step(made, 'b')];
    await assert.rejects(together(steps.map((each) => each())), refusal);
    assert.deepEqual(made, ['a', 'b']);
  });

  it('reject with the error that ends an order, if there is one', async () => {
    await assert.rejects(together([Promise.reject(refusal), Promise.reject(outage)]), outage);
  });
});
