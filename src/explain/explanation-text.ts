/** An explanation for somebody who was woken up: the verdict first, then the way to it. Pure. */
import type { Candidate, Explanation, Sent, Step } from './explanation.ts';

const ESCAPE = '\u001b';
const RED = `${ESCAPE}[31m`;
const GREEN = `${ESCAPE}[32m`;
const YELLOW = `${ESCAPE}[33m`;
const PLAIN = `${ESCAPE}[0m`;

const MARKS: Readonly<Record<Step['state'], readonly [mark: string, colour: string]>> = {
  fine: ['ok', ''],
  note: ['note', YELLOW],
  cause: ['WHY', RED],
  unknown: ['?', YELLOW],
};

/** @param colour whether a terminal shows it */
export function explanationText(explanation: Explanation, colour: boolean): string {
  const paint = (text: string, code: string): string =>
    colour && code !== '' ? `${code}${text}${PLAIN}` : text;
  const { verdict, steps, candidates, answer, caches, changes, unknown } = printable(explanation);
  const resolves = verdict.answer === 'records';
  const blocks = [
    [`${paint(resolves ? 'RESOLVES' : 'DOES NOT RESOLVE', resolves ? GREEN : RED)}  ${verdict.text}`],
    stepLines(steps, paint),
    candidates.length === 0 ? [] : ['Clusters:', ...candidates.map((each) => `  ${candidateText(each)}`)],
    ['Answer:', ...answerLines(answer).map((line) => `  ${line}`)],
    caches.length === 0 ? [] : ['Kept on the way:', ...caches.map(({ text }) => `  ${text}`)],
    changes.length === 0
      ? []
      : [
          'What would change it:',
          ...changes.flatMap(({ text, command }) => [
            `  - ${text}`,
            ...(command === undefined ? [] : [`      ${command}`]),
          ]),
        ],
    unknown.length === 0 ? [] : ['Not looked at:', ...unknown.map((text) => `  - ${text}`)],
  ];
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.map((line) => `${line}\n`).join(''))
    .join('\n');
}

function stepLines(steps: readonly Step[], paint: (text: string, code: string) => string): string[] {
  const width = Math.max(...steps.map(({ id }) => id.length));
  return steps.flatMap(({ id, state, text, objects }) => {
    const [mark, code] = MARKS[state];
    return [
      `${id.padEnd(width)}  ${paint(mark.padEnd(4), code)}  ${text}`,
      ...objects.map(({ in: where, kind, namespace, name, created }) => {
        const key = namespace === undefined ? name : `${namespace}/${name}`;
        const age = created === undefined ? '' : `, made ${created}`;
        return `${' '.repeat(width)}        ${where}: ${kind} ${key}${age}`;
      }),
    ];
  });
}

function candidateText({
  cluster,
  own,
  counts,
  chosen,
  text,
  weight,
  exported,
  addresses,
}: Candidate): string {
  const facts = [
    ...(own ? ['this cluster'] : []),
    ...(exported === undefined ? [] : [`exported ${exported}`]),
    ...(weight === undefined || weight === 1 ? [] : [`weight ${weight}`]),
    ...(addresses.length === 0 ? [] : [addressesText(addresses)]),
  ];
  const verdict = chosen ? 'answers' : counts ? 'counts' : 'does not count';
  const about = facts.length === 0 ? '' : ` (${facts.join('; ')})`;
  return `${cluster}: ${verdict}${counts ? '' : `: ${text}`}${about}`;
}

const NAMED = 4;

const addressesText = (addresses: readonly string[]): string =>
  addresses.length > NAMED
    ? `${addresses.slice(0, NAMED).join(' ')} and ${addresses.length - NAMED} more`
    : addresses.join(' ');

const LINES = 12;

function answerLines({ rcode, answer, authority, ttl, ede }: Sent): string[] {
  const records = [...answer, ...authority];
  return [
    `${rcode}${ttl === undefined ? '' : `, may be kept for ${ttl} s`}`,
    ...records.slice(0, LINES),
    ...(records.length > LINES ? [`and ${records.length - LINES} more`] : []),
    ...(ede === undefined ? [] : [`Extended DNS Error ${ede.code}: ${ede.text}`]),
  ];
}

/** Without what a terminal would obey: words in it are somebody else's. */
const printable = (explanation: Explanation): Explanation =>
  JSON.parse(JSON.stringify(explanation), (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(/\p{Cc}/gu, '\u{FFFD}') : value,
  ) as Explanation;
