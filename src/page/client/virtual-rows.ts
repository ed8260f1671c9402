import { html } from '../html.ts';
import type { ServiceModel } from '../model.ts';
import { serviceRow } from '../render/services.ts';
import { put } from './put.ts';

/** Rows beyond the edges that are there too, so that scrolling finds them drawn. */
const BEYOND = 8;

/** A list of which only the rows in sight are in the document, however many there are. */
export class VirtualRows {
  readonly #table: Element;
  readonly #rows: HTMLElement;
  #services: readonly ServiceModel[] = [];
  #rowHeight = 0;
  #isDue = false;

  /** @param rows scrolls; all rows in it are of one height */
  constructor(table: Element, rows: HTMLElement) {
    this.#table = table;
    this.#rows = rows;
    rows.addEventListener('scroll', () => this.#soon(), { passive: true });
    rows.addEventListener('keydown', (event) => this.#onKey(event));
    new ResizeObserver(() => {
      this.#rowHeight = 0;
      this.#soon();
    }).observe(rows);
  }

  show(services: readonly ServiceModel[]): void {
    this.#services = services;
    this.#table.setAttribute('aria-rowcount', String(services.length + 1));
    this.#draw();
  }

  toTop(): void {
    this.#rows.scrollTop = 0;
  }

  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw(): void {
    const rows = this.#rows;
    const height = this.#height();
    const first = Math.max(0, Math.floor(rows.scrollTop / height) - BEYOND);
    const last = Math.min(
      this.#services.length,
      Math.ceil((rows.scrollTop + rows.clientHeight) / height) + BEYOND,
    );
    const now = Date.now();
    const shown = this.#services
      .slice(first, last)
      .map((service, at) => serviceRow(service, first + at, now));
    rows.style.setProperty('--before', `${first * height}px`);
    rows.style.setProperty('--after', `${(this.#services.length - last) * height}px`);
    put(rows, html`${shown}`);
  }

  #height(): number {
    if (this.#rowHeight === 0) {
      this.#rowHeight = this.#rows.querySelector('.row')?.getBoundingClientRect().height ?? 0;
    }
    return this.#rowHeight || 52;
  }

  #onKey(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#rows.clientHeight / this.#height()) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    const step = steps[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const row = document.activeElement?.closest('[aria-rowindex]');
    const at = row === null || row === undefined ? -1 : Number(row.getAttribute('aria-rowindex')) - 2;
    this.#focus(Math.min(Math.max(0, at + step), this.#services.length - 1));
  }

  #focus(index: number): void {
    const height = this.#height();
    const rows = this.#rows;
    const top = index * height;
    if (top < rows.scrollTop) rows.scrollTop = top;
    else if (top + height > rows.scrollTop + rows.clientHeight)
      rows.scrollTop = top + height - rows.clientHeight;
    this.#draw();
    rows.querySelector<HTMLElement>(`[aria-rowindex="${index + 2}"] a`)?.focus({ preventScroll: true });
  }
}
