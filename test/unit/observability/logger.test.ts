import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogging, type LoggerOptions } from '../../../src/observability/logger.ts';

function lines(
  options: Partial<LoggerOptions>,
  log: (logging: ReturnType<typeof createLogging>) => void,
): string[] {
  const written: string[] = [];
  log(
    createLogging({
      level: 'info',
      format: 'json',
      colour: false,
      ...options,
      write: (line) => written.push(line),
    }),
  );
  return written;
}

test('a JSON line has time, level as a word, component, fields, message, and nothing else', () => {
  const [line = ''] = lines({}, (logging) => {
    logging('dns', { cluster: 'west' }).info({ zone: 'clusterset.local.' }, 'answering');
  });
  const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const wanted = {
    level: 'info',
    component: 'dns',
    cluster: 'west',
    zone: 'clusterset.local.',
    msg: 'answering',
  };
  assert.deepEqual(rest, wanted);
});

test('what is less important than the level is left out', () => {
  const written = lines({ level: 'warn' }, (logging) => {
    logging('dns').info({}, 'no');
    logging('dns').warn({}, 'yes');
  });
  assert.deepEqual(
    written.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['yes'],
  );
});

test('an expected error has its code, a bug has its stack', () => {
  const [expected = '', bug = ''] = lines({}, (logging) => {
    logging('x').error({ err: Object.assign(new Error('taken'), { code: 'EADDRINUSE' }) }, 'm');
    logging('x').error({ err: new TypeError('oops', { cause: new Error('why') }) }, 'm');
  }).map((line) => (JSON.parse(line) as { err: object }).err);
  assert.deepEqual(expected, { type: 'Error', message: 'taken', code: 'EADDRINUSE' });
  assert.partialDeepStrictEqual(bug, { type: 'TypeError', message: 'oops', cause: 'why' });
  assert.match((bug as { stack: string }).stack, /logger\.test\.ts/);
});

test('a pretty line reads as a sentence with fields', () => {
  const [line = ''] = lines({ format: 'pretty' }, (logging) => {
    logging('dns').warn({ zone: 'clusterset.local.', detail: 'a b', count: 3 }, 'answering');
  });
  assert.match(
    line,
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}dns: answering zone=clusterset\.local\. detail="a b" count=3\n$/,
  );
});

test('colour is there only when asked for', () => {
  const [line = ''] = lines({ format: 'pretty', colour: true }, (logging) => logging('dns').error({}, 'm'));
  assert.ok(line.includes('\u001b[31mERROR'), JSON.stringify(line));
});
