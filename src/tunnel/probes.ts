import { createSocket, type Socket } from 'node:dgram';
import type { IpAddress } from '../api/cidr.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { LinkHealth, type ProbeTimes } from './link-health.ts';
import { PROBE_PORT } from './marks.ts';

export interface ProbesOptions {
  /** This gateway's own inner address, which its tunnels' devices have. */
  readonly local: IpAddress;
  readonly times: ProbeTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** Told whenever what some tunnel's health means may have changed. */
  readonly onChange: () => void;
}

/** What is probed: a tunnel, by where the other end answers. */
export interface Target {
  readonly key: string;
  readonly inner: IpAddress;
}

const MAGIC = 0x50_48_70_31; // "PHp1"
const ASK = 1;
const ANSWER = 2;
const SIZE = 9;
const BIND_AGAIN_MS = 200;

/**
 * Asks the other end of each tunnel several times a second whether it is there, and answers those who ask.
 * The address that a packet comes from says through which tunnel it came: no other device has a route to it.
 */
export class Probes implements Disposable {
  readonly #options: ProbesOptions;
  readonly #links = new Map<string, { readonly inner: IpAddress; readonly health: LinkHealth }>(); // key → tunnel
  readonly #keys = new Map<string, string>(); // inner address → key
  #socket: Socket | undefined;
  #isBound = false;
  #cancelTick = (): void => {};
  #cancelDeadline = (): void => {};
  #closed = false;

  constructor(options: ProbesOptions) {
    this.#options = options;
  }

  /** key → health */
  health(key: string): LinkHealth | undefined {
    return this.#links.get(key)?.health;
  }

  /**
   * Probes these and no others.
   * @param trusted keys of tunnels that were in use when this process started
   */
  set(targets: readonly Target[], trusted: ReadonlySet<string> = new Set()): void {
    const { times, clock } = this.#options;
    const wanted = new Map(targets.map((target) => [target.key, target]));
    for (const key of this.#links.keys()) if (!wanted.has(key)) this.#links.delete(key);
    this.#keys.clear();
    for (const { key, inner } of targets) {
      this.#keys.set(inner, key);
      if (this.#links.get(key)?.inner === inner) continue;
      const trustMs = trusted.has(key) ? times.intervalMs * times.missed * 4 : 0;
      this.#links.set(key, { inner, health: new LinkHealth(times, clock.monotonic(), trustMs) });
    }
    if (this.#links.size > 0 && this.#socket === undefined && !this.#closed) this.#open();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancelTick();
    this.#cancelDeadline();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #open(): void {
    const { local, clock, log } = this.#options;
    const socket = createSocket('udp4');
    this.#socket = socket;
    socket.on('message', (packet, { address, port }) => this.#receive(packet, address, port));
    socket.once('listening', () => {
      this.#isBound = true;
      this.#tick();
    });
    socket.on('error', (err) => {
      // The address comes with the first tunnel's device.
      if (this.#isBound) log.warn({ err }, 'The socket for probes broke and is opened again');
      this.#isBound = false;
      this.#cancelTick();
      if (this.#socket !== socket) return;
      socket.close();
      this.#socket = undefined;
      this.#cancelTick = clock.after(BIND_AGAIN_MS, () => {
        if (!this.#closed && this.#socket === undefined) this.#open();
      });
    });
    socket.bind({ address: local, port: PROBE_PORT, exclusive: true });
  }

  #tick(): void {
    const { clock, times } = this.#options;
    this.#cancelTick = clock.after(times.intervalMs, () => this.#tick());
    for (const { inner, health } of this.#links.values()) {
      this.#send(packetOf(ASK, health.send(clock.monotonic())), inner);
    }
    this.#evaluate();
  }

  #send(packet: Buffer, to: string): void {
    // A tunnel without a way is seen by the answers that do not come.
    this.#socket?.send(packet, PROBE_PORT, to, () => {});
  }

  #receive(packet: Buffer, from: string, port: number): void {
    if (packet.length < SIZE || packet.readUInt32BE(0) !== MAGIC || port !== PROBE_PORT) return;
    const key = this.#keys.get(from);
    if (key === undefined) return;
    if (packet[4] === ASK) {
      const answer = Buffer.from(packet);
      answer[4] = ANSWER;
      this.#send(answer, from);
    } else if (packet[4] === ANSWER) {
      const health = this.#links.get(key)?.health;
      if (health?.receive(packet.readUInt32BE(5), this.#options.clock.monotonic()) === true) this.#evaluate();
    }
  }

  #evaluate(): void {
    const { clock, onChange } = this.#options;
    const now = clock.monotonic();
    let next = Infinity;
    for (const { health } of this.#links.values()) {
      health.evaluate(now);
      if (health.isAlive(now)) next = Math.min(next, health.deadline);
    }
    this.#cancelDeadline();
    if (next < Infinity) {
      this.#cancelDeadline = clock.after(Math.max(1, next - now + 1), () => {
        // After a pause of this process the answers are there and wait to be read: let that happen first.
        setImmediate(() => {
          if (!this.#closed) this.#evaluate();
        });
      });
    }
    onChange();
  }
}

function packetOf(kind: number, sequence: number): Buffer {
  const packet = Buffer.alloc(SIZE);
  packet.writeUInt32BE(MAGIC, 0);
  packet[4] = kind;
  packet.writeUInt32BE(sequence, 5);
  return packet;
}
