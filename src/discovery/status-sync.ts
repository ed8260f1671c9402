/** Keeps the conditions of this cluster's ServiceExports true. */
import { Kinds } from '../api/kinds.ts';
import type { ServiceExport } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { StoreError } from '../store/store.ts';
import { aggregate } from './aggregate.ts';
import type { MemberCaches } from './caches.ts';
import type { Clusterset } from './clusterset.ts';
import { exportConditions, type Publication, sameConditions } from './conditions.ts';
import type { Events } from './events.ts';
import { exportEvents } from './export-events.ts';
import type { ExportSync } from './export-sync.ts';
import type { Writer } from './writer.ts';

/** Where an export stands, for metrics. */
export type ExportState = 'published' | 'pending' | 'failed' | 'invalid';

export interface StatusSyncOptions {
  readonly clusterset: Clusterset;
  readonly member: MemberCaches;
  readonly exports: ExportSync;
  readonly toMember: Writer;
  readonly clock: Clock;
  /** Absent = none are written. */
  readonly events?: Events;
}

export class StatusSync {
  readonly #options: StatusSyncOptions;
  readonly #states = new Map<string, ExportState>(); // service → where its export stands

  constructor(options: StatusSyncOptions) {
    this.#options = options;
  }

  /** How many exports stand where. */
  get states(): ReadonlyMap<ExportState, number> {
    const counts = new Map<ExportState, number>();
    for (const state of this.#states.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  async reconcile(key: string): Promise<void> {
    const { clusterset, member, exports, toMember, clock, events } = this.#options;
    if (!clusterset.isOwnKnown) return;
    const exported = clusterset.exported(key);
    const serviceExport = member.exports.get(key);
    if (serviceExport === undefined || exported.is === 'not-exported') {
      this.#states.delete(key);
      return;
    }
    const publication: Publication =
      exported.is === 'valid'
        ? exports.publication(key, exported.records)
        : { is: 'pending', message: exported.message };
    this.#states.set(key, stateOf(exported.is, publication));
    const conflicts = clusterset.isBrokerKnown
      ? (aggregate(clusterset.exports(key))?.conflicts ?? [])
      : 'unknown';
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const conditions = exportConditions(serviceExport, { exported, publication, conflicts }, now);
    const before = serviceExport.status?.conditions ?? [];
    if (sameConditions(before, conditions)) return;
    const { name, namespace } = serviceExport.metadata;
    const update: ServiceExport = {
      apiVersion: serviceExport.apiVersion,
      kind: 'ServiceExport',
      metadata: namespace === undefined ? { name } : { name, namespace },
      status: { conditions },
    };
    try {
      await toMember.applyStatus({ kind: Kinds.ServiceExport, cache: member.exports }, update);
      for (const told of exportEvents(before, conditions)) events?.tell(serviceExport, told);
    } catch (error) {
      // Deleted a moment ago: the watch will say so.
      if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
    }
  }
}

function stateOf(exported: 'valid' | 'invalid', publication: Publication): ExportState {
  if (exported === 'invalid') return 'invalid';
  switch (publication.is) {
    case 'published':
    case 'failed':
      return publication.is;
    case 'unknown':
    case 'pending':
    case 'out-of-sight':
      return 'pending';
    default:
      return publication satisfies never;
  }
}
