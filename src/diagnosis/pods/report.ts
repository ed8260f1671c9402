/** What a pod that looks around says at its end: the verdicts of the checks that it was told to run. */
import * as z from 'zod';
import type { Verdict } from '../check.ts';
import type { Finding } from '../run-checks.ts';

const verdict = z.discriminatedUnion('is', [
  z.object({ is: z.literal('ok'), note: z.string().optional() }),
  z.object({ is: z.literal('failed'), reasons: z.array(z.string()) }),
  z.object({ is: z.literal('skipped'), why: z.string() }),
  z.object({ is: z.literal('unknown'), why: z.string() }),
]);

const report = z.object({ findings: z.array(z.object({ id: z.string(), verdict })) });

/** id of a check → what came of it */
export type LookReport = ReadonlyMap<string, Verdict>;

/** The kubelet keeps 4096 bytes of what a container leaves at its end. */
const MAX_BYTES = 4000;

/** Made short enough to be kept: long texts are cut. */
export function formatLook(findings: readonly Finding[]): string {
  for (const length of [Infinity, 300, 120, 40]) {
    const text = JSON.stringify({
      findings: findings.map(({ check: { id }, verdict }) => ({ id, verdict: cut(verdict, length) })),
    });
    if (Buffer.byteLength(text) <= MAX_BYTES) return text;
  }
  return JSON.stringify({
    findings: findings.map(({ check: { id } }) => ({
      id,
      verdict: { is: 'unknown', why: 'too much was found for a pod to tell' },
    })),
  });
}

function cut(verdict: Verdict, length: number): Verdict {
  const short = (text: string): string => (text.length > length ? `${text.slice(0, length)}…` : text);
  switch (verdict.is) {
    case 'ok':
      return verdict.note === undefined ? verdict : { is: 'ok', note: short(verdict.note) };
    case 'failed':
      return { is: 'failed', reasons: verdict.reasons.map(short) };
    case 'skipped':
    case 'unknown':
      return { is: verdict.is, why: short(verdict.why) };
    default:
      return verdict satisfies never;
  }
}

/** @throws Error where the text is no report */
export const parseLook = (text: string): LookReport =>
  new Map(
    report.parse(JSON.parse(text)).findings.map(({ id, verdict: each }) => [id, withoutUndefined(each)]),
  );

const withoutUndefined = (each: z.infer<typeof verdict>): Verdict =>
  each.is === 'ok' ? { is: 'ok', ...(each.note !== undefined && { note: each.note }) } : each;

/**
 * One verdict of several nodes': bad news first, and said of which node. Where all say the same it is said once.
 *
 * @param looks node → what came of the check there
 */
export function verdictOfAll(looks: ReadonlyMap<string, Verdict>): Verdict {
  const of = (is: Verdict['is']): [string, Verdict][] => [...looks].filter(([, each]) => each.is === is);
  const failed = of('failed');
  const unknown = of('unknown');
  if (failed.length > 0) {
    return {
      is: 'failed',
      reasons: failed.flatMap(([node, each]) =>
        each.is === 'failed' ? each.reasons.map((reason) => `${node}: ${reason}`) : [],
      ),
    };
  }
  if (unknown.length > 0) return { is: 'unknown', why: told(unknown) };
  const ok = of('ok');
  if (ok.length === 0) return { is: 'skipped', why: told(of('skipped')) };
  const notes = ok.filter(([, each]) => each.is === 'ok' && each.note !== undefined);
  const on = `on ${ok.length} of ${looks.size} nodes`;
  return { is: 'ok', note: notes.length === 0 ? on : `${on}: ${told(notes)}` };
}

/** Each text once, with the nodes that say it where not all do. */
function told(looks: readonly [string, Verdict][]): string {
  const byText = Map.groupBy(looks, ([, each]) => textOf(each));
  if (byText.size === 1) return [...byText.keys()].join('');
  return [...byText].map(([text, each]) => `${each.map(([node]) => node).join(', ')}: ${text}`).join('; ');
}

function textOf(verdict: Verdict): string {
  switch (verdict.is) {
    case 'ok':
      return verdict.note ?? '';
    case 'failed':
      return verdict.reasons.join('; ');
    case 'skipped':
    case 'unknown':
      return verdict.why;
    default:
      return verdict satisfies never;
  }
}
