import type { SendEvent } from '../observability/http.ts';
import type { Clock } from '../runtime/clock.ts';
import { buildModel } from './build-model.ts';
import { changeBetween, tellBetween } from './changes.ts';
import type { LogEntry, ModelChange, PageModel, ServiceDetail } from './model.ts';
import { Services } from './services.ts';
import type { Sights } from './sights.ts';

export interface LivePageOptions {
  /** What is seen now. Cheap, and called whenever something may have changed. */
  readonly look: () => Omit<Sights, 'now'>;
  readonly clock: Clock;
}

/** What changes together is told together. */
const LOOK_AFTER_MS = 80;
/** Of the time, this share at most is spent on looking: ten thousand services take a while. */
const BUSY_SHARE = 0.2;
const MOST_LOG_ENTRIES = 300;
/** Browsers that follow at once: each of them is sent every change. */
const MOST_FOLLOWERS = 100;

interface Follower {
  readonly send: SendEvent;
  /** The service whose page it shows. */
  readonly service: string | undefined;
  detail: string;
}

/** The page's model kept up to date, its log, and who follows both. */
export class LivePage {
  readonly #options: LivePageOptions;
  readonly #followers = new Set<Follower>();
  readonly #services = new Services();
  #sights: Sights;
  #model: PageModel;
  #log: readonly LogEntry[] = [];
  #lastId = 0;
  #restMs = LOOK_AFTER_MS;
  #cancel: (() => void) | undefined; // while it is about to look
  #isClosed = false;

  constructor(options: LivePageOptions) {
    this.#options = options;
    this.#sights = this.#look();
    this.#model = buildModel(this.#sights, this.#services);
  }

  get model(): PageModel {
    return this.#model;
  }

  /** The oldest first. @param service `namespace/name`; absent = of all */
  log(service?: string): readonly LogEntry[] {
    return service === undefined ? this.#log : this.#log.filter((entry) => entry.service === service);
  }

  detail(key: string): ServiceDetail | undefined {
    return this.#services.detail(key);
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#isClosed) return;
    this.#cancel ??= this.#options.clock.after(this.#restMs, () => {
      this.#cancel = undefined;
      this.#refresh();
    });
  }

  /** Takes what is there now as the beginning: nothing of it is news. */
  settle(): void {
    this.#sights = this.#look();
    this.#model = buildModel(this.#sights, this.#services);
  }

  /** Looks at once: for who has changed something himself and is to see it. */
  refresh(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#refresh();
  }

  /**
   * Sends a `snapshot` now and each `change` from then on; to who shows a service's page also that `service`.
   * @returns whether there is room for one more
   */
  follow(send: SendEvent, signal: AbortSignal, service?: string): boolean {
    if (this.#followers.size >= MOST_FOLLOWERS) return false;
    const follower: Follower = { send, service, detail: '' };
    this.#followers.add(follower);
    signal.addEventListener('abort', () => this.#followers.delete(follower), { once: true });
    send('snapshot', { model: this.#model, log: this.log(service) });
    this.#sendDetail(follower);
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #look(): Sights {
    return { ...this.#options.look(), now: this.#options.clock.now() };
  }

  #refresh(): void {
    const { clock } = this.#options;
    const started = clock.monotonic();
    const before = this.#model;
    this.#sights = this.#look();
    this.#model = buildModel(this.#sights, this.#services);
    const change = changeBetween(before, this.#model);
    if (change !== undefined) this.#tell({ ...change, log: this.#record(before) });
    for (const follower of this.#followers) this.#sendDetail(follower);
    this.#restMs = Math.max(LOOK_AFTER_MS, (clock.monotonic() - started) / BUSY_SHARE);
  }

  #record(before: PageModel): readonly LogEntry[] {
    const at = new Date(this.#options.clock.now()).toISOString();
    const entries = tellBetween(before, this.#model)
      .slice(-MOST_LOG_ENTRIES)
      .map((told): LogEntry => ({ ...told, at, id: ++this.#lastId }));
    this.#log = [...this.#log, ...entries].slice(-MOST_LOG_ENTRIES);
    return entries;
  }

  #tell(change: ModelChange): void {
    for (const { send, service } of this.#followers) {
      const log =
        service === undefined ? change.log : change.log.filter((entry) => entry.service === service);
      send('change', { ...change, log });
    }
  }

  #sendDetail(follower: Follower): void {
    if (follower.service === undefined) return;
    const detail = this.detail(follower.service);
    const text = JSON.stringify(detail ?? null);
    if (text === follower.detail) return;
    follower.detail = text;
    follower.send('service', detail ?? null);
  }
}
