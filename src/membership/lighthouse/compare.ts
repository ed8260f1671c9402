/** Whether a pod would notice that another server answers. */
import { Resolver } from 'node:dns/promises';
import { Refusal } from '../refusal.ts';
import type { Question } from './plan-migration.ts';

export type Verdict =
  /** Nothing is lost: the same, or other addresses of the same service. */
  | { readonly is: 'same' }
  /** Lighthouse answers, Pharos does not. */
  | { readonly is: 'missing'; readonly lighthouse: readonly string[] }
  /** Pharos answers with addresses that Lighthouse does not know. */
  | { readonly is: 'differs'; readonly lighthouse: readonly string[]; readonly pharos: readonly string[] };

/** Pure. A service of several clusters is answered by turns, so that equal answers are not to be expected. */
export function judge(
  { known }: Question,
  lighthouse: readonly string[],
  pharos: readonly string[],
): Verdict {
  if (lighthouse.length === 0) return { is: 'same' };
  if (pharos.length === 0) return { is: 'missing', lighthouse };
  const may = new Set([...known, ...lighthouse]);
  return pharos.every((address) => may.has(address)) ? { is: 'same' } : { is: 'differs', lighthouse, pharos };
}

export interface Compared {
  readonly question: Question;
  readonly verdict: Verdict;
}

const AT_ONCE = 16;
const TIMEOUT_MS = 2000;

/** Asks both servers for every name. @throws Refusal `not-ready` where one of them does not answer at all */
export async function compareAnswers(
  questions: readonly Question[],
  servers: { readonly lighthouse: string; readonly pharos: string },
): Promise<Compared[]> {
  const [lighthouse, pharos] = [resolverAt(servers.lighthouse), resolverAt(servers.pharos)];
  const compared: Compared[] = [];
  for (let from = 0; from < questions.length; from += AT_ONCE) {
    const some = questions.slice(from, from + AT_ONCE).map(async (question): Promise<Compared> => {
      const [theirs, ours] = await Promise.all([lighthouse(question), pharos(question)]);
      return { question, verdict: judge(question, theirs, ours) };
    });
    compared.push(...(await Promise.all(some)));
  }
  return compared;
}

function resolverAt(server: string): (question: Question) => Promise<string[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 3 });
  resolver.setServers([server]);
  return async ({ name, type }) => {
    try {
      return type === 'A' ? await resolver.resolve4(name) : await resolver.resolve6(name);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
      throw new Refusal(
        'not-ready',
        `${server} does not answer ${type} ${name} (${code ?? 'unknown'}): run this where Services can be reached, such ` +
          'as on a node, or name servers that can be reached by --lighthouse-server and --pharos-server',
        { cause: error },
      );
    }
  };
}
