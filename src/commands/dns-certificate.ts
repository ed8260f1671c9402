import { createSecureContext } from 'node:tls';
import { userPath } from '../config/environment.ts';
import type { Values } from '../config/flag.ts';
import type { dnsSpec } from '../config/specs/dns.ts';
import type { Certificate } from '../dns/tls.ts';
import type { Log } from '../observability/log.ts';
import { systemClock } from '../runtime/clock.ts';
import { followFiles } from '../runtime/follow-files.ts';
import type { Context } from './command.ts';
import { UserError } from './user-error.ts';

const FLAGS = ['--tls-cert', '--tls-key', '--tls-client-ca'];

/**
 * The certificate that the flags name, followed until `signal` aborts; undefined where there is none.
 * @param onNew told of each later one
 * @throws UserError where it cannot be used
 */
export async function dnsCertificate(
  { tlsCert, tlsKey, tlsClientCa }: Values<typeof dnsSpec>,
  { environment }: Context,
  log: Log,
  signal: AbortSignal,
  onNew: (certificate: Certificate) => void,
): Promise<Certificate | undefined> {
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new UserError('TLS needs both --tls-cert and --tls-key: give the other one too, or neither');
  }
  const paths = [tlsCert, tlsKey, ...(tlsClientCa === undefined ? [] : [tlsClientCa])].map((path) =>
    userPath(environment, path),
  );
  let known: Certificate | undefined;
  await followFiles(
    {
      paths,
      clock: systemClock,
      onContent: ([cert, key, ca]) => {
        if (cert === undefined || key === undefined) return;
        const next = { cert, key, ...(ca !== undefined && { ca }) };
        // Throws where the two do not belong together, which happens while one is written after the other.
        createSecureContext(next);
        if (known !== undefined)
          log.info({ path: paths[0] }, 'Using the new certificate for new connections');
        known = next;
        onNew(known);
      },
      onProblem: (err) =>
        log.warn({ path: paths[0], err }, 'Cannot use the new certificate; the old one stays in force'),
    },
    signal,
  ).catch((cause: unknown) => {
    throw new UserError(
      `Cannot use ${paths.join(' with ')} (${FLAGS.slice(0, paths.length).join(', ')}): ${(cause as Error).message}`,
      {
        cause,
      },
    );
  });
  return known;
}
