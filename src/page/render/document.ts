/** Whole pages: complete without a script, which then keeps them up to date. Pure. */
import { type Html, html } from '../html.ts';
import type { PageModel } from '../model.ts';

/** What is around every page. */
export interface Frame {
  readonly model: PageModel;
  readonly version: string;
  /** URL paths of the script and the style. */
  readonly script: string;
  readonly style: string;
  /** What the visitor has chosen; undefined = as the system has it. */
  readonly theme: 'light' | 'dark' | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Shown {
  readonly title: string;
  /** What the script looks for: `overview`, `service`, `explain`, `missing`. */
  readonly name: string;
  /** What the script is to know, as `data-` attributes of the body. */
  readonly service?: string;
  readonly main: Html;
}

export function page({ model, version, script, style, theme }: Frame, shown: Shown): Html {
  const { kind, source } = model;
  return html`<!doctype html>
    <html lang="en" ${theme !== undefined && html` data-theme="${theme}"`}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${shown.title} · Pharos</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${style}" />
        <script type="module" src="${script}"></script>
      </head>
      <body data-page="${shown.name}" data-service="${shown.service ?? ''}">
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="/"
            ><svg viewBox="0 0 32 32" aria-hidden="true">
              <path class="brand-light" d="M16 7 L31 2 V12 Z M16 7 L1 2 V12 Z" />
              <path
                class="brand-tower"
                d="M12.6 11 H19.4 L21.5 28 H10.5 Z M12 9.5 H20 V11.5 H12 Z M13 5 L16 2.5 L19 5 V9 H13 Z M8 28 H24 V30 H8 Z"
              /></svg
            ><span>Pharos</span></a
          >
          <p class="where">
            <span class="kind">${kind === 'playground' ? 'playground' : 'clusterset'}</span
            ><span class="source mono" title="${source}">${source}</span>
          </p>
          <p class="live" id="live" role="status">
            <span class="live-dot"></span><span class="live-text">as it was when this page was loaded</span>
          </p>
          <div class="themes" role="group" aria-label="Colours" hidden>
            <button
              data-set-theme="auto"
              aria-pressed="${String(theme === undefined)}"
              title="As the system has it"
            >
              Auto
            </button>
            <button data-set-theme="light" aria-pressed="${String(theme === 'light')}">Light</button>
            <button data-set-theme="dark" aria-pressed="${String(theme === 'dark')}">Dark</button>
          </div>
        </header>
        <main id="main" tabindex="-1">${shown.main}</main>
        <footer class="foot">
          <p>Pharos ${version}</p>
          <p><a href="/api/v1/overview">as JSON</a> · <a href="/metrics">metrics</a></p>
        </footer>
      </body>
    </html> `;
}
