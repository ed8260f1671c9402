import type { Protocol } from '../api/objects.ts';
import { parseIp } from '../api/cidr.ts';
import { canonicalIp, ipFamily } from '../api/ip.ts';
import { CommandError, type Run } from '../host/run.ts';
import { type VipEntry, backendText } from './service-plan.ts';

/** A connection that the kernel tracks: where it was meant to go, and who answers. */
interface TrackedConnection {
  readonly protocol: Protocol;
  readonly to: string;
  readonly port: number;
  readonly backend: string;
  readonly backendPort: number;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' };

/** @param output of `conntrack -L` */
function parseConnections(output: string): TrackedConnection[] {
  return output.split('\n').flatMap((line) => {
    const protocol = PROTOCOLS[line.slice(0, line.indexOf(' '))];
    if (protocol === undefined) return [];
    const fields = (name: string): string[] =>
      [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map(([, value = '']) => value);
    // First the direction that it was opened in, then the way back.
    const [[, backend], [to], [, backendPort], [port]] = [
      fields('src'),
      fields('dst'),
      fields('sport'),
      fields('dport'),
    ];
    if (to === undefined || backend === undefined) return [];
    if (ipFamily(to) === undefined || ipFamily(backend) === undefined) return [];
    return [
      {
        protocol,
        to: canonicalIp(to),
        port: Number(port),
        backend: canonicalIp(backend),
        backendPort: Number(backendPort),
      },
    ];
  });
}

/**
 * Forgets connections by clusterset IPs whose backend is gone: the next packet of a client finds another one,
 * or is refused. Those of backends that are alive are left alone, chosen or not.
 * @param entries `address protocol port` → entry
 * @returns how many pairs of clusterset IP and backend were forgotten
 */
export async function forgetDeadConnections(
  run: Run,
  vips: ReadonlySet<string>,
  entries: ReadonlyMap<string, VipEntry>,
): Promise<number> {
  let forgotten = 0;
  for (const [family, hasAny] of [
    ['ipv4', [...vips].some((vip) => !vip.includes(':'))],
    ['ipv6', [...vips].some((vip) => vip.includes(':'))],
  ] as const) {
    if (!hasAny) continue;
    const dead = new Map<string, TrackedConnection>();
    for (const connection of parseConnections(await run('conntrack', ['-L', '-f', family]))) {
      const { to, protocol, port, backend, backendPort } = connection;
      if (!vips.has(to) || backend === to) continue;
      const text = backendText({ ip: parseIp(backend), port: backendPort });
      if (entries.get(`${to} ${protocol} ${port}`)?.alive.has(text) === true) continue;
      dead.set(`${to} ${protocol} ${port} ${backend}`, connection);
    }
    for (const { to, protocol, port, backend } of dead.values()) {
      await forget(run, [
        ...['-D', '-f', family, '-p', protocol.toLowerCase(), '--orig-dst', to],
        ...['--dport', String(port), '--reply-src', backend],
      ]);
      forgotten++;
    }
  }
  return forgotten;
}

/** That there is none (any more) is no failure. */
async function forget(run: Run, args: readonly string[]): Promise<void> {
  try {
    await run('conntrack', args);
  } catch (error) {
    if (error instanceof CommandError && /0 flow entries/.test(error.stderr)) return;
    throw error;
  }
}
