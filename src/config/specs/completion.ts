import type { CommandSpec } from '../flag.ts';
import { oneOf } from '../types.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completionSpec = {
  name: 'completion',
  summary: 'print a completion script for a shell',
  description: 'Prints a script that completes commands, flags and their values.',
  example: {
    command: 'source <(pharos completion bash)',
    effect: 'completes pharos commands in this shell; put the line into ~/.bashrc to keep it',
  },
  operands: {
    shell: {
      help: 'bash, zsh or fish',
      placeholder: 'SHELL',
      type: oneOf(...SHELLS),
      choices: SHELLS,
      required: true,
    },
  },
  flags: {},
} as const satisfies CommandSpec;
