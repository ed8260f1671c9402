import { type Html, html } from '../html.ts';
import type { ClusterModel, PageModel } from '../model.ts';
import { age, count, STATE_WORDS } from './words.ts';

/** One card per member: its state with the reason, and its gateways. Pure. */
export const clusterCards = ({ clusters }: PageModel, now: number): Html =>
  html`${clusters.map((cluster) => card(cluster, now))}`;

function card(cluster: ClusterModel, now: number): Html {
  const { id, state, reason, exports, gateways, dns, version, lastHeard, button } = cluster;
  return html`<li class="cluster cluster-${state}" id="cluster-${id}">
    <div class="cluster-head">
      <h3>${id}</h3>
      <span class="state state-${state}">${STATE_WORDS[state]}</span>
    </div>
    <p class="cluster-reason">${reason}</p>
    <dl class="facts">
      <div>
        <dt>Exports</dt>
        <dd>${count(exports, 'service')}</dd>
      </div>
      ${
        dns !== undefined &&
        html`<div>
          <dt>DNS</dt>
          <dd class="mono">${dns}</dd>
        </div>`
      }
      ${
        lastHeard !== undefined &&
        html`<div>
          <dt>Heard</dt>
          <dd>${age(lastHeard, now)} ago</dd>
        </div>`
      }
      ${
        version !== undefined &&
        html`<div>
          <dt>Version</dt>
          <dd class="mono">${version}</dd>
        </div>`
      }
      ${
        gateways.length > 0 &&
        html`<div>
          <dt>Gateways</dt>
          <dd>
            ${gateways.map(
              ({ name, role }, at) =>
                html`${at > 0 && ', '}<span class="mono">${name}</span>${role !== 'unknown' && ` (${role})`}`,
            )}
          </dd>
        </div>`
      }
    </dl>
    ${
      button !== undefined &&
      html`<form class="outage" method="post" action="/clusters/${encodeURIComponent(id)}/${button}">
        <button id="button-${id}" class="button ${button === 'reconnect' ? 'button-primary' : ''}">
          ${button === 'disconnect' ? 'Disconnect' : 'Reconnect'}<span class="visually-hidden"> ${id}</span>
        </button>
      </form>`
    }
  </li>`;
}
