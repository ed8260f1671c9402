import type { Explanation } from '../../explain/explanation.ts';
import { type Html, html } from '../html.ts';
import type { PageModel } from '../model.ts';
import { type ExplainAsked, explainForm } from './explain-form.ts';
import { explanation, noExplanation } from './explanation.ts';

/** The explain box as a page of its own: for links, and without a script. Pure. */
export function explainPage(
  model: PageModel,
  asked: ExplainAsked,
  told: Explanation | string | undefined,
  now: number,
): Html {
  return html`<nav class="crumbs" aria-label="Where you are"><a href="/">Clusterset</a></nav>
    <h1>Explain a name</h1>
    <section class="card card-explain" aria-labelledby="question-heading">
      <h2 id="question-heading" class="visually-hidden">Question and answer</h2>
      ${explainForm(model, asked)}
      <div id="explanation" aria-live="polite">
        ${told === undefined ? '' : typeof told === 'string' ? noExplanation(told) : explanation(told, now)}
      </div>
    </section>`;
}
