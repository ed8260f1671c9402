/** The first page: the clusterset at a glance, its services, the explain box and the live log. Pure. */
import { type Html, html } from '../html.ts';
import type { LogEntry, PageModel } from '../model.ts';
import { clusterCards } from './clusters.ts';
import { picture } from './picture.ts';
import { found, serviceRow, type Show } from './services.ts';
import { sideColumn } from './side-column.ts';
import { tunnelTable } from './tunnels.ts';
import { count } from './words.ts';

export interface OverviewOptions {
  readonly log: readonly LogEntry[];
  readonly search: string;
  readonly show: Show;
  /** From 1: without the script the list comes in pages. */
  readonly page: number;
  readonly now: number;
}

const ROWS_PER_PAGE = 100;

export function overview(model: PageModel, { log, search, show, page, now }: OverviewOptions): Html {
  const fitting = found(model.services, search, show);
  const pages = Math.max(1, Math.ceil(fitting.length / ROWS_PER_PAGE));
  const at = Math.min(Math.max(1, page), pages);
  const first = (at - 1) * ROWS_PER_PAGE;
  return html` <h1 class="visually-hidden">The clusterset</h1>
    <div id="summary">${summary(model)}</div>
    <div id="problems">${problems(model)}</div>
    <div class="grid">
      <div class="column">
        <section class="card card-picture" aria-labelledby="picture-heading">
          <h2 id="picture-heading" class="visually-hidden">Picture</h2>
          <div id="picture">${picture(model)}</div>
        </section>
        <section aria-labelledby="clusters-heading">
          <h2 id="clusters-heading">Clusters</h2>
          <ul class="clusters" id="clusters">
            ${clusterCards(model, now)}
          </ul>
        </section>
        <div id="tunnels">${tunnelTable(model, now)}</div>
        <section class="card card-services" aria-labelledby="services-heading" id="services">
          <div class="services-head">
            <h2 id="services-heading">Services</h2>
            <p class="muted" id="found" role="status">${foundText(fitting.length, model.services.length)}</p>
            <form class="search" role="search" action="/" method="get">
              <label class="visually-hidden" for="search">Search services</label>
              <input
                id="search"
                name="q"
                type="search"
                value="${search}"
                placeholder="Search by name, namespace, cluster"
                autocomplete="off"
                spellcheck="false"
              />
              <input type="hidden" name="show" value="${show}" />
              <button class="button no-script">Search</button>
            </form>
            <nav class="shows" aria-label="Which services" id="shows">${shows(search, show)}</nav>
          </div>
          <div
            class="table"
            role="table"
            aria-label="Services"
            aria-rowcount="${fitting.length + 1}"
            id="table"
          >
            <div class="row row-head" role="row" aria-rowindex="1">
              <div class="cell cell-name" role="columnheader">Service</div>
              <div class="cell cell-type" role="columnheader">Type</div>
              <div class="cell cell-exporters" role="columnheader">Exported by</div>
              <div class="cell cell-endpoints" role="columnheader">Ready</div>
              <div class="cell cell-age" role="columnheader">Age</div>
              <div class="cell cell-notes" role="columnheader">
                <span class="visually-hidden">Notes</span>
              </div>
            </div>
            <div class="rows" role="rowgroup" tabindex="0" aria-label="Services" id="rows">
              ${fitting
                .slice(first, first + ROWS_PER_PAGE)
                .map((service, index) => serviceRow(service, first + index, now))}
            </div>
          </div>
          <div id="none">${noServices(model, fitting.length)}</div>
          ${pages > 1 && html`<nav class="pages no-script" aria-label="Pages">${pager(at, pages, search, show)}</nav>`}
        </section>
      </div>
      ${sideColumn(model, log, {
        explain: 'Explain a name',
        lead: 'What a name answers now, where that comes from, and what would have to change for another answer.',
        log: 'Live log',
      })}
    </div>`;
}

export const foundText = (fitting: number, all: number): string =>
  fitting === all ? count(all, 'service') : `${fitting.toLocaleString('en')} of ${count(all, 'service')}`;

export function noServices({ services, kind }: PageModel, fitting: number): Html | string {
  if (fitting > 0) return '';
  if (services.length > 0) return html`<p class="empty">No service fits.</p>`;
  return html`<p class="empty">
    No service is exported. A ServiceExport with the name of a Service exports
    it${kind === 'clusterset' && html`: <code>pharos export NAME -n NAMESPACE</code>`}.
  </p>`;
}

export function summary({ clusters, services }: PageModel): Html {
  const heard = clusters.filter(({ state }) => state === 'heard').length;
  const conflicts = services.filter(({ conflicts }) => conflicts.length > 0).length;
  const silent = services.filter(
    ({ exporters }) => !exporters.some(({ health }) => health === 'answers'),
  ).length;
  return html`<ul class="summary">
    ${figure(`${heard}/${clusters.length}`, 'clusters heard', heard === clusters.length ? 'good' : 'bad', '#clusters')}
    ${figure(services.length.toLocaleString('en'), services.length === 1 ? 'service' : 'services', 'plain', '/#services')}
    ${figure(String(conflicts), conflicts === 1 ? 'conflict' : 'conflicts', conflicts === 0 ? 'plain' : 'warn', '/?show=conflicts#services')}
    ${figure(String(silent), 'without an answer', silent === 0 ? 'plain' : 'bad', '/?show=not-ready#services')}
  </ul>`;
}

const figure = (value: string, words: string, tone: string, href: string): Html =>
  html`<li>
    <a class="figure figure-${tone}" href="${href}"><b>${value}</b> <span>${words}</span></a>
  </li>`;

export const problems = (model: PageModel): Html | string =>
  model.problems.length === 0
    ? ''
    : html`<section class="card card-problems" aria-labelledby="problems-heading">
        <h2 id="problems-heading">To mend</h2>
        <ul>
          ${model.problems.map((text) => html`<li>${text}</li>`)}
        </ul>
      </section>`;

const SHOW_WORDS: readonly (readonly [Show, string])[] = [
  ['all', 'All'],
  ['conflicts', 'Conflicts'],
  ['not-ready', 'Without an answer'],
];

const shows = (search: string, current: Show): Html =>
  html`${SHOW_WORDS.map(
    ([show, words]) =>
      html`<a
        href="/?${query(search, show)}#services"
        data-show="${show}"
        ${show === current && html` aria-current="true"`}
        >${words}</a
      >`,
  )}`;

const pager = (at: number, pages: number, search: string, show: Show): Html => {
  const link = (page: number, words: string): Html =>
    html`<a href="/?${query(search, show)}&amp;page=${page}#services">${words}</a>`;
  return html`${at > 1 && link(at - 1, 'Previous')}
    <span class="muted">Page ${at} of ${pages}</span> ${at < pages && link(at + 1, 'Next')}`;
};

const query = (search: string, show: Show): string => new URLSearchParams({ q: search, show }).toString();
