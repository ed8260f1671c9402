/** An explanation: the verdict, the answer as sent, what would change it, and each step back to the cause. Pure. */
import type { Candidate, Change, Explanation, Step } from '../../explain/explanation.ts';
import { type Html, html } from '../html.ts';
import { age } from './words.ts';

const TONES: Readonly<Record<Explanation['verdict']['answer'], string>> = {
  records: 'good',
  nodata: 'warn',
  nxdomain: 'bad',
  refused: 'bad',
  'not-synced': 'bad',
};

export function explanation(found: Explanation, now: number): Html {
  const { question, verdict, answer, steps, candidates, changes, caches, nearest, unknown } = found;
  const lines = [...answer.answer, ...(answer.answer.length === 0 ? answer.authority : [])];
  return html`<article class="told told-${TONES[verdict.answer]}">
    <h3 class="verdict">
      <span class="rcode">${answer.rcode}${verdict.answer === 'nodata' && ', no data'}</span> ${verdict.text}
    </h3>
    <p class="asked mono">
      ${question.name}
      ${question.type}${question.cluster !== undefined && html` <span class="muted">in</span> ${question.cluster}`}
    </p>
    ${
      lines.length > 0 &&
      html`<pre class="records" tabindex="0" aria-label="The answer">${lines.join('\n')}</pre>`
    }
    ${answer.ede !== undefined && html`<p class="note">The server says why (EDE ${answer.ede.code}): ${answer.ede.text}</p>`}
    ${nearest.length > 0 && html`<p class="note">Near to it: ${nearest.map(near)}</p>`}
    ${
      candidates.length > 0 &&
      html`<h4>Clusters</h4>
        <ul class="candidates">
          ${candidates.map((each) => candidate(each, now))}
        </ul>`
    }
    ${
      changes.length > 0 &&
      html`<h4>For another answer</h4>
        <ul class="changes">
          ${changes.map(change)}
        </ul>`
    }
    <details>
      <summary>Step by step</summary>
      <ol class="steps">
        ${steps.map(step)}
      </ol>
      ${
        caches.length > 0 &&
        html`<h4>How old an answer can be</h4>
          <ul class="caches">
            ${caches.map(({ text }) => html`<li>${text}</li>`)}
          </ul>`
      }
      ${
        unknown.length > 0 &&
        html`<h4>Not looked at</h4>
          <ul>
            ${unknown.map((text) => html`<li>${text}</li>`)}
          </ul>`
      }
    </details>
  </article>`;
}

/** Why there is no explanation. */
export const noExplanation = (why: string): Html => html`<p class="told told-bad" role="alert">${why}</p>`;

const near = (name: string): Html =>
  html`<a class="near mono" href="/explain?${new URLSearchParams({ name }).toString()}" data-explain="${name}"
    >${name}</a
  > `;

const candidate = ({ cluster, counts, chosen, text, since, addresses }: Candidate, now: number): Html =>
  html`<li class="${chosen ? 'chosen' : counts ? 'counts' : 'left-out'}">
    <span class="candidate-mark" aria-hidden="true"></span>
    <b>${cluster}</b>
    <span class="candidate-text"
      >${chosen ? 'in this answer' : text}${since !== undefined && html`, for ${age(since, now)}`}${
        chosen && addresses.length > 0 && html` <span class="mono">${addresses.slice(0, 3).join(', ')}</span>`
      }</span
    >
  </li>`;

const change = ({ text, in: where, command }: Change): Html =>
  html`<li>
    ${text}${where !== undefined && html` <span class="muted">(in ${where})</span>`}${
      command !== undefined && html`<code class="command">${command}</code>`
    }
  </li>`;

const step = ({ state, text, objects }: Step): Html =>
  html`<li class="step step-${state}">
    ${text}${
      objects.length > 0 &&
      html`<span class="objects"
        >${objects.map(
          ({ in: where, kind, namespace, name }) =>
            html`<span class="object mono"
              >${where}: ${kind} ${namespace !== undefined && `${namespace}/`}${name}</span
            >`,
        )}</span
      >`
    }
  </li>`;
