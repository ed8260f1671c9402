import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it, test } from 'node:test';
import { completionScript } from '../../../src/commands/completion.ts';
import { specs } from '../../../src/config/specs/specs.ts';

/** What bash would offer for the last of these words. */
function offered(...words: string[]): string[] {
  const line = [
    completionScript('bash', specs),
    `COMP_WORDS=(pharos ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`,
    '_pharos; printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n');
  return execFileSync('bash', ['-c', line], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

describe('bash completes', () => {
  const rows: Record<string, { words: string[]; wants: string[] }> = {
    'a command': { words: ['pl'], wants: ['playground'] },
    "a command's flags": { words: ['dns', '--st'], wants: ['--store', '--strict-names', '--stale-after'] },
    "a flag's values": { words: ['dns', '--policy', ''], wants: ['local', 'weighted', 'all'] },
    'an operand': { words: ['completion', ''], wants: ['bash', 'zsh', 'fish'] },
    'the second word of a group': { words: ['broker', 'd'], wants: ['deploy'] },
    'the flags of a command of two words': {
      words: ['broker', 'show', '--broker-n'],
      wants: ['--broker-namespace'],
    },
    'nothing for a value that only the user knows': { words: ['dns', '--ttl', ''], wants: [] },
  };
  for (const [sentence, { words, wants }] of Object.entries(rows)) {
    it(sentence, () => assert.deepEqual(offered(...words), wants));
  }
});

for (const shell of ['zsh', 'fish'] as const) {
  test(`the script for ${shell} has every command and flag`, () => {
    const script = completionScript(shell, specs);
    for (const { name, flags } of specs) {
      for (const word of name.split(' ')) assert.ok(script.includes(word), word);
      for (const flag of Object.keys(flags)) {
        assert.ok(script.includes(shell === 'zsh' ? `--${flag}[` : ` -l ${flag} `), flag);
      }
    }
  });
}
