/** What a test pod does: resolves names through its cluster's DNS, and connects to what they say. */
import { createSocket } from 'node:dgram';
import type { Resolver } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { canonicalIp } from '../../api/ip.ts';
import type { Clock } from '../../runtime/clock.ts';
import {
  type Measured,
  type ProbePlan,
  type ProbeReport,
  type ProbeRow,
  type ProbeTarget,
  sampled,
} from './probe-plan.ts';

export interface ProbeDeps {
  /** Of this pod: cluster DNS. */
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** Addresses of this pod. */
  readonly ownIps: readonly string[];
}

const PAUSE_MS = 500;
const ANSWER_MS = 5000;
const PORT_NAME = 'probe';

/** Does all of it in turn, tries again what fails until the plan's time is over, and never rejects. */
export async function runProbe(plan: ProbePlan, deps: ProbeDeps): Promise<ProbeReport> {
  const end = deps.clock.monotonic() + plan.timeoutMs;
  const rows: ProbeRow[] = [];
  const measured: Measured[] = [];
  for (const target of plan.targets as readonly ProbeTarget[]) {
    const addresses = await resolve(target, deps, end, rows);
    for (const address of addresses) await reach(address, target, plan, deps, end, rows);
    const [first] = addresses;
    if (plan.measure !== undefined && first !== undefined) {
      measured.push(...(await measure(first, target, plan.measure, deps)));
    }
  }
  return { rows, measured };
}

/** @returns the addresses that were found */
async function resolve(
  { kind, name, port, families }: ProbeTarget,
  { resolver, clock }: ProbeDeps,
  end: number,
  rows: ProbeRow[],
): Promise<string[]> {
  const found: string[] = [];
  for (const [family, type, ask] of [
    ['IPv4', 'A', () => resolver.resolve4(name)],
    ['IPv6', 'AAAA', () => resolver.resolve6(name)],
  ] as const) {
    const what = `${type} of the ${kind}`;
    if (!families.includes(family)) {
      rows.push(
        await attempt(what, end, clock, async () => {
          const texts = await ask().catch((error: NodeJS.ErrnoException) => {
            // The name exists, without addresses of that family: anything else stops clients from using the other.
            if (error.code === 'ENODATA') return [];
            throw error;
          });
          if (texts.length > 0) throw new Error(`${texts.join(' ')}, though the Service has no ${family}`);
          return 'no data, as it should be';
        }),
      );
      continue;
    }
    rows.push(
      await attempt(what, end, clock, async () => {
        const texts = await ask();
        found.push(...texts);
        return texts.join(' ');
      }),
    );
  }
  rows.push(
    await attempt(`SRV of the ${kind}`, end, clock, async () => {
      const records = await resolver.resolveSrv(`_${PORT_NAME}._tcp.${name}`);
      const wrong = records.find((record) => record.port !== port);
      if (wrong !== undefined) throw new Error(`port ${wrong.port} rather than ${port}`);
      return records.map((record) => `${record.name}:${record.port}`).join(' ');
    }),
  );
  return found;
}

async function reach(
  address: string,
  { kind, port }: ProbeTarget,
  { to, sizes }: ProbePlan,
  { clock, ownIps }: ProbeDeps,
  end: number,
  rows: ProbeRow[],
): Promise<void> {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  let source: string | undefined;
  rows.push(
    await attempt(`TCP to the ${kind}, ${family}`, end, clock, async () => {
      for (const size of sizes) {
        const answer = await echoTcp(address, port, size);
        if (answer.cluster !== to) throw new Error(`cluster "${answer.cluster}" answers at ${address}`);
        source = answer.source;
      }
      return `${address}, payloads of ${sizes.join(', ')} bytes`;
    }),
    await attempt(`UDP to the ${kind}, ${family}`, end, clock, async () => {
      for (const size of sizes) await echoUdp(address, port, size);
      return `${address}, datagrams of ${sizes.join(', ')} bytes`;
    }),
  );
  if (source === undefined) return;
  const own = ownIps.map((ip) => canonicalIp(ip));
  const isKept = own.includes(canonicalIp(source));
  rows.push([
    `source at the ${kind}, ${family}`,
    // kube-proxy may translate the source of what goes to a Service, by its own settings.
    isKept ? 'ok' : kind === 'Service' ? 'told' : 'failed',
    isKept ? source : `${source} is seen there, the pod is ${own.join(' ')}`,
  ]);
}

