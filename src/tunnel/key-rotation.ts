import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Gateway } from '../api/tunnel.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import {
  afterStep,
  dueStep,
  type KeyRing,
  type RotationStep,
  type RotationTimes,
  storeKeyRing,
} from './key-ring.ts';
import { type KeyedDriver, makeKeyPair } from './keys.ts';
import { ROTATE_ANNOTATION } from './settings.ts';

export interface KeyRotationOptions {
  readonly store: ObjectStore;
  /** The gateway's node. */
  readonly gateway: string;
  readonly driver: KeyedDriver;
  readonly ring: KeyRing;
  readonly times: RotationTimes;
  /** The gateway's own object as its cluster has it. */
  readonly object: () => Gateway | undefined;
  /** Uses and publishes these from now on. */
  readonly use: (ring: KeyRing, step: RotationStep) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_EVERY_MS = 500;
const RETRY_MS = 5000;

/** Gives a gateway new keys, on a schedule and when asked to by an annotation. */
export class KeyRotation {
  readonly #options: KeyRotationOptions;
  #ring: KeyRing;

  constructor(options: KeyRotationOptions) {
    this.#options = options;
    this.#ring = options.ring;
  }

  /** Until `signal` aborts; never rejects. What was begun goes on in the next process. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      let pause = LOOK_EVERY_MS;
      try {
        await this.#look();
        failures = 0;
      } catch (err) {
        if (failures++ === 0) log.warn({ err }, 'The keys can not be rotated now; it will be tried again');
        pause = RETRY_MS;
      }
      await clock.sleep(pause, signal);
    }
  }

  async #look(): Promise<void> {
    const { store, gateway, driver, times, object, use, clock, log } = this.#options;
    const request = object()?.metadata.annotations?.[ROTATE_ANNOTATION];
    const now = clock.now();
    const step = dueStep(this.#ring, now, times, request);
    if (step === undefined) {
      // Asked for and in use: whoever waits is told by the mark that goes.
      if (request !== undefined && request === this.#ring.request && this.#ring.next === undefined) {
        await this.#unmark();
      }
      return;
    }
    const ring = afterStep(this.#ring, step, now, () => makeKeyPair(driver), request);
    // First where it outlives this process: a key that a peer has heard of must not be lost.
    if (step !== 'switch') await storeKeyRing(store, gateway, driver, ring);
    await use(ring, step);
    // To use it may have taken its time, from whose end on the old one is kept.
    this.#ring = { ...ring, since: clock.now() };
    if (step === 'switch') await storeKeyRing(store, gateway, driver, this.#ring);
    log.info({ step }, 'The keys are rotated');
  }

  async #unmark(): Promise<void> {
    const { store, object } = this.#options;
    const gateway = object();
    if (gateway === undefined) return;
    const { apiVersion, kind, metadata } = gateway;
    const { [ROTATE_ANNOTATION]: _, ...annotations } = metadata.annotations ?? {};
    const { name, namespace = SYSTEM_NAMESPACE, labels = {} } = metadata;
    await store.apply(Kinds.Gateway, {
      apiVersion,
      kind,
      metadata: { name, namespace, labels, annotations },
    });
  }
}
