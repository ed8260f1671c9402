/** Kubernetes Events (events.k8s.io/v1) beside the conditions: what happened, for `kubectl describe`. */
import { createHash } from 'node:crypto';
import { Kinds } from '../api/kinds.ts';
import type { Event, KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';

/** What there is to say about an object. */
export interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** What the agent was at. */
  readonly action: 'Export' | 'Import';
  readonly note: string;
}

export interface EventsOptions {
  readonly store: ObjectStore;
  /** Unique to this agent. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** So many at once, and so many a second in the long run: Events help people, who read no more. */
const BURST = 25;
const PER_SECOND = 1;
/** What is said again within this time is only counted. */
const SAME_WITHIN_MS = 10 * 60_000;
const MAX_REMEMBERED = 1000;
/** The API takes 1,024 bytes. */
const MAX_NOTE_BYTES = 1000;

interface Said {
  readonly event: Event;
  readonly at: number;
  readonly count: number;
}

export class Events {
  readonly #options: EventsOptions;
  readonly #said = new Map<string, Said>(); // object and words → the Event, the oldest first
  #tokens = BURST;
  #filledAt: number;
  /** Events that were not written since there were too many. */
  dropped = 0;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#filledAt = options.clock.monotonic();
  }

  /** Says it soon, or not at all: nothing depends on it. Never throws. */
  tell(regarding: KubeObject, told: Told): void {
    const { clock, store, log } = this.#options;
    const now = clock.monotonic();
    const what = JSON.stringify([regarding.kind, regarding.metadata.uid, told]);
    const before = this.#said.get(what);
    this.#said.delete(what);
    if (before !== undefined && now - before.at < SAME_WITHIN_MS) {
      this.#said.set(what, { ...before, count: before.count + 1 });
      return;
    }
    if (!this.#mayWrite(now)) {
      this.dropped++;
      return;
    }
    const count = (before?.count ?? 0) + 1;
    const event =
      before === undefined
        ? this.#eventOf(regarding, told, what)
        : { ...before.event, series: { count, lastObservedTime: microTime(clock.now()) } };
    this.#said.set(what, { event, at: now, count });
    const [oldest] = this.#said.keys();
    if (this.#said.size > MAX_REMEMBERED && oldest !== undefined) this.#said.delete(oldest);
    store.apply(Kinds.Event, event).catch((err: unknown) => {
      log.debug({ reason: told.reason, err }, 'An Event could not be written');
    });
  }

  #mayWrite(now: number): boolean {
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filledAt) / 1000) * PER_SECOND);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #eventOf({ apiVersion, kind, metadata }: KubeObject, told: Told, what: string): Event {
    const { clock, instance } = this.#options;
    const { name, namespace = 'default', uid } = metadata;
    const hash = createHash('sha256').update(`${what} ${instance} ${clock.now()}`).digest('hex');
    return {
      apiVersion: Kinds.Event.apiVersion,
      kind: 'Event',
      metadata: { name: `${name}.${hash.slice(0, 16)}`, namespace },
      eventTime: microTime(clock.now()),
      reportingController: 'pharos.io/agent',
      reportingInstance: instance,
      ...told,
      note: shortened(told.note),
      regarding: { apiVersion, kind, name, namespace, ...(uid !== undefined && { uid }) },
    };
  }
}

/** Cut between characters. */
function shortened(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= MAX_NOTE_BYTES) return note;
  return `${bytes
    .subarray(0, MAX_NOTE_BYTES)
    .toString()
    .replace(/\uFFFD+$/, '')}…`;
}

/** metav1.MicroTime */
const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
