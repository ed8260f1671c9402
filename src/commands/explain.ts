import { stringify } from 'yaml';
import type { Values } from '../config/flag.ts';
import type { explainSpec } from '../config/specs/explain.ts';
import { EXPLANATION, type Explanation } from '../explain/explanation.ts';
import { explanationText } from '../explain/explanation-text.ts';
import type { Context, Run } from './command.ts';
import { UserError } from './user-error.ts';

type ExplainValues = Values<typeof explainSpec>;

export const runExplain: Run<typeof explainSpec> = async (values, context) => {
  const explanation = await askPlayground(values);
  context.stdout.write(formatExplanation(explanation, values.output, hasColour(context)));
  return 'done';
};

const hasColour = ({ stdout, environment }: Context): boolean =>
  stdout.isTTY === true && (environment.variables['NO_COLOR'] ?? '') === '';

function formatExplanation(
  explanation: Explanation,
  output: ExplainValues['output'],
  colour: boolean,
): string {
  switch (output) {
    case 'table':
      return explanationText(explanation, colour);
    case 'json':
      return `${JSON.stringify(explanation, undefined, 2)}\n`;
    case 'yaml':
      return stringify(explanation);
    default:
      return output satisfies never;
  }
}

/** Longer than this a playground does not think. */
const PATIENCE_MS = 10_000;

async function askPlayground({ name, type, from, cluster, playground }: ExplainValues): Promise<Explanation> {
  const query = new URLSearchParams({ name, type });
  if (from !== undefined) query.set('from', from);
  if (cluster !== undefined) query.set('cluster', cluster);
  const failure = (why: string, cause?: unknown): UserError =>
    new UserError(`Cannot ask the playground at ${playground}: ${why}`, { cause });
  let response: Response;
  let body: string;
  try {
    response = await fetch(`${playground}/api/v1/explain?${query}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    body = await response.text();
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    throw failure(`${why}; does "pharos playground" run there?`, error);
  }
  if (response.status === 400 || response.status === 404) throw new UserError(body.trim().split('\n')[0]);
  if (!response.ok) throw failure(`it answers with HTTP status ${response.status}`);
  try {
    const explanation = JSON.parse(body) as Explanation;
    if (explanation.apiVersion === EXPLANATION.apiVersion && explanation.kind === EXPLANATION.kind) {
      return explanation;
    }
  } catch {
    // Told below: it is no playground.
  }
  throw failure(`what it answers is no ${EXPLANATION.kind} of ${EXPLANATION.apiVersion}`);
}
