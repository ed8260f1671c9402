/** The clusterset as a picture: members around the broker, tunnels between them. Pure. */
import { tunnelsOf, type Tunnel } from '../connections.ts';
import { type Html, html } from '../html.ts';
import { type Layout, narrowLayout, type Point, wideLayout } from '../layout.ts';
import type { ClusterModel, PageModel } from '../model.ts';
import { count, linkText, STATE_WORDS } from './words.ts';

/** Twice: as wide as a desk and as wide as a hand; the style shows one of them. */
export function picture(model: PageModel): Html {
  const { clusters } = model;
  if (clusters.length === 0) return html`<p class="empty">No cluster is here yet.</p>`;
  return html`${drawing(model, wideLayout(clusters.length), 'wide')}${drawing(
    model,
    narrowLayout(clusters.length),
    'narrow',
  )}`;
}

function drawing(model: PageModel, layout: Layout, name: 'wide' | 'narrow'): Html {
  const { clusters, connections, broker } = model;
  const places = new Map(clusters.map(({ id }, at) => [id, layout.places[at] ?? layout.hub]));
  const tunnels = tunnelsOf(connections);
  const { width, height, hub } = layout;
  const hasHub = broker !== 'not-read';
  return html`<svg
    class="picture picture-${name}"
    viewBox="0 0 ${width} ${height}"
    role="img"
    aria-labelledby="picture-${name}-title picture-${name}-desc"
  >
    <title id="picture-${name}-title">The clusterset</title>
    <desc id="picture-${name}-desc">${description(model, tunnels)}</desc>
    <defs>
      <radialGradient id="beam-${name}" gradientUnits="userSpaceOnUse" cx="0" cy="0" r="172">
        <stop class="beam-near" offset="0.15" />
        <stop class="beam-far" offset="1" />
      </radialGradient>
    </defs>
    ${hasHub && clusters.map((cluster) => brokerLink(cluster, hub, places.get(cluster.id) ?? hub))}
    ${tunnels.map((tunnel) => tunnelLine(tunnel, places, layout))}
    ${hasHub && hubMark(hub, broker === 'in-sight', name)}
    ${clusters.map((cluster) => member(cluster, places.get(cluster.id) ?? hub, layout))}
    ${name === 'wide' && tunnels.map((tunnel) => tunnelLabel(tunnel, places, layout))}
  </svg>`;
}

function description({ clusters }: PageModel, tunnels: readonly Tunnel[]): string {
  const members = clusters.map(
    ({ id, state, exports }) => `${id} is ${STATE_WORDS[state]} and exports ${count(exports, 'service')}.`,
  );
  const links = tunnels.map(
    ({ between, best }) => `Tunnel between ${between.join(' and ')}: ${linkText(best)}.`,
  );
  return [...members, ...links].join(' ');
}

function hubMark({ x, y }: Point, inSight: boolean, name: string): Html {
  return html`<g class="hub ${inSight ? '' : 'hub-lost'}" transform="translate(${x} ${y})">
    <g class="beams">
      <path fill="url(#beam-${name})" d="M0 -2 L172 -34 L172 34 L0 2 Z" />
      <path fill="url(#beam-${name})" d="M0 -2 L-172 -34 L-172 34 L0 2 Z" />
    </g>
    <circle class="hub-disc" r="27" />
    <path
      class="hub-mark"
      d="M-4.5 12 L-3 -5 H3 L4.5 12 Z M-4.5 -5 H4.5 M-3 -5 V-9 H3 V-5 M-3.6 -9 L0 -13 L3.6 -9 Z M-7 12 H7"
    />
    <text class="hub-name" y="43" text-anchor="middle">broker</text>
  </g>`;
}

function brokerLink({ id, state }: ClusterModel, hub: Point, place: Point): Html {
  const name = state === 'drained' ? 'heard' : state;
  return html`<path class="link link-${name}" d="${curve(hub, place, 0)}"
    ><title>${id} and the broker: ${STATE_WORDS[state]}</title></path
  >`;
}

