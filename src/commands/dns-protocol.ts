import { hostname } from 'node:os';
import { userPath } from '../config/environment.ts';
import type { Values } from '../config/flag.ts';
import type { dnsSpec } from '../config/specs/dns.ts';
import { parseCookieSecrets } from '../dns/cookies.ts';
import { within } from '../dns/networks.ts';
import { defaultProtocol, type Protocol } from '../dns/protocol.ts';
import { parseTsigKeys } from '../dns/tsig-keys.ts';
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
  const { nsid, rateLimit } = values;
  const follow = <T>(flag: string, file: string | undefined, parse: (text: string) => T) =>
    file === undefined
      ? undefined
      : followSecrets({ flag, path: userPath(context.environment, file), parse, log }, signal);
  const cookieSecrets = await follow('--cookie-secret', values.cookieSecret, parseCookieSecrets);
  const keys = await follow('--transfer-key-file', values.transferKeyFile, parseTsigKeys);
  const protocol = defaultProtocol();
  return {
    ...protocol,
    ...(cookieSecrets && { cookieSecrets }),
    ...(keys && { signing: { keys, now: protocol.now } }),
    ...(nsid !== undefined && { nsid }),
    ...(values.showVersion && {
      identity: { version: `pharos ${context.version}`, id: nsid ?? hostname() },
    }),
    ...(rateLimit !== undefined && { rateLimit: { perSecond: rateLimit, slip: SLIP } }),
    trusts: within(values.trustProxy),
    mayTransfer: within(values.allowTransfer),
  };
}

/**
 * The secrets in a file as they are now, followed until `signal` aborts.
 * @throws UserError where the file cannot be used
 */
async function followSecrets<T>(
  {
    flag,
    path,
    parse,
    log,
  }: {
    readonly flag: string;
    readonly path: string;
    readonly parse: (text: string) => T;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<() => T> {
  let secrets: T;
  await followFiles(
    {
      paths: [path],
      clock: systemClock,
      onContent: ([content]) => {
        secrets = parse(String(content));
      },
      onProblem: (err) => log.warn({ path, err }, 'Cannot use the new secrets; the old ones stay in force'),
    },
    signal,
  ).catch((cause: unknown) => {
    throw new UserError(`Cannot use ${path} (${flag}): ${(cause as Error).message}`, { cause });
  });
  return () => secrets;
}
