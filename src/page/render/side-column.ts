/** What stands beside the rest of a page: the explain box, and the log. Pure. */
import { type Html, html } from '../html.ts';
import type { LogEntry, PageModel } from '../model.ts';
import { explainForm } from './explain-form.ts';
import { logEntries } from './log.ts';

export interface SideTexts {
  /** Headings. */
  readonly explain: string;
  readonly log: string;
  /** What the box is for. */
  readonly lead?: string;
  /** What stands in the box. */
  readonly name?: string;
}

export const sideColumn = (
  model: PageModel,
  entries: readonly LogEntry[],
  { explain, lead, name, log }: SideTexts,
): Html =>
  html`<div class="column column-side">
    <section class="card" aria-labelledby="explain-heading">
      <h2 id="explain-heading">${explain}</h2>
      ${lead !== undefined && html`<p class="lead">${lead}</p>`}
      ${explainForm(model, name === undefined ? {} : { name })}
      <div id="explanation" aria-live="polite"></div>
    </section>
    <section class="card card-log" aria-labelledby="log-heading">
      <h2 id="log-heading">${log}</h2>
      <ol class="log" id="log" tabindex="0" aria-labelledby="log-heading">
        ${logEntries(entries)}
      </ol>
    </section>
  </div>`;