function tunnelLine(
  { between, best, count: all }: Tunnel,
  places: ReadonlyMap<string, Point>,
  layout: Layout,
): Html {
  const [a, b] = [places.get(between[0]) ?? layout.hub, places.get(between[1]) ?? layout.hub];
  return html`<path class="tunnel tunnel-${best.state}" d="${curve(a, b, bend(a, b, layout))}"
    ><title>
      ${between.join(' – ')}:
      ${linkText(best)}${best.driver === undefined ? '' : `, ${best.driver}`}${all > 1 ? `, ${all} connections` : ''}${best.reason === undefined ? '' : `, ${best.reason}`}
    </title></path
  >`;
}

function tunnelLabel({ between, best }: Tunnel, places: ReadonlyMap<string, Point>, layout: Layout): Html {
  const [a, b] = [places.get(between[0]) ?? layout.hub, places.get(between[1]) ?? layout.hub];
  const { x, y } = middleOf(a, b, bend(a, b, layout));
  const text = linkText(best);
  const width = text.length * 6.6 + 18;
  return html`<g class="label label-${best.state}" transform="translate(${round(x)} ${round(y)})">
    <rect x="${-width / 2}" y="-11" width="${width}" height="22" rx="11" />
    <text y="4" text-anchor="middle">${text}</text>
  </g>`;
}

const MARKS: Readonly<Record<ClusterModel['state'], Html>> = {
  heard: html`<circle r="5" />`,
  drained: html`<path d="M-5 -5 H-1.5 V5 H-5 Z M1.5 -5 H5 V5 H1.5 Z" />`,
  silent: html`<circle class="hollow" r="4.4" />`,
  disconnected: html`<path class="stroke" d="M-4 -4 L4 4 M4 -4 L-4 4" />`,
  unknown: html`<circle class="hollow" r="4.4" stroke-dasharray="2 2" />`,
};

function member(cluster: ClusterModel, { x, y }: Point, { box: { width, height } }: Layout): Html {
  const { id, state, exports, gateways } = cluster;
  const most = Math.floor((width - 42) / 8.2);
  const hasRoom = height >= 58;
  return html`<g class="member member-${state}" transform="translate(${round(x)} ${round(y)})">
    <title>${id}: ${STATE_WORDS[state]}, ${cluster.reason}</title>
    <rect class="box" x="${-width / 2}" y="${-height / 2}" width="${width}" height="${height}" rx="14" />
    <g class="mark" transform="translate(${-width / 2 + 19} ${hasRoom ? -9 : 0})">${MARKS[state]}</g>
    <text class="name" x="${-width / 2 + 33}" y="${hasRoom ? -4 : 5}">${shortened(id, most)}</text>
    ${
      hasRoom &&
      html`<text class="sub" x="${-width / 2 + 15}" y="18"
        >${state === 'heard' ? count(exports, 'service') : STATE_WORDS[state]}</text
      >`
    }
    ${gateways
      .slice(0, 6)
      .map(
        ({ name, role }, at) =>
          html`<circle
            class="gateway gateway-${role}"
            cx="${width / 2 - 16 - at * 13}"
            cy="${height / 2 - (hasRoom ? 18 : 10)}"
            r="4.5"
            ><title>gateway ${name}: ${role}</title></circle
          >`,
      )}
  </g>`;
}

const shortened = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

/** So far away from the hub that neither the line nor its label touches it. */
function bend(a: Point, b: Point, { hub }: Layout): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy) || 1;
  // How far the hub is from the line, and on which side.
  const side = (dx * (hub.y - a.y) - dy * (hub.x - a.x)) / length;
  // One above the other there may be boxes between: then it goes by the side where there are none.
  const by = Math.abs(dx) < 1 ? -COLUMN_DISTANCE : Math.max(0, HUB_DISTANCE - Math.abs(side));
  return side > 0 ? -by : by;
}

const HUB_DISTANCE = 104;
const COLUMN_DISTANCE = 72;

function control(a: Point, b: Point, by: number): Point {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy) || 1;
  return { x: (a.x + b.x) / 2 - (dy / length) * by, y: (a.y + b.y) / 2 + (dx / length) * by };
}

function curve(a: Point, b: Point, by: number): string {
  const c = control(a, b, by * 2);
  return `M${round(a.x)} ${round(a.y)} Q${round(c.x)} ${round(c.y)} ${round(b.x)} ${round(b.y)}`;
}

/** The middle of a quadratic curve is half way to its control point. */
const middleOf = (a: Point, b: Point, by: number): Point => control(a, b, by);

const round = (value: number): number => Math.round(value * 10) / 10;
