/**
 * When what is about to be written became different, so that it can be told how long a change travels: the
 * time goes with the slice, as an annotation that is never a reason to write by itself.
 */
import { Annotation } from '../api/names.ts';
import type { EndpointSlice } from '../api/objects.ts';
import type { ClockSkew } from './clock-skew.ts';
import { ownerOf, recordKey } from './labels.ts';
import { importedSliceName, sliceSuffix } from './record-name.ts';

/** Changes that were seen and are not passed on yet. */
export class News {
  readonly #times = new Map<string, Map<string, number>>(); // service → what has changed → when, ms since 1970

  /** Of several changes that go out together the first counts. */
  note(service: string, what: string, at: number): void {
    let times = this.#times.get(service);
    if (times === undefined) this.#times.set(service, (times = new Map()));
    if (!times.has(what)) times.set(what, at);
  }

  /** What is known of a service's changes, which are passed on now, or are none. */
  take(service: string): ReadonlyMap<string, number> {
    const times = this.#times.get(service) ?? new Map<string, number>();
    this.#times.delete(service);
    return times;
  }

  /** They could not be passed on. */
  giveBack(service: string, times: ReadonlyMap<string, number>): void {
    for (const [what, at] of times) this.note(service, what, at);
  }
}

/** The slice, saying when it changed; as it is where that is not known. */
export function stamped(slice: EndpointSlice, at: number | undefined): EndpointSlice {
  if (at === undefined) return slice;
  const annotations = { ...slice.metadata.annotations, [Annotation.changed]: new Date(at).toISOString() };
  return { ...slice, metadata: { ...slice.metadata, annotations } };
}

/** Milliseconds since 1970, by the clock of the cluster that wrote it; undefined where it does not say. */
export function stampOf({ metadata }: EndpointSlice): number | undefined {
  const text = metadata.annotations?.[Annotation.changed] ?? '';
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** What has just come from another cluster: of which service, which imported slice, and when it changed by our clock. */
export interface Arrival {
  readonly service: string;
  readonly slice: string;
  readonly at: number;
}

/** @returns undefined where there is no news in it, or nobody knows how old they are */
export function arrivalOf(
  before: EndpointSlice | undefined,
  after: EndpointSlice | undefined,
  skew: Pick<ClockSkew, 'aheadOf'>,
): Arrival | undefined {
  if (after === undefined) return undefined;
  const [owner, changed] = [ownerOf(after), stampOf(after)];
  if (owner === undefined || changed === undefined || (before && stampOf(before)) === changed)
    return undefined;
  const aheadMs = skew.aheadOf(owner.cluster);
  const suffix = sliceSuffix(owner, after.metadata.name);
  if (aheadMs === undefined || suffix === undefined) return undefined;
  return { service: recordKey(after), slice: importedSliceName(owner, suffix), at: changed + aheadMs };
}
