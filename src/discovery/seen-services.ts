import type { Log } from '../observability/log.ts';
import type { SeenService } from './import-sync.ts';

/** What a table of services shows. */
export interface ServiceSummary extends SeenService {
  readonly namespace: string;
  readonly name: string;
}

/** The clusterset's services as this cluster sees them. What changes of it is logged, and told. */
export class SeenServices {
  readonly #log: Log;
  readonly #services = new Map<string, ServiceSummary>(); // namespace/service → what is seen of it
  readonly #listeners = new Set<() => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** In no order. */
  values(): IterableIterator<ServiceSummary> {
    return this.#services.values();
  }

  /** Who exports any of them. */
  get clusters(): ReadonlySet<string> {
    return new Set([...this.#services.values()].flatMap(({ clusters }) => clusters));
  }

  /** Calls `listener` after each change. @returns the unsubscriber. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param seen undefined where it is not exported to this cluster any more */
  set(key: string, seen: SeenService | undefined): void {
    const before = this.#services.get(key);
    const [namespace = '', name = ''] = key.split('/');
    const after = seen && { namespace, name, ...seen };
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    if (after === undefined) this.#services.delete(key);
    else this.#services.set(key, after);
    const fields = { namespace, service: name, clusters: after?.clusters, notImported: after?.notImported };
    if (after === undefined) this.#log.info(fields, 'A service is no longer exported to this cluster');
    else if (before === undefined) this.#log.info(fields, 'A service is exported to this cluster');
    else this.#log.info(fields, 'A service of the clusterset has changed');
    const reasons = after?.conflicts.map(({ reason, field }) => `${reason} (${field})`) ?? [];
    if (reasons.length > 0 && JSON.stringify(before?.conflicts) !== JSON.stringify(after?.conflicts)) {
      this.#log.warn({ ...fields, conflicts: reasons }, 'The exports of a service do not agree');
    }
    for (const listener of this.#listeners) listener();
  }
}
