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

const flagsOf = ({ flags }: CommandSpec): [name: string, flag: Flag][] => Object.entries(flags);
const operandsOf = ({ operands }: CommandSpec): Operand[] => Object.values(operands);
const isValued = (flag: Flag): flag is Exclude<Flag, { form: 'switch' }> => flag.form !== 'switch';

function bash(specs: readonly CommandSpec[]): string {
  const cases = specs.map((spec) => {
    const values = flagsOf(spec).flatMap(([name, flag]) =>
      isValued(flag) ? [`        --${name}) ${bashValues(flag)} ;;`] : [],
    );
    const flags = [...flagsOf(spec).map(([name]) => `--${name}`), '--help'].join(' ');
    const [operand] = operandsOf(spec);
    return `    "${spec.name}")
      case "$previous" in
${values.join('\n')}
        *) if [[ "$word" == -* || ${operand === undefined ? 1 : 0} == 1 ]]; then COMPREPLY=($(compgen -W "${flags}" -- "$word"))
           else ${operand === undefined ? ':' : bashValues(operand)}; fi ;;
      esac ;;`;
  });
  return `# bash completion for pharos; use it by: source <(pharos completion bash)
_pharos() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if [[ $COMP_CWORD == 1 ]]; then
    COMPREPLY=($(compgen -W "${specs.map(({ name }) => name).join(' ')} --help --version" -- "$word"))
    return
  fi
  case "$command" in
${cases.join('\n')}
  esac
}
complete -F _pharos pharos
`;
}

function bashValues({ choices, completes }: Pick<Operand, 'choices' | 'completes'>): string {
  if (choices !== undefined) return `COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word"))`;
  if (completes === 'directory') return 'COMPREPLY=($(compgen -d -- "$word"))';
  return completes === 'file' ? 'COMPREPLY=($(compgen -f -- "$word"))' : 'COMPREPLY=()';
}

function zsh(specs: readonly CommandSpec[]): string {
  const quoted = (text: string): string => text.replaceAll(/[[\]:\\]/g, '\\$&').replaceAll("'", "'\\''");
  const action = (value: Pick<Operand, 'placeholder' | 'choices' | 'completes'>): string => {
    const what = value.placeholder.replaceAll(':', ' ');
    if (value.choices !== undefined) return `:${what}:(${value.choices.join(' ')})`;
    if (value.completes === 'directory') return `:${what}:_files -/`;
    return value.completes === 'file' ? `:${what}:_files` : `:${what}:`;
  };
  const cases = specs.map((spec) => {
    const flags = flagsOf(spec).map(([name, flag]) => {
      const star = flag.form === 'list' ? '*' : '';
      const value = isValued(flag) ? action(flag) : '';
      return `      '${star}--${name}[${quoted(flag.help)}]${value}'`;
    });
    const operands = operandsOf(spec).map((operand, index) => `      '${index + 1}${action(operand)}'`);
    const lines = ["      '--help[print help]'", ...flags, ...operands].join(' \\\n');
    return `    ${spec.name})\n    _arguments -S \\\n${lines} ;;`;
  });
  const names = specs.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`).join('\n');
  return `#compdef pharos
# zsh completion for pharos; use it by: source <(pharos completion zsh)
_pharos() {
  local -a commands=(
${names}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
compdef _pharos pharos
`;
}

function fish(specs: readonly CommandSpec[]): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  const lines = [
    '# fish completion for pharos; use it by: pharos completion fish | source',
    'complete -c pharos -f',
  ];
  const values = ({ choices, completes }: Pick<Operand, 'choices' | 'completes'>): string => {
    if (choices !== undefined) return ` -xa ${quoted(choices.join(' '))}`;
    if (completes === 'directory') return " -xa '(__fish_complete_directories)'";
    return completes === 'file' ? ' -rF' : ' -x';
  };
  for (const spec of specs) {
    lines.push(
      `complete -c pharos -n __fish_use_subcommand -a ${quoted(spec.name)} -d ${quoted(spec.summary)}`,
    );
    const here = `complete -c pharos -n ${quoted(`__fish_seen_subcommand_from ${spec.name}`)}`;
    for (const [name, flag] of flagsOf(spec)) {
      const value = isValued(flag) ? values(flag) : '';
      lines.push(`${here} -l ${name}${value} -d ${quoted(flag.help)}`);
    }
    for (const operand of operandsOf(spec)) {
      const wanted = values(operand)
        .replace(/^ -xa /, ' -a ')
        .replace(/^ -rF$/, ' -F')
        .replace(/^ -x$/, '');
      if (wanted !== '') lines.push(`${here}${wanted}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
