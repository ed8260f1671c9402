import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { command, must } from './command.ts';
import { lock } from './lock.ts';

// A package of Debian's or Ubuntu's → what it brings: a program, or a file where it has no program in PATH.
// So a machine with another distribution, or with programs of its own making, is served as well.
const brings = {
  'busybox-static': 'busybox',
  'charon-systemd': 'charon-systemd',
  chromium: 'chromium',
  conntrack: 'conntrack',
  containerd: 'containerd',
  'containernetworking-plugins': '/usr/lib/cni/ptp',
  curl: 'curl',
  'default-jdk-headless': 'javac',
  dnsperf: 'dnsperf',
  dnsutils: 'dig',
  gcc: 'gcc',
  'gcc-aarch64-linux-gnu': 'aarch64-linux-gnu-gcc',
  iproute2: 'ip',
  iperf3: 'iperf3',
  'iputils-ping': 'ping',
  iptables: 'iptables',
  knot: 'knotd',
  'knot-resolver': 'kresd',
  'knot-dnsutils': 'kdig',
  'libc6-dev-arm64-cross': '/usr/aarch64-linux-gnu/include/stdint.h',
  'libcharon-extra-plugins': '/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so',
  'libstrongswan-extra-plugins': '/usr/lib/ipsec/plugins/libstrongswan-curve25519.so',
  'libstrongswan-standard-plugins': '/usr/lib/ipsec/plugins/libstrongswan-gcm.so',
  ldnsutils: 'drill',
  'mariadb-client-core': 'mariadb',
  'mariadb-server-core': 'mariadbd',
  'musl-tools': 'musl-gcc',
  nftables: 'nft',
  nsd: 'nsd',
  procps: 'sysctl',
  prometheus: 'promtool',
  'python3-dnspython': '/usr/lib/python3/dist-packages/dns/message.py',
  'redis-sentinel': 'redis-sentinel',
  'redis-server': 'redis-server',
  runc: 'runc',
  socat: 'socat',
  'strongswan-swanctl': 'swanctl',
  tcpdump: 'tcpdump',
  'wireguard-tools': 'wg',
  unbound: 'unbound',
} as const;

/** A package of the distribution that some test needs. */
export type Package = keyof typeof brings;

/** What IPsec tunnels take. */
export const STRONGSWAN: readonly Package[] = [
  'charon-systemd',
  'strongswan-swanctl',
  'libcharon-extra-plugins',
  'libstrongswan-extra-plugins',
  'libstrongswan-standard-plugins',
];

const dirs = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

function isInstalled(name: Package): boolean {
  const brought = brings[name];
  if (brought.startsWith('/')) return existsSync(brought);
  return dirs.some((dir) => existsSync(join(dir, brought)));
}

/**
 * Sees to it that these packages are there: installs what is missing where that is possible (root, apt-get).
 * Answers undefined when all are there, else the reason with the line to type, for a test to skip with.
 * With CI=true the reason is thrown instead: there nothing may be skipped.
 */
export async function requirePackages(names: readonly Package[]): Promise<string | undefined> {
  const missing = (): Package[] => names.filter((name) => !isInstalled(name));
  if (missing().length === 0) return undefined;
  let cause: unknown;
  if (process.getuid?.() === 0 && (await hasApt())) {
    await using _ = await lock('apt');
    try {
      await install(missing());
    } catch (error) {
      cause = error;
    }
    if (missing().length === 0) return undefined;
  }
  const detail = cause instanceof Error ? ` (${cause.message})` : '';
  return refuse(
    `not installed: ${missing().join(', ')}; install with: apt-get install ${missing().join(' ')}${detail}`,
  );
}

/** The reason as an answer, or, with CI=true, as an error. */
export function refuse(reason: string): string {
  if (process.env['CI'] === 'true') throw new Error(`${reason}; with CI=true nothing is skipped`);
  return reason;
}

async function hasApt(): Promise<boolean> {
  return (await command('apt-get', ['--version']).catch(() => ({ code: 1 }))).code === 0;
}

let updated = false;

async function install(names: readonly Package[]): Promise<void> {
  if (names.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  process.stderr.write(`lab: installing ${names.join(' ')} with apt-get\n`);
  if (!updated) await must('apt-get', ['update', '-q'], { env });
  updated = true;
  // Daemons that come with packages must not start: the lab runs its own.
  await must(
    'apt-get',
    ['install', '-q', '-y', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', ...names],
    { env: { ...env, RUNLEVEL: '1', SYSTEMD_OFFLINE: '1' } },
  );
}
