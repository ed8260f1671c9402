/** Keeps this cluster's records on the broker equal to what it exports: the direction member → broker. */
import { Kinds } from '../api/kinds.ts';
import type { EndpointSlice, ServiceImport } from '../api/objects.ts';
import { StoreError } from '../store/store.ts';
import type { BrokerCaches } from './caches.ts';
import type { Clusterset } from './clusterset.ts';
import type { Claim } from './heartbeat.ts';
import type { Publication } from './conditions.ts';
import type { ExportRecords } from './export.ts';
import { type News, stamped } from './news.ts';
import type { Plan } from './plan.ts';
import { inOrder, together } from './steps.ts';
import type { Shelf, Writer } from './writer.ts';

export interface ExportSyncOptions {
  readonly clusterset: Clusterset;
  readonly broker: BrokerCaches;
  readonly toBroker: Writer;
  /** When what is exported changed, each service as a whole. */
  readonly news: News;
  /** Whether this cluster may write under its id. */
  readonly claim: () => Claim;
  /** For messages. */
  readonly brokerLocation: string;
  /** Told when a service's writes have failed, and when they succeed again. */
  readonly onFailure: (key: string, isFailing: boolean) => void;
}

export class ExportSync {
  readonly #options: ExportSyncOptions;
  readonly #records: Shelf<ServiceImport>;
  readonly #recordSlices: Shelf<EndpointSlice>;
  readonly #failures = new Map<string, StoreError>(); // service → why its records are not on the broker

  constructor(options: ExportSyncOptions) {
    this.#options = options;
    this.#records = { kind: Kinds.ServiceImport, cache: options.broker.records };
    this.#recordSlices = { kind: Kinds.EndpointSlice, cache: options.broker.recordSlices };
  }

  /**
   * Nothing is written before all lists are complete: what seems not to be exported may not have been seen.
   * @returns `wait` where there is something to write and the broker is out of sight
   */
  async reconcile(key: string): Promise<'done' | 'wait'> {
    const { clusterset, toBroker, claim, news } = this.#options;
    if (!clusterset.isOwnKnown || !clusterset.isBrokerKnown) return 'done';
    const times = news.take(key);
    const [changed] = times.values();
    const exported = clusterset.exported(key);
    const { imports, slices } = this.#plan(key, exported.is === 'valid' ? exported.records : undefined);
    const count = imports.apply.length + imports.remove.length + slices.apply.length + slices.remove.length;
    if (count > 0 && (clusterset.isBrokerOutOfSight || claim().is !== 'held')) {
      news.giveBack(key, times);
      return 'wait';
    }
    try {
      // The order in which a record and its slices arrive does not matter to other members: without slices it
      // has no ready endpoint, without it slices mean nothing. But where an endpoint moves from one slice to
      // another it must not be in neither.
      await inOrder(
        () =>
          together([
            toBroker.apply(
              this.#recordSlices,
              slices.apply.map((slice) => stamped(slice, changed)),
            ),
            toBroker.apply(this.#records, imports.apply),
          ]),
        () =>
          together([
            toBroker.remove(this.#records, imports.remove),
            toBroker.remove(this.#recordSlices, slices.remove),
          ]),
      );
    } catch (error) {
      news.giveBack(key, times);
      if (error instanceof StoreError) {
        this.#failures.set(key, error);
        this.#options.onFailure(key, true);
      }
      throw error;
    }
    if (this.#failures.delete(key)) this.#options.onFailure(key, false);
    return 'done';
  }

  /** How far what is exported has come. Meaningful for a valid export. */
  publication(key: string, records: ExportRecords): Publication {
    const { clusterset, brokerLocation } = this.#options;
    const claim = this.#options.claim();
    if (claim.is === 'refused') return { is: 'failed', message: claim.message };
    const unreachable = `The broker ${brokerLocation} cannot be reached; this is tried again until it can`;
    if (!clusterset.isBrokerKnown) {
      const asked = `The broker ${brokerLocation} is being asked`;
      return { is: 'unknown', message: clusterset.isBrokerOutOfSight ? unreachable : asked };
    }
    const { imports, slices } = this.#plan(key, records);
    if (imports.apply.length + slices.apply.length === 0) return { is: 'published' };
    const failure = this.#failures.get(key);
    if (failure?.code === 'invalid' || failure?.code === 'forbidden') {
      return { is: 'failed', message: `The broker refuses the service: ${failure.message}` };
    }
    if (clusterset.isBrokerOutOfSight) return { is: 'out-of-sight', message: unreachable };
    if (failure !== undefined) return { is: 'pending', message: `Not on the broker yet: ${failure.message}` };
    // A change on its way to the broker, as each of a pod is, does not take back that the service is there.
    if (clusterset.published(key).imports.length > 0) return { is: 'published' };
    return { is: 'pending', message: `On its way to the broker ${brokerLocation}` };
  }

  #plan(
    key: string,
    records: ExportRecords | undefined,
  ): { readonly imports: Plan<ServiceImport>; readonly slices: Plan<EndpointSlice> } {
    const { clusterset, toBroker } = this.#options;
    const published = clusterset.published(key);
    return {
      imports: toBroker.plan(this.#records, records ? [records.serviceImport] : [], published.imports),
      slices: toBroker.plan(this.#recordSlices, records?.slices ?? [], published.slices),
    };
  }
}
