/** The one place where markup gets into the document. */
import type { Html } from '../html.ts';

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createHTML: (text: string) => string },
  ): {
    createHTML(text: string): string;
  };
}

// Where the browser knows them, nothing else can set markup: the server's Content-Security-Policy says so.
const trusted = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
const policy = trusted?.createPolicy('pharos', { createHTML: (text) => text }) ?? {
  createHTML: (text: string) => text,
};

/** Replaces what is in an element; who had the focus, or was scrolled to, still is. */
export function put(element: Element | null, content: Html | string): void {
  if (element === null) return;
  const text = policy.createHTML(String(content));
  const last = written.get(element);
  if (last === text) return;
  const focused = element.contains(document.activeElement) ? document.activeElement?.id : undefined;
  const { scrollTop } = element;
  const open = [...element.querySelectorAll('details')].map((details) => details.open);
  element.innerHTML = text;
  written.set(element, text);
  for (const [at, details] of element.querySelectorAll('details').entries()) details.open = open[at] ?? false;
  if (element.scrollTop !== scrollTop) element.scrollTop = scrollTop;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** What stands in an element already is not written again. */
const written = new WeakMap<Element, string>();

/** Plain text, which needs no policy. */
export function say(element: Element | null, text: string): void {
  if (element !== null && element.textContent !== text) element.textContent = text;
}
