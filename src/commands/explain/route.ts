/** The question of `GET /api/v1/explain` and its answer, whoever serves it. */
import { ipFamily } from '../../api/ip.ts';
import { parseMoment } from '../../config/moment.ts';
import { explain } from '../../explain/explain.ts';
import { parseQuestion, serviceAskedFor, type TypedQuestion } from '../../explain/question.ts';
import type { StandingSince, World } from '../../explain/world.ts';
import type { Reply } from '../../observability/http.ts';
import type { Origin } from '../../zone/name.ts';
import type { Zone } from '../../zone/zone.ts';

/** A world to explain a question in, or why there is none. */
export type WorldFor = (
  question: TypedQuestion,
  at: number | undefined,
) => World | string | Promise<World | string>;

/**
 * An Explanation as JSON for the parameters `name`, `type` (A unless told), `from` (a client's address) and `at` (a
 * moment: see parseMoment()), or a sentence that says what is wrong with the question.
 *
 * @param now milliseconds since 1970
 */
export async function replyExplanation(
  query: URLSearchParams,
  origins: readonly Origin[],
  now: number,
  worldFor: WorldFor,
): Promise<Reply> {
  const name = query.get('name')?.trim() ?? '';
  if (name === '') return wrong(400, 'Say which name: /api/v1/explain?name=web.shop&type=A');
  const client = query.get('from') ?? undefined;
  if (client !== undefined && ipFamily(client) === undefined) {
    return wrong(400, `from is "${client}", must be the client's IP address`);
  }
  let question: TypedQuestion;
  let at: number | undefined;
  try {
    question = parseQuestion(name, query.get('type') ?? 'A', origins);
    const moment = query.get('at');
    if (moment !== null) at = parseMoment(moment, now);
  } catch (error) {
    return wrong(400, (error as Error).message);
  }
  const world = await worldFor(question, at);
  if (typeof world === 'string') return wrong(404, world);
  const explanation = explain(question, world, client);
  return { status: 200, body: `${JSON.stringify(explanation)}\n`, contentType: 'application/json' };
}

export const wrong = (status: number, body: string): Reply => ({ status, body: `${body}\n` });

/**
 * The world of a server that knows its zone and its recent past, and nothing behind it.
 *
 * @param at undefined = now
 */
export function worldOfZone(
  zone: Zone,
  cluster: string | undefined,
  question: TypedQuestion,
  now: number,
  at: number | undefined,
): World | string {
  const base = { now: at ?? now, cluster, way: undefined };
  if (at !== undefined) {
    const past = zone.at(at);
    if (past !== undefined) return { ...base, zone: past, standingSince: new Map(), unknown: [NOT_KEPT] };
    const since = zone.rememberedSince;
    const known =
      since === undefined ? 'nothing is remembered' : `what was is remembered since ${textOf(since)}`;
    return `What was at ${textOf(at)} is not known here: ${known}`;
  }
  const service = serviceAskedFor(question, zone.origins);
  const since = service && zone.standingSince(service.namespace, service.service);
  const members = service && zone.service(service.namespace, service.service)?.members;
  return {
    ...base,
    zone,
    standingSince: new Map(
      (members ?? []).flatMap(({ id, standing }): [string, StandingSince][] => {
        const time = since?.get(id);
        return time === undefined ? [] : [[id, { is: standing.is, at: textOf(time) }]];
      }),
    ),
    unknown: [],
  };
}

const NOT_KEPT = 'What was exported then: of the past only what the server answered from is kept';

const textOf = (time: number): string => new Date(time).toISOString();
