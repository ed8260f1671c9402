#!/usr/bin/env node
/** The command `pharos`: reads the command line and hands over to one of src/commands. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { commands } from './commands/commands.ts';
import { failureText } from './commands/user-error.ts';
import { configure } from './config/configure.ts';
import { inheritedEnvironment } from './config/environment.ts';
import { specs } from './config/specs/specs.ts';
import type { Endable } from './runtime/shutdown.ts';

/**
 * At its exit Node joins V8's threads. One of them that compiles just then may wait for a collection of garbage, which
 * nobody makes any more, and the process stays for ever (nodejs/node#54918). So the compiler that is at work most of
 * the time has no thread, and the others have a moment to finish before a server that is done exits.
 */
setFlagsFromString('--no-concurrent-sparkplug');
const COMPILERS_MS = 50;
const endable: Endable = {
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => void setTimeout(() => process.exit(code), COMPILERS_MS),
};

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const environment = inheritedEnvironment();
const configured = configure(specs, version, process.argv.slice(2), environment);

// Whoever reads our output may go away, as `head` does; who reads the log must not end us by that.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.stderr.on('error', () => {});

switch (configured.type) {
  case 'print':
    process.stdout.write(configured.text);
    break;
  case 'wrong':
    process.stderr.write(`${configured.problem}\n`);
    process.exitCode = 2;
    break;
  case 'run': {
    const { spec, values } = configured;
    try {
      const run = await commands.get(spec)!();
      const { stdout, stderr } = process;
      // What is running ends by a signal. Else nothing that a library left open may keep the process alive.
      const result = await run(values, { version, environment, stdout, stderr, process: endable });
      if (result !== 'running') process.exit(result === 'done' ? 0 : 1);
    } catch (error) {
      process.stderr.write(`${failureText(spec.name, error)}\n`);
      process.exit(1);
    }
    break;
  }
  default:
    configured satisfies never;
}
