import { isUp } from '../../api/tunnel.ts';
import { type Html, html } from '../html.ts';
import type { ConnectionModel, PageModel } from '../model.ts';
import { age, percent, roundTrip } from './words.ts';

/** All connections of the gateways in sight, a line each. Pure. */
export const tunnelTable = ({ connections }: PageModel, now: number): Html | string =>
  connections.length === 0
    ? ''
    : html`<section class="card" aria-labelledby="tunnels-heading">
        <h2 id="tunnels-heading">Tunnels</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="List of tunnels">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">State</th>
                <th scope="col" class="number">Round trip</th>
                <th scope="col" class="number">Lost</th>
                <th scope="col">Since</th>
                <th scope="col">Driver</th>
              </tr>
            </thead>
            <tbody>
              ${connections.map((connection) => row(connection, now))}
            </tbody>
          </table>
        </div>
      </section>`;

function row(connection: ConnectionModel, now: number): Html {
  const { from, fromGateway, to, toGateway, state, reason, roundTripMs, loss, since, driver } = connection;
  return html`<tr>
    <td>${from} <span class="muted mono">${fromGateway}</span></td>
    <td>${to} <span class="muted mono">${toGateway ?? ''}</span></td>
    <td>
      <span class="state tunnel-state-${state}">${state}</span>${
        reason !== undefined && html`<span class="tunnel-reason">${reason}</span>`
      }
    </td>
    <td class="number">${isUp(connection) && roundTripMs !== undefined ? roundTrip(roundTripMs) : '–'}</td>
    <td class="number">${isUp(connection) && loss !== undefined ? percent(loss) : '–'}</td>
    <td>${age(since, now)}</td>
    <td class="mono">${driver ?? ''}</td>
  </tr>`;
}
