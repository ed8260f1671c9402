/** Reads the command line by the commands' data. commander does the parsing; nothing else sees it. */
import { Command, CommanderError, Option } from 'commander';
import { type CommandSpec, type Flag, variableOf } from './flag.ts';

export type Invocation =
  | {
      readonly type: 'run';
      readonly spec: CommandSpec;
      readonly written: ReadonlyMap<string, readonly string[]>; // flag or operand name → texts, in order
    }
  /** Asked for: help or version. */
  | { readonly type: 'print'; readonly text: string }
  | { readonly type: 'wrong'; readonly problem: string };

/** @param args what follows the program's name */
export function readArguments(
  specs: readonly CommandSpec[],
  version: string,
  args: readonly string[],
): Invocation {
  let chosen: Invocation | undefined;
  let printed = '';
  const program = prepared(new Command('pharos'))
    .description('Answers for *.clusterset.local: cross-cluster service discovery for Kubernetes.')
    .version(version, '--version', 'print the version')
    .helpCommand(false);
  for (const spec of specs) {
    const [first = '', second] = spec.name.split(' ');
    const parent = second === undefined ? program : group(program, first, specs);
    parent.addCommand(
      commandOf(spec, second ?? first, (written) => (chosen = { type: 'run', spec, written })),
    );
  }
  if (args.length === 0) {
    return {
      type: 'wrong',
      problem: `pharos: no command is given\n\n${program.helpInformation().trimEnd()}`,
    };
  }
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: 'print', text: printed };
    return { type: 'wrong', problem: problemOf(error, args, specs) };
  }
  return chosen ?? { type: 'wrong', problem: problemOf(undefined, args, specs) };

  function prepared(command: Command): Command {
    return (
      command
        // What comes after "gateway drain" is the latter's, also where "gateway" has a flag of that name.
        .enablePositionalOptions()
        .exitOverride()
        .helpOption('-h, --help', 'print this help')
        .configureOutput({ writeOut: (text) => (printed += text), writeErr() {}, outputError() {} })
    );
  }

  function group(program: Command, name: string, specs: readonly CommandSpec[]): Command {
    const existing = program.commands.find((command) => command.name() === name);
    if (existing !== undefined) return existing;
    const members = specs.filter((spec) => spec.name.startsWith(`${name} `));
    const command = prepared(new Command(name)).helpCommand(false);
    command.summary(members.map((spec) => spec.name.slice(name.length + 1)).join(', '));
    program.addCommand(command);
    return command;
  }

  function commandOf(
    spec: CommandSpec,
    name: string,
    run: (written: ReadonlyMap<string, readonly string[]>) => void,
  ): Command {
    const command = prepared(new Command(name))
      .summary(spec.summary)
      .description(spec.description)
      .addHelpText('after', `\n${footer(spec)}`);
    for (const [operand, { required, help }] of Object.entries(spec.operands)) {
      command.argument(required ? `<${operand}>` : `[${operand}]`, help);
    }
    for (const [flag, data] of Object.entries(spec.flags)) {
      for (const option of optionsOf(flag, data)) command.addOption(option);
    }
    return command.action(() => {
      const written = new Map<string, readonly string[]>();
      for (const [flag, data] of Object.entries(spec.flags)) {
        const value: unknown = command.getOptionValue(new Option(`--${flag}`).attributeName());
        if (value === undefined) continue;
        written.set(flag, data.form === 'switch' ? [value === true ? 'true' : 'false'] : (value as string[]));
      }
      for (const [index, operand] of Object.keys(spec.operands).entries()) {
        const text = command.args[index];
        if (text !== undefined) written.set(operand, [text]);
      }
      run(written);
    });
  }
}

function optionsOf(name: string, flag: Flag): Option[] {
  if (flag.form === 'switch') {
    const help = flag.default === undefined ? flag.help : `${flag.help} (default: on; off: --no-${name})`;
    return [new Option(`--${name}`, help), new Option(`--no-${name}`).hideHelp()];
  }
  const list = flag.form === 'list' ? flag.default.join(', ') : flag.default;
  const ending = list === undefined || list === '' ? '' : ` (default: ${list})`;
  const collect = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];
  const short = flag.form === 'list' || flag.short === undefined ? '' : `-${flag.short}, `;
  return [new Option(`${short}--${name} <${flag.placeholder}>`, flag.help + ending).argParser(collect)];
}

function footer({ example, flags }: CommandSpec): string {
  const [first] = Object.keys(flags);
  const variables =
    first === undefined
      ? ''
      : `\n\nEach flag has a variable too, e.g. ${variableOf(first)}, and a key in the file of --config.`;
  return `Example:\n  ${example.command}\n      ${example.effect}${variables}`;
}

/** One line: which command, what is wrong, where to look. */
function problemOf(
  error: CommanderError | undefined,
  args: readonly string[],
  specs: readonly CommandSpec[],
): string {
  const [first = '', second = ''] = args;
  const known = [`${first} ${second}`, first].find((name) => specs.some((spec) => spec.name === name));
  const where = known === undefined ? 'pharos' : `pharos ${known}`;
  return `${where}: ${what()}; see ${where} --help`;

  function what(): string {
    if (error !== undefined && error.code !== 'commander.help') {
      return error.message.replace(/^error: /, '').replace(/\.?\n\(D(id you mean .*)\)$/, '; d$1');
    }
    const followers = specs.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.split(' ')[1]] : []));
    return followers.length === 0
      ? 'no command is given'
      : `${first} is followed by one of: ${followers.join(', ')}`;
  }
}
