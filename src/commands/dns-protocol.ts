import { hostname } from 'node:os';
import { userPath } from '../config/environment.ts';
import type { Values } from '../config/flag.ts';
import type { dnsSpec } from '../config/specs/dns.ts';
import { type CookieSecrets, parseCookieSecrets } from '../dns/cookies.ts';
import { within } from '../dns/networks.ts';
import { defaultProtocol, type Protocol } from '../dns/protocol.ts';
import type { Log } from '../observability/log.ts';
import { systemClock } from '../runtime/clock.ts';
import { followFiles } from '../runtime/follow-files.ts';
import type { Context } from './command.ts';
import { UserError } from './user-error.ts';

/** One in this many limited queries gets a short answer, as other servers have it by default. */
const SLIP = 2;

/**
 * How the flags want the server to speak. Secrets are followed until `signal` aborts.
 * @throws UserError where a file cannot be used
 */
export async function dnsProtocol(
  values: Values<typeof dnsSpec>,
  context: Context,
  log: Log,
  signal: AbortSignal,
): Promise<Protocol> {
  const { nsid, rateLimit, cookieSecret } = values;
  let secrets: CookieSecrets | undefined;
  if (cookieSecret !== undefined) {
    const path = userPath(context.environment, cookieSecret);
    await followFiles(
      {
        paths: [path],
        clock: systemClock,
        onContent: ([content]) => {
          secrets = parseCookieSecrets(String(content));
        },
        onProblem: (err) =>
          log.warn({ path, err }, 'Cannot use the new cookie secret; the old one stays in force'),
      },
      signal,
    ).catch((cause: unknown) => {
      throw new UserError(`Cannot use ${path} (--cookie-secret): ${(cause as Error).message}`, { cause });
    });
  }
  const protocol = defaultProtocol();
  return {
    ...protocol,
    cookieSecrets: () => secrets ?? protocol.cookieSecrets(),
    ...(nsid !== undefined && { nsid }),
    ...(values.showVersion && {
      identity: { version: `pharos ${context.version}`, id: nsid ?? hostname() },
    }),
    ...(rateLimit !== undefined && { rateLimit: { perSecond: rateLimit, slip: SLIP } }),
    trusts: within(values.trustProxy),
    mayTransfer: within(values.allowTransfer),
  };
}
