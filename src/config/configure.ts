/** From the command line, the environment and the config file to one checked, typed value. */
import { readFileSync } from 'node:fs';
import { readArguments } from './arguments.ts';
import { type Environment, userPath } from './environment.ts';
import { type ConfigFile, parseConfigFile } from './file.ts';
import { type CommandSpec, type Values, variableOf } from './flag.ts';
import { resolveValues } from './resolve.ts';

export type Configured =
  | { readonly type: 'run'; readonly spec: CommandSpec; readonly values: Values<CommandSpec> }
  | { readonly type: 'print'; readonly text: string }
  /** Wrong usage, in one line or as a list. */
  | { readonly type: 'wrong'; readonly problem: string };

/** @param args what follows the program's name */
export function configure(
  specs: readonly CommandSpec[],
  version: string,
  args: readonly string[],
  environment: Environment,
): Configured {
  const invocation = readArguments(specs, version, args);
  if (invocation.type !== 'run') return invocation;
  const { spec, written } = invocation;
  const problems: string[] = [];

  const path =
    'config' in spec.flags
      ? (written.get('config')?.at(-1) ?? environment.variables[variableOf('config')])
      : undefined;
  let file: ConfigFile | undefined;
  if (path !== undefined) {
    try {
      file = parseConfigFile(path, readFileSync(userPath(environment, path), 'utf8'), spec.flags);
      problems.push(...file.problems);
    } catch (error) {
      problems.push(`--config "${path}": cannot be read: ${(error as Error).message}`);
    }
  }
  const resolved = resolveValues(spec, {
    written,
    variables: environment.variables,
    ...(file !== undefined && path !== undefined && { file: { path, entries: file.entries } }),
  });
  if (!resolved.ok) problems.push(...resolved.problems);
  if (resolved.ok && problems.length === 0) return { type: 'run', spec, values: resolved.values };
  return { type: 'wrong', problem: listed(spec.name, problems) };
}

function listed(command: string, problems: readonly string[]): string {
  const end = `see pharos ${command} --help`;
  if (problems.length === 1) return `pharos ${command}: ${problems[0]}; ${end}`;
  const lines = problems.map((problem) => `  ${problem}`);
  return [`pharos ${command}: ${problems.length} things are wrong; ${end}`, ...lines].join('\n');
}
