import { stringify } from 'yaml';
import { wantsColour } from '../config/environment.ts';
import type { Values } from '../config/flag.ts';
import type { explainSpec } from '../config/specs/explain.ts';
import { EXPLANATION, type Explanation } from '../explain/explanation.ts';
import { explanationText } from '../explain/explanation-text.ts';
import { explain } from '../explain/explain.ts';
import { parseQuestion, type TypedQuestion } from '../explain/question.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Origin } from '../zone/name.ts';
import type { Context, Run } from './command.ts';
import { readCluster } from './explain/read-cluster.ts';
import { openMemberAndBroker } from './open-broker-of.ts';
import { hasCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

type ExplainValues = Values<typeof explainSpec>;

export const runExplain: Run<typeof explainSpec> = async (values, context) => {
  const explanation = await (isCluster(values, context)
    ? askCluster(values, context)
    : askPlayground(values));
  context.stdout.write(
    formatExplanation(explanation, values.output, wantsColour(context.environment, context.stdout)),
  );
  return 'done';
};

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

/** Without a flag that says so, it is a cluster where there is one to ask. */
function isCluster({ kubeconfig, playground }: ExplainValues, context: Context): boolean {
  if (kubeconfig !== undefined && playground !== undefined) {
    throw new UserError('either --kubeconfig or --playground: they say whose answer is to be explained');
  }
  return playground === undefined && (kubeconfig !== undefined || hasCluster(context));
}

async function askCluster(values: ExplainValues, context: Context): Promise<Explanation> {
  if (values.cluster !== undefined) {
    throw new UserError('--cluster is for a playground: a kubeconfig is of one cluster');
  }
  if (values.at !== undefined) {
    throw new UserError(
      'an API server does not know what was: --at asks a DNS server, which remembers its recent changes: ' +
        '"kubectl -n pharos-system port-forward deployment/pharos-dns 9153", and --playground http://127.0.0.1:9153',
    );
  }
  using opened = await openMemberAndBroker(values, context);
  const { question, world } = await readCluster(
    { ...opened, zone: ['clusterset.local.'], now: systemClock.now() },
    ({ origins }) => questionOf(values, origins),
  );
  return explain(question, world, values.from);
}

function questionOf({ name, type }: ExplainValues, origins: readonly Origin[]): TypedQuestion {
  try {
    return parseQuestion(name, type, origins);
  } catch (error) {
    throw new UserError((error as Error).message, { cause: error });
  }
}

const DEFAULT_PLAYGROUND = 'http://127.0.0.1:8053';

/** Longer than this a playground does not think. */
const PATIENCE_MS = 10_000;

async function askPlayground({
  name,
  type,
  from,
  cluster,
  at,
  playground = DEFAULT_PLAYGROUND,
}: ExplainValues): Promise<Explanation> {
  const query = new URLSearchParams({ name, type });
  if (from !== undefined) query.set('from', from);
  if (cluster !== undefined) query.set('cluster', cluster);
  if (at !== undefined) query.set('at', at);
  const failure = (why: string, cause?: unknown): UserError =>
    new UserError(`Cannot ask ${playground}: ${why}`, { cause });
  let response: Response;
  let body: string;
  try {
    response = await fetch(`${playground}/api/v1/explain?${query.toString()}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    body = await response.text();
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    throw failure(`${why}; does "pharos playground" or "pharos dns" run there?`, error);
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
