import { type Html, html } from '../html.ts';
import type { ExporterModel, ServiceModel } from '../model.ts';
import { age, HEALTH_WORDS, silentText } from './words.ts';

/** A row of the list. Pure. @param index of all rows that fit the search, from 0 */
export function serviceRow(service: ServiceModel, index: number, now: number): Html {
  const { key, type, exporters, conflicts, problems, since } = service;
  const [namespace = '', name = ''] = splitKey(key);
  // Of two, since the heading is the first row.
  return html`<div class="row" role="row" aria-rowindex="${index + 2}">
    <div class="cell cell-name" role="cell">
      <a id="row-${key}" href="${servicePath(key)}"
        ><b>${name}</b><span class="namespace">${namespace}</span></a
      >
    </div>
    <div class="cell cell-type" role="cell">${type}</div>
    <div class="cell cell-exporters" role="cell">
      ${exporters.slice(0, MOST_CHIPS).map(chip)}${
        exporters.length > MOST_CHIPS && html`<span class="more">+${exporters.length - MOST_CHIPS}</span>`
      }${exporters.length === 0 && html`<span class="muted">nobody</span>`}
    </div>
    <div class="cell cell-endpoints" role="cell">${endpointsText(exporters)}</div>
    <div class="cell cell-age" role="cell">${age(since, now)}</div>
    <div class="cell cell-notes" role="cell">
      ${
        conflicts.length > 0 &&
        html`<span class="badge badge-warn" title="${conflicts.join('; ')}">conflict</span>`
      }${problems.length > 0 && html`<span class="badge badge-bad" title="${problems.join('; ')}">not in force</span>`}
    </div>
  </div>`;
}

const MOST_CHIPS = 4;

export const splitKey = (key: string): readonly string[] => key.split('/');

const servicePath = (key: string): string => `/services/${splitKey(key).map(encodeURIComponent).join('/')}`;

/** An exporting cluster and how its part is. */
function chip({ cluster, health, reason, silentSince }: ExporterModel): Html {
  const words = [
    HEALTH_WORDS[health],
    ...(reason === undefined ? [] : [reason]),
    ...(silentSince === undefined ? [] : [silentText(silentSince)]),
  ].join(', ');
  const isPlain = health === 'answers' && silentSince === undefined;
  return html`<span
    class="chip chip-${health} ${silentSince !== undefined && 'chip-old'}"
    title="${cluster}: ${words}"
    >${cluster}${!isPlain && html`<span class="visually-hidden">, ${words}</span>`}</span
  >`;
}

function endpointsText(exporters: readonly ExporterModel[]): Html {
  const [ready, total] = [sum(exporters, 'ready'), sum(exporters, 'total')];
  const tone = ready === total && total > 0 ? '' : ready === 0 ? 'figures-bad' : 'figures-warn';
  return html`<span class="figures ${tone}"
    >${ready}<span class="of">/${total}</span><span class="visually-hidden"> ready</span></span
  >`;
}

const sum = (exporters: readonly ExporterModel[], field: 'ready' | 'total'): number =>
  exporters.reduce((all, exporter) => all + exporter[field], 0);

export const SHOWS = ['all', 'conflicts', 'not-ready'] as const;
export type Show = (typeof SHOWS)[number];

/** Which services: all words of the search in name, type or exporters, and what is to be shown of them. */
export function found(
  services: readonly ServiceModel[],
  search: string,
  show: Show,
): readonly ServiceModel[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0 && show === 'all') return services;
  return services.filter((service) => {
    if (show === 'conflicts' && service.conflicts.length === 0) return false;
    if (show === 'not-ready' && service.exporters.some(({ health }) => health === 'answers')) return false;
    if (words.length === 0) return true;
    const { key, type, exporters } = service;
    const text = `${key} ${type.toLowerCase()} ${exporters.map(({ cluster }) => cluster).join(' ')}`;
    return words.every((word) => text.includes(word));
  });
}

export const isShow = (text: string | null): text is Show => SHOWS.includes((text ?? '') as Show);
