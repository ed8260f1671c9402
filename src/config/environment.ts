/** What a process inherits from whoever starts it. Nothing else in Pharos reads the environment. */
import { resolve } from 'node:path';

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of the user start. */
  readonly directory: string;
}

export function inheritedEnvironment(): Environment {
  const { env } = process;
  // `npm start` works in the package's directory and leaves the user's own one in INIT_CWD.
  const fromNpmStart = env['npm_lifecycle_event'] === 'start' ? env['INIT_CWD'] : undefined;
  return { variables: env, directory: fromNpmStart ?? process.cwd() };
}

/** Where the user means `path` to be. */
export const userPath = (environment: Environment, path: string): string =>
  resolve(environment.directory, path);

/** Whether to colour what goes to `stream` (https://no-color.org). */
export const wantsColour = (environment: Environment, stream: { readonly isTTY?: boolean }): boolean =>
  stream.isTTY === true && (environment.variables['NO_COLOR'] ?? '') === '';
