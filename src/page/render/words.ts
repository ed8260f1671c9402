/** How what is measured is said. Pure. */
import { type Html, html } from '../html.ts';
import type { ClusterState, ConnectionModel, Health } from '../model.ts';

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
];

/** `3 h`: whole units, the greatest that fits. */
export function ageText(seconds: number): string {
  for (const [name, size] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  return `${Math.max(0, Math.floor(seconds))} s`;
}

/** The age of a moment, which the browser keeps up to date. */
export function age(since: string | undefined, now: number): Html {
  const time = Date.parse(since ?? '');
  if (since === undefined || Number.isNaN(time)) return html`<span class="muted">unknown</span>`;
  return html`<time datetime="${since}" title="${since}" data-age>${ageText((now - time) / 1000)}</time>`;
}

/** `14:03:27`, by the clock of whoever renders; the browser shows its own. */
export const clockTime = (at: string): Html =>
  html`<time datetime="${at}" title="${at}" data-clock>${at.slice(11, 19)}</time>`;

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

export const STATE_WORDS: Readonly<Record<ClusterState, string>> = {
  heard: 'heard',
  drained: 'drained',
  silent: 'silent',
  disconnected: 'disconnected',
  unknown: 'not known',
};

export const HEALTH_WORDS: Readonly<Record<Health, string>> = {
  answers: 'in answers',
  'not-ready': 'no ready endpoint',
  'no-weight': 'weight 0',
  drained: 'drained',
  unreachable: 'not reachable',
};

/** Of a cluster that gives no sign of life. */
export const silentText = (since: string): string =>
  since === ''
    ? 'there never was a heartbeat: what is here may be old'
    : `silent since ${since}: what is here may be old`;

/** `12.4 ms · 0 % lost` */
export function linkText({ state, roundTripMs, loss }: ConnectionModel): string {
  if (state === 'error' || state === 'connecting') return state;
  const parts = [
    ...(roundTripMs === undefined ? [] : [roundTrip(roundTripMs)]),
    ...(loss === undefined || loss === 0 ? [] : [`${percent(loss)} lost`]),
  ];
  return parts.length === 0 ? state : parts.join(' · ');
}

export const roundTrip = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

export const percent = (share: number): string =>
  `${share === 0 || share >= 0.1 ? Math.round(share * 100) : (share * 100).toFixed(1)} %`;
