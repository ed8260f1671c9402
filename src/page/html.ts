/**
 * HTML from templates: whatever is put in as text stays text, in elements and in quoted attributes alike. It is
 * the only way by which the page comes to markup, on the server and in the browser.
 */

/** Markup that is safe to send: made by {@link html} alone. */
export class Html {
  readonly #text: string;

  constructor(text: string, key: typeof MAKER) {
    if (key !== MAKER) throw new Error('Html is made by html`…`');
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

const MAKER = Symbol('html');

/** What may stand in a template; nothing is shown of `undefined` and `false`. */
export type Content = string | number | Html | undefined | false | readonly Content[];

/** @throws Error where a value would be an attribute without quotes, which text could break out of */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let text = strings[0] ?? '';
  for (const [at, value] of values.entries()) {
    if (/\s[\w:-]+=$/.test(text))
      throw new Error(`html: a value after "${text.slice(-20)}" needs quotes around it`);
    text += render(value) + (strings[at + 1] ?? '');
  }
  return new Html(text, MAKER);
}

function render(value: Content): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number') return String(value);
  if (value instanceof Html) return value.toString();
  return value.map(render).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Control characters, and those that turn the direction of what follows, have no place in names; they show as what they are. */
// eslint-disable-next-line no-control-regex
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

const escapeText = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(ODD, '\ufffd')
    .replaceAll(/[&<>"'`]/g, (character) => ENTITIES[character] ?? '');
