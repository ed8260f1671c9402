/** The question of `GET /api/v1/explain` and its answer, whoever serves it. */
import { ipFamily } from '../../api/ip.ts';
import { explain } from '../../explain/explain.ts';
import { parseQuestion, type TypedQuestion } from '../../explain/question.ts';
import type { World } from '../../explain/world.ts';
import type { Reply } from '../../observability/http.ts';
import type { Origin } from '../../zone/name.ts';

/**
 * An Explanation as JSON for the parameters `name`, `type` (A unless told) and `from` (a client's address), or a
 * sentence that says what is wrong with the question.
 */
export async function replyExplanation(
  query: URLSearchParams,
  origins: readonly Origin[],
  worldFor: (question: TypedQuestion) => World | Promise<World>,
): Promise<Reply> {
  const name = query.get('name')?.trim() ?? '';
  if (name === '') return wrong(400, 'Say which name: /api/v1/explain?name=web.shop&type=A');
  const client = query.get('from') ?? undefined;
  if (client !== undefined && ipFamily(client) === undefined) {
    return wrong(400, `from is "${client}", must be the client's IP address`);
  }
  let question: TypedQuestion;
  try {
    question = parseQuestion(name, query.get('type') ?? 'A', origins);
  } catch (error) {
    return wrong(400, (error as Error).message);
  }
  const explanation = explain(question, await worldFor(question), client);
  return { status: 200, body: `${JSON.stringify(explanation)}\n`, contentType: 'application/json' };
}

export const wrong = (status: number, body: string): Reply => ({ status, body: `${body}\n` });
