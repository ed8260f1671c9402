/** A service's own page. Pure. */
import { type Html, html } from '../html.ts';
import type { EndpointModel, ExporterModel, LogEntry, PageModel, ServiceDetail } from '../model.ts';
import { splitKey } from './services.ts';
import { sideColumn } from './side-column.ts';
import { age, count, HEALTH_WORDS, silentText } from './words.ts';

export interface ServicePageOptions {
  readonly log: readonly LogEntry[];
  readonly now: number;
}

export function servicePage(
  model: PageModel,
  key: string,
  detail: ServiceDetail | undefined,
  { log, now }: ServicePageOptions,
): Html {
  const [namespace = '', name = ''] = splitKey(key);
  return html` <nav class="crumbs" aria-label="Where you are">
      <a href="/">Clusterset</a> <span aria-hidden="true">›</span>
      <a href="/?${new URLSearchParams({ q: namespace }).toString()}#services">${namespace}</a>
    </nav>
    <h1>${name}</h1>
    <p class="fqdn mono">${name}.${namespace}.svc.${model.zone}</p>
    <div class="grid">
      <div class="column" id="service">${serviceBody(detail, now)}</div>
      ${sideColumn(model, log, {
        explain: 'Explain its answer',
        name: `${name}.${namespace}`,
        log: 'What changed',
      })}
    </div>`;
}

export function serviceBody(detail: ServiceDetail | undefined, now: number): Html {
  if (detail === undefined) {
    return html`<section class="card">
      <p class="empty">
        Nobody exports this service now. The box beside explains what its name answers, and why.
      </p>
    </section>`;
  }
  const { type, ports, ips, since, policy, exporters, conflicts, problems, endpoints, labels, annotations } =
    detail;
  return html` <section class="card" aria-label="In short">
      <dl class="facts facts-wide">
        <div>
          <dt>Type</dt>
          <dd>${type}</dd>
        </div>
        <div>
          <dt>Ports</dt>
          <dd class="mono">${ports.length === 0 ? 'none' : ports.join(', ')}</dd>
        </div>
        <div>
          <dt>Clusterset IP</dt>
          <dd class="mono">
            ${ips.length === 0 ? 'none: answers are the exporters’ own addresses' : ips.join(', ')}
          </dd>
        </div>
        ${
          policy !== undefined &&
          html`<div>
            <dt>Policy</dt>
            <dd>${policy}</dd>
          </div>`
        }
        <div>
          <dt>Age</dt>
          <dd>${age(since, now)}</dd>
        </div>
      </dl>
    </section>
    ${
      conflicts.length > 0 &&
      html`<section class="card card-conflicts" aria-labelledby="conflicts-heading">
        <h2 id="conflicts-heading">${count(conflicts.length, 'conflict')}</h2>
        <p class="lead">
          The exports of this service do not agree. The oldest one counts, in all clusters alike.
        </p>
        <ul>
          ${conflicts.map((text) => html`<li>${text}</li>`)}
        </ul>
      </section>`
    }
    ${
      problems.length > 0 &&
      html`<section class="card card-problems" aria-labelledby="not-in-force-heading">
        <h2 id="not-in-force-heading">Not in force</h2>
        <ul>
          ${problems.map((text) => html`<li>${text}</li>`)}
        </ul>
      </section>`
    }
    <section class="card" aria-labelledby="exporters-heading">
      <h2 id="exporters-heading">Exported by</h2>
      ${
        exporters.length === 0
          ? html`<p class="empty">Nobody.</p>`
          : html`<ul class="exporters">
              ${exporters.map((each) => exporter(each, now))}
            </ul>`
      }
    </section>
    <section class="card" aria-labelledby="endpoints-heading">
      <h2 id="endpoints-heading">Endpoints</h2>
      ${endpoints.length === 0 ? html`<p class="empty">None.</p>` : endpointTable(endpoints, total(exporters))}
    </section>
    ${maps([
      ['Labels', labels],
      ['Annotations', annotations],
    ])}`;
}

const total = (exporters: readonly ExporterModel[]): number =>
  exporters.reduce((all, exporter) => all + exporter.total, 0);

const exporter = (
  { cluster, health, reason, ready, total, counts, ips, weight, since, silentSince }: ExporterModel,
  now: number,
): Html =>
  html`<li class="exporter exporter-${health}">
    <div class="exporter-head">
      <h3>${cluster}</h3>
      <span class="state chip-${health}">${HEALTH_WORDS[health]}</span>
    </div>
    ${reason !== undefined && html`<p class="cluster-reason">${reason}</p>`}
    ${silentSince !== undefined && html`<p class="cluster-reason exporter-old">${silentText(silentSince)}</p>`}
    <dl class="facts">
      <div>
        <dt>Ready</dt>
        <dd>${ready} of ${count(total, counts === 'endpoints' ? 'endpoint' : 'Service IP')}</dd>
      </div>
      ${
        ips.length > 0 &&
        html`<div>
          <dt>Service IP</dt>
          <dd class="mono">${ips.join(', ')}</dd>
        </div>`
      }
      <div>
        <dt>Weight</dt>
        <dd>${weight}</dd>
      </div>
      ${
        since !== undefined &&
        html`<div>
          <dt>Exported</dt>
          <dd>${age(since, now)} ago</dd>
        </div>`
      }
    </dl>
  </li>`;

const endpointTable = (endpoints: readonly EndpointModel[], all: number): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="List of endpoints">
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Cluster</th>
            <th scope="col">Address</th>
            <th scope="col">Name</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          ${endpoints.map(
            ({ cluster, address, ready, label, pod }) =>
              html`<tr>
                <td>${cluster}</td>
                <td class="mono">${address}</td>
                <td class="mono">${pod ?? label}</td>
                <td>
                  <span class="state ${ready ? 'chip-answers' : 'chip-not-ready'}"
                    >${ready ? 'ready' : 'not ready'}</span
                  >
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${all > endpoints.length && html`<p class="muted">and ${all - endpoints.length} more</p>`}`;

/** What its exports ask everybody to carry: other people's text. */
function maps(all: readonly (readonly [string, Readonly<Record<string, string>>])[]): Html {
  return html`${all.map(([title, map]) => {
    const entries = Object.entries(map);
    return (
      entries.length > 0 &&
      html`<details class="card">
        <summary>${title} of the import (${entries.length})</summary>
        <dl class="map">
          ${entries.map(
            ([name, value]) =>
              html`<div>
                <dt class="mono">${name}</dt>
                <dd class="mono">${value}</dd>
              </div>`,
          )}
        </dl>
      </details>`
    );
  })}`;
}
