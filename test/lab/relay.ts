import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Netns } from './netns.ts';
import { freePort } from './ports.ts';
import { Daemon } from './processes.ts';
import { canConnect } from './connect.ts';
import { until } from './wait.ts';

/** Where a relay is and what it is for. */
export interface RelaySettings {
  readonly lab: string;
  readonly dir: string;
  readonly netns: Netns;
  /** Address and port inside the namespace. */
  readonly target: string;
}

/**
 * Makes a TCP service of a namespace reachable on the answered port of 127.0.0.1. A Unix socket, which
 * namespaces share, joins the two halves; nothing of this machine's network is changed.
 */
export async function startRelay(settings: RelaySettings): Promise<number> {
  const { lab, dir, netns, target } = settings;
  await mkdir(dir, { recursive: true });
  const socket = join(dir, 'relay.sock');
  const port = await freePort();
  const [nsenter, ...inside] = netns.enter([
    'socat',
    `UNIX-LISTEN:${socket},fork,unlink-early,backlog=128`,
    `TCP:${target}`,
  ]);
  const options = { lab, logFile: join(dir, 'relay.log') };
  const inner = new Daemon(nsenter, inside, 'inner relay', options);
  await until(inner.name, 5_000, () => (existsSync(socket) ? true : undefined), 5);
  const outer = new Daemon(
    'socat',
    [`TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,backlog=128`, `UNIX-CONNECT:${socket}`],
    'outer relay',
    options,
  );
  await until(outer.name, 5_000, () => canConnect({ host: '127.0.0.1', port }), 5);
  return port;
}

/** Makes a TCP port of this machine's 127.0.0.1 reachable at the same address of a namespace, which has a loopback of its own. */
export async function startRelayInto(
  settings: Omit<RelaySettings, 'target'> & { readonly port: number },
): Promise<void> {
  const { lab, dir, netns, port } = settings;
  await mkdir(dir, { recursive: true });
  const socket = join(dir, `relay-${port}.sock`);
  const options = { lab, logFile: join(dir, 'relay.log') };
  const listen = ['socat', `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,backlog=128`];
  const outer = new Daemon(
    'socat',
    [`UNIX-LISTEN:${socket},fork,unlink-early,backlog=128`, `TCP:127.0.0.1:${port}`],
    'outer relay',
    options,
  );
  await until(outer.name, 5_000, () => (existsSync(socket) ? true : undefined), 5);
  const [nsenter, ...inside] = netns.enter([...listen, `UNIX-CONNECT:${socket}`]);
  const inner = new Daemon(nsenter, inside, 'inner relay', options);
  await until(inner.name, 5_000, async () => {
    const open = await netns.run(['cat', '/proc/net/tcp']);
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    return open.includes(`0100007F:${hex} 00000000:0000 0A`) ? true : undefined;
  });
}
