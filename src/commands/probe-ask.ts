import { Resolver } from 'node:dns/promises';
import { writeFile } from 'node:fs/promises';
import type { probeAskSpec } from '../config/specs/probe-ask.ts';
import { runProbe } from '../diagnosis/verify/probe-client.ts';
import { formatReport, parsePlan } from '../diagnosis/verify/probe-plan.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { UserError } from './user-error.ts';

/** Where the kubelet takes a container's last words from, up to 4096 bytes. */
const LAST_WORDS = '/dev/termination-log';

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
  // Absent outside of a pod.
  await writeFile(LAST_WORDS, report, { flag: 'r+' }).catch(() => {});
  return 'done';
};
