import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Listing, OutputFormat } from '../../../src/commands/listing.ts';
import { LOOK_EVERY_MS, showListing } from '../../../src/commands/show-listing.ts';
import { StoreError } from '../../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface Fruit {
  readonly name: string;
  readonly colour: string;
  readonly weighedAt?: number;
}

const fruits: Listing<Fruit> = {
  nameOf: ({ name }) => name,
  none: 'The basket is empty',
  newsOf: (fruit) => ({ ...fruit, weighedAt: undefined }),
  columns: [
    { heading: 'NAME', text: ({ name }) => name },
    { heading: 'COLOUR', text: ({ colour }) => colour },
    { heading: 'WEIGHED', wide: true, text: ({ weighedAt }) => String(weighedAt ?? '-') },
  ],
};

const apple: Fruit = { name: 'apple', colour: 'green' };
const pear: Fruit = { name: 'pear', colour: 'yellow' };
const away = new StoreError('unavailable', 'Cannot list fruits: the market is closed');

/** What `--watch` prints while the basket shows one state after the other. */
async function watched(output: OutputFormat, ...states: (readonly Fruit[] | StoreError)[]) {
  const clock = new FakeClock();
  const printed: string[] = [];
  const told: string[] = [];
  const listeners = new Map<string, () => void>();
  let at = 0;
  const look = async (): Promise<readonly Fruit[]> => {
    const state = states[Math.min(at++, states.length - 1)] ?? [];
    if (state instanceof StoreError) throw state;
    return state;
  };
  const surroundings = {
    stdout: { write: (text: string) => printed.push(text) },
    stderr: { write: (text: string) => told.push(text) },
    process: {
      on: (signal: string, listener: () => void) => listeners.set(signal, listener),
      off: (signal: string) => listeners.delete(signal),
      exit: () => assert.fail('it does not end the process'),
    },
  };
  const running = showListing(fruits, look, { output, watch: true }, surroundings, clock);
  await clock.advance(LOOK_EVERY_MS * states.length);
  listeners.get('SIGTERM')?.();
  assert.equal(await running, 'done');
  assert.equal(listeners.size, 0, 'a second signal is not held up');
  return { printed: printed.join(''), told: told.join('') };
}

describe('watching', () => {
  it('prints all at first, then only what is new, without the headings', async () => {
    const { printed } = await watched('table', [apple], [apple, pear], [{ ...apple, colour: 'red' }, pear]);
    assert.equal(printed, 'NAME    COLOUR\napple   green\npear   yellow\napple   red\n');
  });

  it('says what is gone, and prints it again when it is back', async () => {
    const { printed } = await watched('table', [apple, pear], [apple], [apple, pear]);
    assert.equal(printed, 'NAME    COLOUR\napple   green\npear    yellow\npear is gone\npear   yellow\n');
  });

  it('prints nothing for what moves all the time', async () => {
    const { printed } = await watched('wide', [{ ...apple, weighedAt: 1 }], [{ ...apple, weighedAt: 2 }]);
    assert.equal(printed, 'NAME    COLOUR   WEIGHED\napple   green    1\n');
  });

  it('prints JSON documents, each of which can be read', async () => {
    const { printed } = await watched('json', [apple, pear], [{ ...apple, colour: 'red' }]);
    const documents = printed.split(/(?<=^\]\n)/m).map((text): unknown => JSON.parse(text));
    assert.deepEqual(documents, [[apple, pear], [{ ...apple, colour: 'red' }], [{ gone: 'pear' }]]);
  });

  it('says once that a server is away, goes on, and says that it is back', async () => {
    const { printed, told } = await watched('table', [apple], away, away, [apple, pear]);
    assert.equal(
      told,
      'Cannot list fruits: the market is closed; this goes on when it answers\nIt answers again\n',
    );
    assert.equal(printed, 'NAME    COLOUR\napple   green\npear   yellow\n');
  });

  it('says so where there is nothing', async () => {
    const { printed, told } = await watched('table', []);
    assert.deepEqual([printed, told], ['NAME   COLOUR\n', 'The basket is empty\n']);
  });
});

it('an error before anything was seen ends the command', async () => {
  const surroundings = { stdout: { write() {} }, stderr: { write() {} }, process };
  const showing = showListing(
    fruits,
    () => Promise.reject(away),
    { output: 'table', watch: true },
    surroundings,
  );
  await assert.rejects(showing, away);
});
