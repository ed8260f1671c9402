import { pino } from 'pino';
import type { Log } from './log.ts';
import { prettyLine } from './pretty.ts';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'pretty';
  readonly colour: boolean;
  /** Gets whole lines. */
  readonly write: (line: string) => void;
}

/**
 * Makes loggers for the parts of a process. Lines are JSON with `time` (RFC 3339), `level` (a word),
 * `component`, the fields, then `msg`; or the same for reading. `fields` go on every line of that logger.
 */
export function createLogging(options: LoggerOptions): (component: string, fields?: object) => Log {
  const { level, format, colour, write } = options;
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    { write: format === 'json' ? write : (line: string) => write(prettyLine(line, colour)) },
  );
  return (component, fields) => root.child({ component, ...fields });
}

/**
 * What is worth knowing of an error: errors with a `code` were expected and say all in their message,
 * others are bugs and bring their stack.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? { stack: error.stack } : { code }),
    ...(error.cause instanceof Error && { cause: error.cause.message }),
  };
}
