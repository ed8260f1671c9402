import type { CommandSpec, Flag, Operand } from '../config/flag.ts';
import type { completionSpec } from '../config/specs/completion.ts';
import { specs } from '../config/specs/specs.ts';
import type { Run } from './command.ts';

export const runCompletion: Run<typeof completionSpec> = async ({ shell }, { stdout }) => {
  stdout.write(completionScript(shell, specs));
  return 'done';
};

/** A script that completes commands, flags and values of flags, as `shell` wants it. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', specs: readonly CommandSpec[]): string {
  switch (shell) {
    case 'bash':
      return bash(specs);
    case 'zsh':
      return zsh(specs);
    case 'fish':
      return fish(specs);
    default:
      return shell satisfies never;
  }
}

type Completed = Pick<Operand, 'placeholder' | 'choices' | 'completes'>;

const flagsOf = ({ flags }: CommandSpec): [name: string, flag: Flag][] => Object.entries(flags);
const operandsOf = ({ operands }: CommandSpec): Operand[] => Object.values(operands);
const isValued = (flag: Flag): flag is Exclude<Flag, { form: 'switch' }> => flag.form !== 'switch';

/** First words of the commands → summary; of a group, the words that may follow. */
const firstWords = (specs: readonly CommandSpec[]): Map<string, string> =>
  new Map(
    specs
      .map(({ name, summary }): [string, string] => [name.split(' ')[0] ?? name, summary])
      .map(([word, summary]) => [word, secondWords(specs, word).join(', ') || summary]),
  );

const secondWords = (specs: readonly CommandSpec[], first: string): string[] =>
  specs.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []));

const groupsOf = (specs: readonly CommandSpec[]): string[] =>
  [...firstWords(specs).keys()].filter((first) => secondWords(specs, first).length > 0);

function bash(specs: readonly CommandSpec[]): string {
  const words = (list: readonly string[]): string =>
    `COMPREPLY=($(compgen -W "${list.join(' ')}" -- "$word"))`;
  const values = ({ choices, completes }: Completed): string => {
    if (choices !== undefined) return words(choices);
    if (completes === 'directory') return 'COMPREPLY=($(compgen -d -- "$word"))';
    return completes === 'file' ? 'COMPREPLY=($(compgen -f -- "$word"))' : 'COMPREPLY=()';
  };
  const cases = specs.map((spec) => {
    const valued = flagsOf(spec).flatMap(([name, flag]) =>
      isValued(flag) ? [`        --${name}) ${values(flag)} ;;`] : [],
    );
    const flags = words([...flagsOf(spec).map(([name]) => `--${name}`), '--help']);
    const [operand] = operandsOf(spec);
    const other =
      operand === undefined ? flags : `if [[ "$word" == -* ]]; then ${flags}; else ${values(operand)}; fi`;
    return [
      `    "${spec.name}")`,
      '      case "$previous" in',
      ...valued,
      `        *) ${other} ;;`,
      '      esac ;;',
    ].join('\n');
  });
  const groups = groupsOf(specs).map(
    (group) =>
      `    ${group}) if ((COMP_CWORD == 2)); then ${words(secondWords(specs, group))}; return; fi
      command="$command \${COMP_WORDS[2]}" ;;`,
  );
  return `# bash completion for pharos; use it by: source <(pharos completion bash)
_pharos() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    ${words([...firstWords(specs).keys(), '--help', '--version'])}
    return
  fi
  case "$command" in
${groups.join('\n')}
  esac
  case "$command" in
${cases.join('\n')}
  esac
}
complete -F _pharos pharos
`;
}

function zsh(specs: readonly CommandSpec[]): string {
  const quoted = (text: string): string =>
    text.replaceAll(/[[\]:\\]/g, String.raw`\$&`).replaceAll("'", String.raw`'\''`);
  const action = (value: Completed): string => {
    const what = quoted(value.placeholder);
    if (value.choices !== undefined) return `:${what}:(${value.choices.join(' ')})`;
    if (value.completes === 'directory') return `:${what}:_files -/`;
    return value.completes === 'file' ? `:${what}:_files` : `:${what}:`;
  };
  const cases = specs.map((spec) => {
    const flags = flagsOf(spec).map(([name, flag]) => {
      const star = flag.form === 'list' ? '*' : '';
      const value = isValued(flag) ? action(flag) : '';
      return `'${star}--${name}[${quoted(flag.help)}]${value}'`;
    });
    const operands = operandsOf(spec).map((operand, index) => `'${index + 1}${action(operand)}'`);
    const lines = ["'--help[print help]'", ...flags, ...operands].join(' \\\n      ');
    return `    '${spec.name}')\n      _arguments -S \\\n      ${lines} ;;`;
  });
  const groups = groupsOf(specs).map(
    (group) => `    ${group})
      if ((CURRENT == 2)); then compadd ${secondWords(specs, group).join(' ')}; return; fi
      command="$command $words[2]"
      shift words
      ((CURRENT--)) ;;`,
  );
  const names = [...firstWords(specs)].map(([name, summary]) => `    '${name}:${quoted(summary)}'`);
  return `#compdef pharos
# zsh completion for pharos; use it by: source <(pharos completion zsh)
_pharos() {
  local -a commands=(
${names.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${groups.join('\n')}
  esac
  case $command in
${cases.join('\n')}
  esac
}
compdef _pharos pharos
`;
}

function fish(specs: readonly CommandSpec[]): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
  const values = ({ choices, completes }: Completed): string => {
    if (choices !== undefined) return ` -a ${quoted(choices.join(' '))}`;
    if (completes === 'directory') return " -a '(__fish_complete_directories)'";
    return completes === 'file' ? ' -F' : '';
  };
  const when = (condition: string): string => `complete -c pharos -n ${quoted(condition)}`;
  const lines = [
    '# fish completion for pharos; use it by: pharos completion fish | source',
    'complete -c pharos -f',
  ];
  for (const [name, summary] of firstWords(specs)) {
    lines.push(`${when('__fish_use_subcommand')} -a ${quoted(name)} -d ${quoted(summary)}`);
  }
  for (const spec of specs) {
    const [first = '', second] = spec.name.split(' ');
    const isFirst = `__fish_seen_subcommand_from ${first}`;
    if (second !== undefined) {
      const others = secondWords(specs, first).join(' ');
      const isNext = `${isFirst}; and not __fish_seen_subcommand_from ${others}`;
      lines.push(`${when(isNext)} -a ${quoted(second)} -d ${quoted(spec.summary)}`);
    }
    const here = when(
      second === undefined ? isFirst : `${isFirst}; and __fish_seen_subcommand_from ${second}`,
    );
    for (const [name, flag] of flagsOf(spec)) {
      const value = isValued(flag) ? ` ${flag.completes === 'file' ? '-r' : '-x'}${values(flag)}` : '';
      lines.push(`${here} -l ${name}${value} -d ${quoted(flag.help)}`);
    }
    for (const operand of operandsOf(spec)) {
      if (values(operand) !== '') lines.push(`${here}${values(operand)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
