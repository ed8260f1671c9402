/** Tells secondaries that the zone has changed (RFC 1996), and again until they say that they heard it. */
import { createSocket, type Socket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Log } from '../../observability/log.ts';
import { RRType, type ResourceRecord } from '../../zone/records.ts';
import { At, CLASS_IN, Flag, HEADER_BYTES, putUint16, uint16 } from '../header.ts';
import type { ListenAddress } from '../listener.ts';
import { isSealedAnswer, sealed, sealFor } from '../tsig.ts';
import type { Signing } from '../tsig-keys.ts';
import { MessageWriter } from '../writer.ts';
import type { FollowedZone, ZoneFollower } from './zone-follower.ts';

const OPCODE_NOTIFY = 4 << 3;
/** A zone that changes all the time is told of so often; milliseconds. */
const PAUSE_MS = 100;
/** RFC 1996, 3.6: asked again after this, doubled each time; milliseconds. */
const PATIENCE_MS = 1000;
const ATTEMPTS = 5;

export class Notifier {
  readonly #targets: readonly Target[];

  constructor(targets: readonly ListenAddress[], deps: NotifierDeps) {
    this.#targets = targets.map((at) => new Target(at, deps));
  }

  /** The zones have changed. */
  tell(): void {
    for (const target of this.#targets) target.tell();
  }

  close(): void {
    for (const target of this.#targets) target.close();
  }
}

interface NotifierDeps {
  readonly follower: () => ZoneFollower;
  readonly clock: { sleep(ms: number, signal: AbortSignal): Promise<void> };
  /** Absent = nothing is signed. */
  readonly signing?: Signing | undefined;
  readonly log: Log;
}

/** One secondary. */
class Target {
  readonly #at: ListenAddress;
  readonly #deps: NotifierDeps;
  readonly #socket: Socket;
  readonly #end = new AbortController();
  // Id of a NOTIFY that was sent → what to do with an answer.
  readonly #waiting = new Map<number, (answer: Buffer) => void>();
  #due = false;
  #running = false;

  constructor(at: ListenAddress, deps: NotifierDeps) {
    this.#at = at;
    this.#deps = deps;
    this.#socket = createSocket(isIPv6(at.address) ? 'udp6' : 'udp4');
    this.#socket.unref();
    // What cannot be sent is sent again, and then told.
    this.#socket.on('error', () => {});
    this.#socket.on('message', (message: Buffer) => {
      if (message.length < HEADER_BYTES || (message[2]! & Flag.response) === 0) return;
      this.#waiting.get(uint16(message, At.id))?.(message);
    });
  }

  tell(): void {
    this.#due = true;
    if (this.#running) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }

  close(): void {
    this.#end.abort();
    this.#socket.close();
  }

  async #run(): Promise<void> {
    const { clock, follower, log } = this.#deps;
    while (this.#due && !this.#end.signal.aborted) {
      this.#due = false;
      const heard = await Promise.all(follower().zones.map((zone) => this.#notify(zone)));
      if (heard.includes(false) && !this.#end.signal.aborted) {
        const { address, port } = this.#at;
        log.warn(
          { peer: `${address} port ${port}` },
          this.#deps.signing === undefined
            ? 'A secondary does not answer NOTIFY; it is told of the next change'
            : 'A secondary does not answer NOTIFY with the key; it is told of the next change',
        );
      }
      await clock.sleep(PAUSE_MS, this.#end.signal);
    }
  }

  async #notify(zone: FollowedZone): Promise<boolean> {
    const { clock, follower, signing } = this.#deps;
    const id = randomInt(0x1_0000);
    const { promise: answered, resolve } = Promise.withResolvers<boolean>();
    // MACs of what was sent: any of it may be answered.
    const macs: Buffer[] = [];
    this.#waiting.set(id, (answer) => {
      if (signing === undefined || macs.some((mac) => isSealedAnswer(answer, signing, mac))) resolve(true);
    });
    try {
      for (let attempt = 0; attempt < ATTEMPTS && !this.#end.signal.aborted; attempt++) {
        const soa = follower().soa(zone);
        const seal = signing && sealFor(signing.keys()[0], signing.now);
        const message = sealed(notifyMessage(id, zone, soa), seal);
        if (seal !== undefined) macs.push(seal.mac);
        this.#socket.send(message, this.#at.port, this.#at.address, () => {});
        const wait = new AbortController();
        const over = clock.sleep(
          PATIENCE_MS * 2 ** attempt,
          AbortSignal.any([wait.signal, this.#end.signal]),
        );
        const heard = await Promise.race([answered, over.then(() => false)]);
        wait.abort();
        if (heard) return true;
      }
      return false;
    } finally {
      this.#waiting.delete(id);
    }
  }
}

/** RFC 1996, 3.7: the question, and the new SOA as a hint. */
function notifyMessage(id: number, { origin }: Pick<FollowedZone, 'origin'>, soa: ResourceRecord): Buffer {
  const labels = origin.labels.flatMap((label) => [
    Buffer.from([label.length]),
    Buffer.from(label, 'latin1'),
  ]);
  const question = Buffer.concat([...labels, Buffer.from([0, 0, RRType.SOA, 0, CLASS_IN])]);
  const writer = new MessageWriter(Buffer.alloc(512));
  writer.start(question, origin.labels, 512);
  const answers = writer.records([soa]);
  const message = writer.finish();
  putUint16(message, At.id, id);
  message[2] = OPCODE_NOTIFY | Flag.authoritative;
  putUint16(message, At.questions, 1);
  putUint16(message, At.answers, answers);
  return message;
}
