/** What keeps a page up to date that the server has sent whole. */
import { withChange } from '../changes.ts';
import { html } from '../html.ts';
import type { LogEntry, PageModel } from '../model.ts';
import { clusterCards } from '../render/clusters.ts';
import { logEntries } from '../render/log.ts';
import { foundText, noServices, problems, summary } from '../render/overview.ts';
import { picture } from '../render/picture.ts';
import { serviceBody } from '../render/service.ts';
import { tunnelTable } from '../render/tunnels.ts';
import { found, isShow, type Show } from '../render/services.ts';
import { ExplainBox } from './explain-box.ts';
import { follow } from './follow.ts';
import { put, say } from './put.ts';
import { offerThemes } from './theme.ts';
import { keepTimes, localClocks } from './times.ts';
import { VirtualRows } from './virtual-rows.ts';

const byId = (id: string): HTMLElement | null => document.getElementById(id);

const MOST_LOG_ENTRIES = 300;
const parameters = new URLSearchParams(location.search);
const given = parameters.get('show');

let model: PageModel | undefined;
let log: readonly LogEntry[] = [];
let search = parameters.get('q') ?? '';
let show: Show = isShow(given) ? given : 'all';

const table = byId('table');
const rowsElement = byId('rows');
let rows: VirtualRows | undefined; // once there is a model to show

function drawServices(): void {
  if (model === undefined || table === null || rowsElement === null) return;
  const fitting = found(model.services, search, show);
  rows ??= new VirtualRows(table, rowsElement);
  rows.show(fitting);
  say(byId('found'), foundText(fitting.length, model.services.length));
  put(byId('none'), html`${noServices(model, fitting.length)}`);
}

function drawLog(): void {
  put(byId('log'), logEntries(log));
  localClocks();
}

function drawHead(): void {
  if (model === undefined) return;
  const now = Date.now();
  put(byId('summary'), summary(model));
  put(byId('problems'), problems(model));
  put(byId('picture'), picture(model));
  put(byId('clusters'), clusterCards(model, now));
  put(byId('tunnels'), html`${tunnelTable(model, now)}`);
}

const explainBox = new ExplainBox();

const LIVE_WORDS = {
  live: 'live',
  lost: 'connection lost, trying again',
  full: 'too many pages follow already; reload to look again',
} as const;

follow(document.body.dataset['service'] ?? '', {
  snapshot(now, entries) {
    model = now;
    log = entries;
    drawHead();
    drawServices();
    drawLog();
  },
  change(change) {
    if (model === undefined) return;
    model = withChange(model, change);
    // Elsewhere each question costs the API server calls.
    if (model.kind === 'playground') explainBox.changed();
    if (change.log.length > 0) {
      log = [...log, ...change.log].slice(-MOST_LOG_ENTRIES);
      drawLog();
    }
    drawHead();
    if (change.services.length > 0 || change.gone.length > 0) drawServices();
  },
  service(detail) {
    put(byId('service'), serviceBody(detail, Date.now()));
  },
  connection(is) {
    const live = byId('live');
    live?.setAttribute('data-is', is);
    say(live?.querySelector('.live-text') ?? null, LIVE_WORDS[is]);
  },
});

function find(): void {
  rows?.toTop();
  drawServices();
  const query = new URLSearchParams({ ...(search !== '' && { q: search }), ...(show !== 'all' && { show }) });
  history.replaceState(null, '', query.size === 0 ? location.pathname : `?${query.toString()}`);
}

const searchField = byId('search') as HTMLInputElement | null;
searchField?.addEventListener('input', () => {
  search = searchField.value;
  find();
});
searchField?.form?.addEventListener('submit', (event) => event.preventDefault());

byId('shows')?.addEventListener('click', (event) => {
  const link = (event.target as Element).closest<HTMLElement>('[data-show]');
  const wanted = link?.dataset['show'] ?? null;
  if (link === null || !isShow(wanted)) return;
  event.preventDefault();
  show = wanted;
  for (const each of byId('shows')?.querySelectorAll('a') ?? []) each.removeAttribute('aria-current');
  link.setAttribute('aria-current', 'true');
  find();
});

// A cluster is cut off without the page being loaded again: what follows from it comes as events.
byId('clusters')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const button = form.querySelector('button');
  button?.setAttribute('aria-disabled', 'true');
  void fetch(form.action, { method: 'POST' }).finally(() => button?.removeAttribute('aria-disabled'));
});

document.addEventListener('keydown', (event) => {
  const isTyping = (event.target as Element).closest('input, select, textarea') !== null;
  if (isTyping || event.ctrlKey || event.altKey || event.metaKey) return;
  const field = { '/': 'search', e: 'explain-name' }[event.key];
  const element = field === undefined ? null : byId(field);
  if (element === null) return;
  event.preventDefault();
  element.focus();
});

document.documentElement.classList.add('scripted');
offerThemes();
keepTimes();
