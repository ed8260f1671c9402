import { wantsColour } from '../config/environment.ts';
import { createLogging, type LoggerOptions } from '../observability/logger.ts';
import type { Context } from './command.ts';

/** The loggers of a long-running process: they write to stderr. */
export const loggingTo = (
  { environment, stderr }: Context,
  values: { readonly logFormat: LoggerOptions['format']; readonly logLevel: LoggerOptions['level'] },
): ReturnType<typeof createLogging> =>
  createLogging({
    level: values.logLevel,
    format: values.logFormat,
    colour: wantsColour(environment, stderr),
    write: (line) => stderr.write(line),
  });
