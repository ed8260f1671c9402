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

/** The loggers of an operator's command: what goes wrong beside its outcome, without colour. */
export const operatorLogging = ({ stderr }: Context): ReturnType<typeof createLogging> =>
  createLogging({ level: 'warn', format: 'pretty', colour: false, write: (line) => stderr.write(line) });
