import { Resolver } from 'node:dns/promises';
import type { probeAskSpec } from '../config/specs/probe-ask.ts';
import { runProbe } from '../diagnosis/verify/probe-client.ts';
import { formatReport, parsePlan } from '../diagnosis/verify/probe-plan.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { leaveLastWords } from './last-words.ts';
import { UserError } from './user-error.ts';

export const runProbeAsk: Run<typeof probeAskSpec> = async ({ plan: text, ownIps }, { stdout }) => {
  if (text === undefined) throw new UserError('--plan JSON is missing');
  let plan;
  try {
    plan = parsePlan(text);
  } catch (cause) {
    throw new UserError(`--plan: it is no plan: ${(cause as Error).message}`, { cause });
  }
  const report = formatReport(
    await runProbe(plan, {
      resolver: new Resolver({ timeout: 2000, tries: 2 }),
      clock: systemClock,
      ownIps,
    }),
  );
  stdout.write(`${report}\n`);
  await leaveLastWords(report);
  return 'done';
};
