import { createSocket, type Socket } from 'node:dgram';
import type { IpAddress } from '../api/cidr.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { LinkHealth, type ProbeTimes } from './link-health.ts';
import { PROBE_PORT } from './marks.ts';
import { PathMtu } from './path-mtu.ts';

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
  /** The largest packet that its device takes. */
  readonly room: number;
  /** Whether routers may cut its packets: then it can't be told whether more gets through in one piece. */
  readonly isCut: boolean;
}

/** What an earlier process of this gateway had found out. */
export interface Known {
  /** Keys of tunnels that were in use when this process started. */
  readonly trusted: ReadonlySet<string>;
  readonly mtus: ReadonlyMap<string, number>; // key → largest packet
}

interface Probed {
  isCut: boolean;
  readonly inner: IpAddress;
  readonly health: LinkHealth;
  readonly path: PathMtu;
}

const MAGIC = 0x50_48_70_31; // "PHp1"
const ASK = 1;
const ANSWER = 2;
/** Filled up to the size that is asked about, headers and all; the answer says what came in place of a number. */
const ASK_SIZE = 3;
const ANSWER_SIZE = 4;
const SIZE = 9;
/** IP and UDP. */
const HEADERS = 28;
const BIND_AGAIN_MS = 200;
/** An answer to a packet of some size may take so long, or three round trips. */
const SIZE_WAIT_MS = 200;

/**
 * Asks the other end of each tunnel several times a second whether it is there, and answers those who ask.
 * The address that a packet comes from says through which tunnel it came: no other device has a route to it.
 */
export class Probes implements Disposable {
  readonly #options: ProbesOptions;
  readonly #links = new Map<string, Probed>(); // key → tunnel
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

  /** key → the largest packet that gets through, as far as is known */
  path(key: string): PathMtu | undefined {
    return this.#links.get(key)?.path;
  }

  /** Probes these and no others. */
  set(targets: readonly Target[], known?: Known): void {
    const { times, clock } = this.#options;
    const wanted = new Map(targets.map((target) => [target.key, target]));
    for (const key of this.#links.keys()) if (!wanted.has(key)) this.#links.delete(key);
    this.#keys.clear();
    const now = clock.monotonic();
    for (const { key, inner, room, isCut } of targets) {
      this.#keys.set(inner, key);
      const before = this.#links.get(key);
      if (before?.inner === inner) {
        before.path.setRoom(room, now);
        before.isCut = isCut;
        continue;
      }
      const trustMs = known?.trusted.has(key) === true ? times.intervalMs * times.missed * 4 : 0;
      const health = new LinkHealth(times, now, trustMs);
      const path = new PathMtu(room, now, known?.mtus.get(key));
      this.#links.set(key, { inner, health, path, isCut });
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
    for (const { inner, health, path, isCut } of this.#links.values()) {
      const now = clock.monotonic();
      this.#send(packetOf(ASK, health.send(now)), inner);
      const waitMs = Math.max(SIZE_WAIT_MS, 3 * (health.roundTripMs ?? 0));
      for (const size of path.due(now, health.isAlive(now), waitMs, !isCut)) {
        this.#send(packetOf(ASK_SIZE, 0, size - HEADERS), inner);
      }
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
    } else if (packet[4] === ASK_SIZE) {
      this.#send(packetOf(ANSWER_SIZE, packet.length + HEADERS), from);
    } else if (packet[4] === ANSWER_SIZE) {
      this.#links.get(key)?.path.answered(packet.readUInt32BE(5), this.#options.clock.monotonic());
      this.#options.onChange();
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

function packetOf(kind: number, number: number, size = SIZE): Buffer {
  const packet = Buffer.alloc(size);
  packet.writeUInt32BE(MAGIC, 0);
  packet[4] = kind;
  packet.writeUInt32BE(number, 5);
  return packet;
}
