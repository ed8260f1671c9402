import type { Explanation } from '../../explain/explanation.ts';
import { html } from '../html.ts';
import { explanation, noExplanation } from '../render/explanation.ts';
import { put } from './put.ts';

/** How long changes are let pass by before what stands in the box is asked again. */
const ASK_AGAIN_MS = 400;

/** The box that explains a name: asks the server, and shows what it says without leaving the page. */
export class ExplainBox {
  readonly #form = document.querySelector<HTMLFormElement>('#explain');
  readonly #told = document.querySelector('#explanation');
  #asked = ''; // the last question's query
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#form?.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#ask(this.#question(), true);
    });
    this.#told?.addEventListener('click', (event) => {
      const near = (event.target as Element).closest<HTMLElement>('[data-explain]');
      const name = this.#form?.querySelector<HTMLInputElement>('[name=name]');
      if (near === null || name === null || name === undefined) return;
      event.preventDefault();
      name.value = near.dataset['explain'] ?? '';
      void this.#ask(this.#question(), true);
    });
  }

  /** What is explained may have changed. */
  changed(): void {
    if (this.#asked === '') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(this.#asked, false), ASK_AGAIN_MS);
  }

  #question(): string {
    const fields = this.#form === null ? [] : [...new FormData(this.#form)];
    const given = fields.filter(
      (field): field is [string, string] => typeof field[1] === 'string' && field[1] !== '',
    );
    return new URLSearchParams(given).toString();
  }

  async #ask(query: string, isNew: boolean): Promise<void> {
    this.#asked = query;
    if (isNew) put(this.#told, html`<p class="muted asking">Looking…</p>`);
    const answer = await told(query);
    if (this.#asked === query) put(this.#told, answer);
  }
}

async function told(query: string): Promise<ReturnType<typeof explanation>> {
  try {
    const response = await fetch(`/api/v1/explain?${query}`);
    const text = await response.text();
    if (!response.ok) return noExplanation(text.trim());
    return explanation(JSON.parse(text) as Explanation, Date.now());
  } catch {
    return noExplanation('The server does not answer; it is asked again when it is back.');
  }
}
