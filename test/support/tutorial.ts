import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../docs/tutorial');

/**
 * The commands of a tutorial, in order, as a reader copies them: one for each line of its `sh` blocks, lines that
 * end in a backslash joined with the next.
 */
export function tutorialCommands(name: string): string[] {
  const text = readFileSync(join(FOLDER, `${name}.md`), 'utf8');
  return [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .replaceAll('\\\n', '\\\u0000')
      .split('\n')
      .map((line) => line.replaceAll('\u0000', '\n'))
      .filter((line) => line.trim() !== ''),
  );
}
