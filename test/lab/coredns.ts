import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { Daemon } from './processes.ts';
import { GivenUp, until } from './wait.ts';

/** A real CoreDNS on 127.0.0.1, UDP and TCP. */
export interface CoreDns {
  readonly address: '127.0.0.1';
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface CoreDnsSettings {
  readonly lab: string;
  readonly dir: string;
  readonly binary: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts CoreDNS with a Corefile whose server blocks name no port (`. { … }`): they get the one of
 * the answer. Relative paths in it are of the Corefile's own folder, `settings.dir`.
 */
export async function startCoreDns(corefile: string, settings: CoreDnsSettings): Promise<CoreDns> {
  const port = await freePort();
  const healthPort = await freePort();
  const file = join(settings.dir, 'Corefile');
  // A block of the lab's own, so that the answer waits until all plugins are ready. Its DNS has a port apart
  // from that of its HTTP: CoreDNS shares ports, and the kernel would give each connection to either.
  const blockPort = await freePort();
  await writeFile(
    file,
    `${corefile}\n.:${blockPort} {\n  bind 127.0.0.1\n  ready 127.0.0.1:${healthPort}\n}\n`,
  );
  const daemon = new Daemon(settings.binary, ['-conf', file, '-dns.port', String(port)], 'coredns', {
    lab: settings.lab,
    logFile: join(settings.dir, 'coredns.log'),
    cwd: settings.dir,
    ...(settings.env === undefined ? {} : { env: settings.env }),
  });
  await until('CoreDNS ready', 20_000, async () => {
    if (!daemon.running) throw new GivenUp(`CoreDNS has ended:\n${daemon.tail()}`);
    const answer = await fetch(`http://127.0.0.1:${healthPort}/ready`);
    return answer.ok ? true : undefined;
  });
  return { address: '127.0.0.1', port, pid: daemon.pid, stop: () => daemon.stop() };
}
