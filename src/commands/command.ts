import type { Environment } from '../config/environment.ts';
import type { CommandSpec, Values } from '../config/flag.ts';
import type { Endable } from '../runtime/shutdown.ts';

/** What a command gets beside its flags: the process's surroundings. */
export interface Context {
  readonly version: string;
  readonly environment: Environment;
  /** Data for whoever called: nothing else goes there. */
  readonly stdout: Output;
  /** Logs and messages. */
  readonly stderr: Output;
  /** Is asked to end by signals, and ends. */
  readonly process: Endable;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/**
 * Resolves with `done`, with `failed` when it was done and what it found is bad (exit status 1), or with
 * `running` when everything is set up that will end by a signal.
 * @throws Error: with a `code` it is for the user and its message says all; without one it is a bug
 */
export type Run<S extends CommandSpec> = (
  values: Values<S>,
  context: Context,
) => Promise<'done' | 'failed' | 'running'>;