async function attempt(
  what: string,
  end: number,
  clock: Clock,
  act: () => Promise<string>,
): Promise<ProbeRow> {
  for (;;) {
    try {
      return [what, 'ok', await act()];
    } catch (error) {
      if (clock.monotonic() >= end) return [what, 'failed', (error as Error).message];
      await clock.sleep(PAUSE_MS);
    }
  }
}

/** A connection whose greeting has been read. */
interface Greeted {
  readonly socket: Socket;
  readonly cluster: string;
  readonly source: string;
}

function greet(address: string, port: number): Promise<Greeted> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, noDelay: true });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(ANSWER_MS, () => fail(new Error(`${address}:${port} does not answer`)));
    socket.once('error', fail);
    socket.once('close', () => fail(new Error(`${address}:${port} closed the connection`)));
    let greeting = '';
    const read = (chunk: Buffer): void => {
      greeting += chunk.toString('latin1');
      const [line, rest] = greeting.split('\n');
      if (rest === undefined) return;
      socket.off('data', read);
      socket.off('error', fail);
      const [cluster = '', source = ''] = (line ?? '').split(' ');
      resolve({ socket, cluster, source });
    };
    socket.on('data', read);
  });
}

/** Sends so many bytes and waits until so many came back. */
function roundTrip(socket: Socket, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = size;
    const done = (act: () => void): void => {
      socket.off('data', read).off('error', fail).off('timeout', late).off('close', late);
      act();
    };
    const fail = (error: Error): void => done(() => reject(error));
    const late = (): void => done(() => reject(new Error(`${missing} of ${size} bytes did not come back`)));
    const read = (chunk: Buffer): void => {
      missing -= chunk.length;
      if (missing <= 0) done(resolve);
    };
    socket.on('data', read).on('error', fail).on('timeout', late).on('close', late);
    socket.write(Buffer.alloc(size, 0x70));
  });
}

async function echoTcp(
  address: string,
  port: number,
  size: number,
): Promise<{ readonly cluster: string; readonly source: string }> {
  const { socket, cluster, source } = await greet(address, port);
  try {
    await roundTrip(socket, size);
    return { cluster, source };
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

/** One datagram there and back; larger ones go in fragments. */
async function echoUdp(address: string, port: number, size: number): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error(`a datagram of ${size} bytes did not come back`)),
    ANSWER_MS,
  );
  socket.on('error', reject);
  socket.on('message', (message) => {
    if (message.length === size) resolve();
  });
  socket.send(Buffer.alloc(size, 0x70), port, address);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

async function measure(
  address: string,
  { kind, name, port }: ProbeTarget,
  { queries, trips, seconds }: NonNullable<ProbePlan['measure']>,
  { resolver, clock }: ProbeDeps,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  const times = async (count: number, act: () => Promise<unknown>): Promise<number[]> => {
    const taken: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = clock.monotonic();
      try {
        await act();
        taken.push(clock.monotonic() - start);
      } catch {
        // What is lost is missing in the count.
      }
    }
    return taken;
  };
  const asked = await times(queries, () =>
    address.includes(':') ? resolver.resolve6(name) : resolver.resolve4(name),
  );
  measured.push({
    what: `resolution of the ${kind}`,
    unit: 'ms',
    samples: sampled(asked),
    count: asked.length,
  });
  try {
    const { socket } = await greet(address, port);
    try {
      const taken = await times(trips, () => roundTrip(socket, 1));
      measured.push({
        what: `round trip to the ${kind}`,
        unit: 'ms',
        samples: sampled(taken),
        count: taken.length,
      });
      const rates: number[] = [];
      const end = clock.monotonic() + seconds * 1000;
      while (clock.monotonic() < end) {
        const start = clock.monotonic();
        await roundTrip(socket, CHUNK);
        rates.push((CHUNK * 8) / 1000 / (clock.monotonic() - start));
      }
      measured.push({
        what: `there and back to the ${kind}`,
        unit: 'Mbit/s',
        samples: sampled(rates),
        count: rates.length,
      });
    } finally {
      socket.on('error', () => {});
      socket.destroy();
    }
  } catch {
    // The row of the connection tells why.
  }
  return measured;
}

const CHUNK = 1 << 20;
