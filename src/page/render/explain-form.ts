import { type Html, html } from '../html.ts';
import type { PageModel } from '../model.ts';

const TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'PTR', 'ANY'] as const;

export interface ExplainAsked {
  readonly name?: string;
  readonly type?: string;
  readonly cluster?: string;
  readonly from?: string;
}

/** The box that asks why a name answers what it does. Pure. */
export function explainForm({ clusters, zone, services }: PageModel, asked: ExplainAsked): Html {
  const [example] = services;
  const [namespace = 'shop', name = 'web'] = example?.key.split('/') ?? [];
  const askable = clusters.filter(({ inSight }) => inSight);
  return html`<form class="explain" id="explain" action="/explain" method="get">
    <div class="field field-name">
      <label for="explain-name">Name</label
      ><input
        id="explain-name"
        class="mono"
        name="name"
        value="${asked.name ?? ''}"
        placeholder="${name}.${namespace}.svc.${zone}"
        required
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
      />
    </div>
    <div class="field">
      <label for="explain-type">Type</label
      ><select id="explain-type" name="type">
        ${TYPES.map((type) => html`<option${type === asked.type && html` selected`}>${type}</option>`)}
      </select>
    </div>
    <div class="field">
      <label for="explain-cluster">Asked in</label
      ><select id="explain-cluster" name="cluster">
        ${askable.map(({ id }) => html`<option${id === asked.cluster && html` selected`}>${id}</option>`)}
      </select>
    </div>
    <button class="button button-primary">Explain</button>
  </form>`;
}
