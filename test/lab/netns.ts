import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './command.ts';
import { cleanEnvironment, Daemon } from './processes.ts';
import { until } from './wait.ts';

/**
 * A network namespace, held by a sleeping process of the lab: with it go the namespace and all links in it.
 * It has no name in /run/netns, so there is none to clash and none to be left behind.
 */
export class Netns {
  readonly path: string;

  private constructor(holder: Daemon) {
    this.path = `/proc/${holder.pid}/ns/net`;
  }

  static async create(lab: string, dir: string, name: string): Promise<Netns> {
    const holder = new Daemon('unshare', ['--net', 'sleep', 'infinity'], `network namespace ${name}`, {
      lab,
      logFile: join(dir, `netns-${name}.log`),
    });
    const netns = new Netns(holder);
    const ours = readlinkSync('/proc/self/ns/net');
    await until(
      `network namespace ${name}`,
      5_000,
      () => (readlinkSync(netns.path) === ours ? undefined : true),
      2,
    );
    await netns.ip(['link set lo up']);
    return netns;
  }

  /** A command line that runs this one in the namespace, and in all else where it is called from. */
  enter(args: readonly string[]): readonly [string, ...string[]] {
    return ['nsenter', `--net=${this.path}`, '--', ...args];
  }

  /** Runs a command in the namespace; rejects where it fails. Answers stdout. */
  async run(args: readonly string[], input?: string): Promise<string> {
    const [file, ...rest] = this.enter(args);
    return must(file, rest, { env: cleanEnvironment(), ...(input === undefined ? {} : { input }) });
  }

  /** Runs commands of ip(8), given without the `ip`, in order. */
  async ip(commands: readonly string[]): Promise<void> {
    await this.run(['ip', '-batch', '-'], `${commands.join('\n')}\n`);
  }

  /** Sets kernel parameters below net. of this namespace: `{ 'ipv4.ip_forward': 1 }`. */
  async sysctl(values: Readonly<Record<string, number>>): Promise<void> {
    const lines = Object.entries(values)
      // A kernel without IPv6 has none of its parameters.
      .filter(([name]) => !name.startsWith('ipv6.') || existsSync('/proc/sys/net/ipv6'))
      .map(([name, value]) => `echo ${value} > /proc/sys/net/${name.replaceAll('.', '/')}`);
    await this.run(['sh', '-ec', lines.join('\n')]);
  }
}
