import { type Html, html } from '../html.ts';
import type { LogEntry } from '../model.ts';
import { clockTime } from './words.ts';

/** The newest first. Pure. */
export const logEntries = (entries: readonly LogEntry[]): Html =>
  entries.length === 0
    ? html`<li class="empty">Nothing has changed since this page is served.</li>`
    : html`${entries.toReversed().map(logEntry)}`;

const logEntry = ({ at, tone, text }: LogEntry): Html =>
  html`<li class="entry entry-${tone}">${clockTime(at)}<span>${text}</span></li>`;
