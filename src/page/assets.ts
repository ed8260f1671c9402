import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A file that the page refers to. */
export interface Asset {
  readonly contentType: string;
  readonly body: string;
}

export interface Assets {
  /** URL path → file */
  readonly files: ReadonlyMap<string, Asset>;
  /** URL path of the script that the page starts. */
  readonly script: string;
  readonly style: string;
}

// In a checkout the source; in the published package its bundle.
const CLIENT = new URL('./client/main.ts', import.meta.url);
const STYLE = new URL('../page/assets/page.css', import.meta.url);
const ICON = new URL('../page/assets/icon.svg', import.meta.url);

/** @throws Error where a file is missing, which is no fault of the user's */
export function loadAssets(): Assets {
  const files = new Map<string, Asset>();
  const text = (url: URL): string => readFileSync(url, 'utf8');
  const style = '/assets/page.css';
  files.set(style, { contentType: 'text/css; charset=utf-8', body: text(STYLE) });
  files.set('/assets/icon.svg', { contentType: 'image/svg+xml', body: text(ICON) });
  const contentType = 'text/javascript; charset=utf-8';
  if (!CLIENT.pathname.endsWith('.ts')) {
    const script = '/assets/page.js';
    files.set(script, { contentType, body: text(CLIENT) });
    return { files, script, style };
  }
  const root = fileURLToPath(new URL('..', import.meta.url));
  const pathOf = (url: URL): string => `/assets/source/${fileURLToPath(url).slice(root.length)}`;
  const load = (url: URL): void => {
    if (files.has(pathOf(url))) return;
    const body = withoutTypes(text(url));
    files.set(pathOf(url), { contentType, body });
    for (const [, target = ''] of body.matchAll(IMPORTED)) load(new URL(target, url));
  };
  load(CLIENT);
  return { files, script: pathOf(CLIENT), style };
}

const IMPORTED = /^\s*(?:import|export)\b[^'"]*?from\s+'(\.[^']+)'/gm;

/** As Node itself runs the rest of the source; that it may change is a concern of checkouts, and no news for who starts one. */
function withoutTypes(source: string): string {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
